"""`python -m lite_ensam`."""

from lite_ensam.cli import main

main()

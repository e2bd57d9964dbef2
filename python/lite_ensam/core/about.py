"""What every output says about the program that made it."""

from lite_ensam._kernels import __version__

__all__ = ["DISCLAIMER", "__version__"]

DISCLAIMER = "Research use, not a medical device."
"""Every output says so."""

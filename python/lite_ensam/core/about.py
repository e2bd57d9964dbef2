"""Version and disclaimer, which every output repeats."""

from lite_ensam._kernels import __version__

__all__ = ["DISCLAIMER", "__version__"]

DISCLAIMER = "Research use, not a medical device."
"""Statement of intended use, part of every output."""

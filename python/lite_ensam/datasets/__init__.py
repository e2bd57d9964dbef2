"""Where cases come from: folders, lists, and a phantom that is made up."""

from lite_ensam.datasets.folders import CaseFiles, find_cases
from lite_ensam.datasets.phantom import make_phantom

__all__ = ["CaseFiles", "find_cases", "make_phantom"]

"""Where cases come from: folders, lists, and a phantom that is made up."""

from lite_ensam.datasets.case_files import CaseFiles
from lite_ensam.datasets.folders import find_cases
from lite_ensam.datasets.phantom import make_phantom

__all__ = ["CaseFiles", "find_cases", "make_phantom"]

"""Archives (PACS; extra `pacs`): studies in over DICOMweb, results out over DICOMweb or C-STORE.

A place `dicomweb+https://HOST/dicom-web/studies/UID[/series/UID]` stands wherever a folder of DICOM files may. The
rest of `io` imports this where an address turns up.
"""

from lite_ensam.io.pacs.address import StudyAddress
from lite_ensam.io.pacs.fetching import FetchedFile, FetchedStudy, Progress, fetch_study
from lite_ensam.io.pacs.sending import check_destination, send

__all__ = [
    "FetchedFile",
    "FetchedStudy",
    "Progress",
    "StudyAddress",
    "check_destination",
    "fetch_study",
    "send",
]

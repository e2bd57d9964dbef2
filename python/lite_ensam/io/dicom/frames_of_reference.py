"""Whether what is drawn lies in the space of the CT."""

from lite_ensam.core.errors import CaseError
from lite_ensam.core.scan_source import ScanSource

__all__ = ["check_frame_of_reference"]


def check_frame_of_reference(uid: str, ct: ScanSource) -> None:
    """Raise `CaseError` if a frame of reference is known and not the CT's; scans that are not DICOM have none."""
    own = ct.frame_of_reference_uid
    if uid and own and uid != own:
        raise CaseError("lies in another frame of reference than the CT: it was drawn on another scan")

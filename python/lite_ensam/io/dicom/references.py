"""Which images a DICOM file of marks or of a mask refers to: that is how the CT it belongs to is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lite_ensam.core.errors import printable
from lite_ensam.io.dicom.datasets import Dataset, PathLike, is_dicom, keep_identifiers_quiet, read_dataset

__all__ = ["References", "referred_images"]


@dataclass(frozen=True)
class References:
    """What a file refers to.

    Parameters
    ----------
    name : the file's name, for messages
    images : SOPInstanceUIDs
    frames : FrameOfReferenceUIDs, for what is only placed in space
    """

    name: str = ""
    images: frozenset[str] = frozenset()
    frames: frozenset[str] = frozenset()

    @classmethod
    def of(cls, path: PathLike | None) -> References:
        """References of a DICOM file; none of any other file, whose reader will say what is wrong with it."""
        if path is None or not is_dicom(path):
            return cls()
        try:
            content = read_dataset(path, voxels=False)
            with keep_identifiers_quiet():
                return cls(
                    printable(Path(path).name),
                    referred_images(content),
                    _values(content, "ReferencedFrameOfReferenceUID")
                    | _values(content, "FrameOfReferenceUID"),
                )
        except Exception:  # damaged files have many ways
            return cls()

    def count(self, planes: Sequence[Dataset]) -> tuple[int, bool]:
        """How many images of a series are meant, and whether it lies in the same space."""
        n_images = len(self.images & {str(plane.get("SOPInstanceUID", "")) for plane in planes})
        return n_images, str(planes[0].get("FrameOfReferenceUID", "")) in self.frames


def referred_images(content: Dataset) -> frozenset[str]:
    """SOPInstanceUIDs of all images that are mentioned anywhere."""
    return _values(content, "ReferencedSOPInstanceUID")


def _values(content: Dataset, keyword: str) -> frozenset[str]:
    return frozenset(str(one.value) for one in content.iterall() if one.keyword == keyword)

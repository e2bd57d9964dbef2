"""Which images a DICOM file of marks or of a mask refers to: that is how the CT it belongs to is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lite_ensam.core.errors import printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.io.dicom.datasets import Dataset, PathLike, is_dicom, keep_identifiers_quiet, read_dataset

__all__ = ["References", "referred_frames"]

_POINTS = (0x30060050, 0x00700022)
"""ContourData, GraphicData: long, and without references."""


@with_short_repr
@dataclass(frozen=True)
class References:
    """The studies, series and slices that a DICOM file refers to.

    Parameters
    ----------
    name : str, default ""
        The file's name, for messages.
    frames_of_image : Mapping[str, frozenset[int]], optional
        SOPInstanceUIDs, with the numbers of frames where some are named.
    spaces : frozenset[str], optional
        FrameOfReferenceUIDs, for what is only placed in space.
    """

    name: str = ""
    frames_of_image: Mapping[str, frozenset[int]] = field(default_factory=dict)
    spaces: frozenset[str] = frozenset()

    @classmethod
    def of(cls, path: PathLike | None) -> References:
        """References of a DICOM file; none of any other file, whose reader will say what is wrong with it."""
        if path is None or not is_dicom(path):
            return cls()
        try:
            content = read_dataset(path, voxels=False)
            with keep_identifiers_quiet():
                items = list(_items(content))
                spaces = {
                    str(item.get(name))
                    for item in items
                    for name in ("FrameOfReferenceUID", "ReferencedFrameOfReferenceUID")
                    if name in item
                }
                return cls(printable(Path(path).name), referred_frames(content), frozenset(spaces))
        except Exception:  # damaged files have many ways
            return cls()

    def count(self, planes: Sequence[Dataset]) -> tuple[int, bool]:
        """How many of the planes are meant, and whether they lie in the same space."""
        n_planes = 0
        for plane in planes:
            frames = self.frames_of_image.get(str(plane.get("SOPInstanceUID", "")))
            own = plane.get("ReferencedFrameNumber")
            n_planes += frames is not None and (not frames or own is None or int(own) in frames)
        return n_planes, str(planes[0].get("FrameOfReferenceUID", "")) in self.spaces


def referred_frames(content: Dataset) -> dict[str, frozenset[int]]:
    """SOPInstanceUIDs of all images that are mentioned anywhere, with the frames that are named."""
    found: dict[str, set[int]] = defaultdict(set)
    for item in _items(content):
        if uid := item.get("ReferencedSOPInstanceUID"):
            numbers = item.get("ReferencedFrameNumber") or ()
            found[str(uid)].update(map(int, numbers if isinstance(numbers, Sequence) else [numbers]))
    return {uid: frozenset(frames) for uid, frames in found.items()}


def _items(content: Dataset) -> Iterator[Dataset]:
    """A dataset and the items of all its sequences."""
    yield content
    for tag in content.keys():  # noqa: SIM118  # iterating decodes every element
        if tag not in _POINTS and (element := content[tag]).VR == "SQ":
            for item in element.value:
                yield from _items(item)

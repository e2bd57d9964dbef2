"""Folders of scans with reference masks: where each case's files lie, and what it is called.

Two layouts, which may be mixed:

- `SOURCE/CASE/{ct.nii.gz, labels.nii.gz, marks.json}`; without marks the lines are drawn on the labels
- FLARE: `*.npz`, directly or one folder down, with `imgs`, `gts` and perhaps `recist`; without it the lines
  are drawn on `gts`. The file's name says source and patient, see `name_parts`
"""

from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.types import PathLike
from lite_ensam.io import read_case

__all__ = ["CaseFiles", "find_cases", "name_parts"]


@dataclass(frozen=True)
class CaseFiles:
    """A case with its reference, not yet read.

    Parameters
    ----------
    source : where it comes from: its folder, or what its FLARE name begins with
    name : of the case
    ct : the scan's file
    marks : file of its lines, or None: they are in the scan's file, or drawn on the labels
    labels : file of its reference, or None: it is in the scan's file (FLARE)
    patient : whose it is: cases of one patient are never split between training and validation
    hu : True for Hounsfield units, False for a scan already windowed to 0-255, None to look
    """

    source: str
    name: str
    ct: Path
    marks: Path | None = None
    labels: Path | None = None
    patient: str = ""
    hu: bool | None = None

    def read(self) -> Case:
        """The case, under its name.

        Raises
        ------
        CaseError
            If it cannot be read, has no reference, or its reference lacks a marked tumour.
        MarkError
            If its marks are bad.
        """
        case = read_case(self.ct, self.marks, self.labels, hu=self.hu)
        if case.reference is None:
            raise CaseError(f"{printable(self.ct)}: has no reference mask (gts) to compare with")
        present = set(case.reference_masks.labels)
        for mark in case.marks:
            if mark.label not in present:
                raise CaseError(
                    f"{self.source}/{self.name}: the labels hold no tumour {mark.label}, which is marked"
                )
        return replace(case, name=self.name)


def find_cases(folder: PathLike) -> list[CaseFiles]:
    """Every case of a folder, in alphabetical order of source and name; CaseError if there is none."""
    root = Path(folder)
    found = [_folder_case(path.parent) for path in root.glob("*/*/ct.nii.gz")]
    found += [_flare_case(path) for pattern in ("*.npz", "*/*.npz") for path in root.glob(pattern)]
    if not found:
        raise CaseError(
            f"{printable(root)}: no case to evaluate; looked for SOURCE/CASE/ct.nii.gz with labels.nii.gz and "
            "marks.json beside it, and for FLARE's *.npz"
        )
    return sorted(found, key=lambda case: (case.source, case.name))


def name_parts(name: str) -> tuple[str, str]:
    """Source and patient of a case by its name: what comes before the first number, and with it.

    Examples
    --------
    >>> name_parts("CT_Lesion_FLARE23Ts_0004")
    ('CT_Lesion_FLARE23Ts', 'CT_Lesion_FLARE23Ts_0004')
    >>> name_parts("CT_Lesion_000071_02_01_018-042__recist1")
    ('CT_Lesion', 'CT_Lesion_000071')
    >>> name_parts("59_nod7_ann0")
    ('', '59')
    """
    words = name.split("_")
    source = list(takewhile(lambda word: not word[:1].isdigit(), words))
    return ("_".join(source), "_".join(words[: len(source) + 1])) if len(source) < len(words) else ("", name)


def _folder_case(folder: Path) -> CaseFiles:
    marks = folder / "marks.json"
    patient = name_parts(folder.name)[1]
    return CaseFiles(
        source=folder.parent.name,
        name=folder.name,
        ct=folder / "ct.nii.gz",
        marks=marks if marks.exists() else None,
        labels=folder / "labels.nii.gz",
        patient=f"{folder.parent.name}/{patient}",
    )


def _flare_case(path: Path) -> CaseFiles:
    source, patient = name_parts(path.stem)
    source = source or path.parent.name
    return CaseFiles(source, path.stem, path, patient=f"{source}/{patient}")

"""One case before it is read: which files it has, whose it is and what it is called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

import numpy as np

from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.types import PathLike
from lite_ensam.io import read_case
from lite_ensam.io.flare_npz import npz_keys
from lite_ensam.io.reading import file_suffix

__all__ = ["DRAWN", "CaseFiles", "are_lines_drawn", "name_parts", "reference_notes"]

DRAWN = (
    "lines were drawn on the reference, on each tumour's largest slice. Scores are better than with lines that a "
    "reader drew"
)
"""End of a note."""


@dataclass(frozen=True)
class CaseFiles:
    """The files of a case, not yet read; they need not exist.

    Parameters
    ----------
    source : str
        The source: its folder, or the beginning of its FLARE name.
    name : str
        Name of the case; a source has no two of one name.
    ct : Path
        The scan: a file, or a folder of DICOM slices.
    marks : Path or None, default None
        File of its lines, or None: they are in the scan's file, or drawn on the labels.
    labels : Path or None, default None
        File of its reference, or None: it is in the scan's file (FLARE), or missing.
    patient : str, default ""
        The patient, as far as names tell: cases of one patient are never split between training and
        validation.
    hu : bool or None, default None
        True for Hounsfield units, False for a scan already windowed to 0-255, None to decide by the values.
    path_name : str, default ""
        The way to it from the folder that was searched, as one name: `train__CT_1`.
    patient_id, date : str, default ""
        Patient and day (YYYY-MM-DD) as the data set gives them.
    series : str, default ""
        SeriesInstanceUID in a DICOM folder.
    acquisition : int or None, default None
        Number of an acquisition of that series.
    problem : str, default ""
        Why it cannot be read although its files are there: it is not plain which of them are meant.
    """

    source: str
    name: str
    ct: Path
    marks: Path | None = None
    labels: Path | None = None
    patient: str = ""
    hu: bool | None = None
    path_name: str = ""
    patient_id: str = ""
    date: str = ""
    series: str = ""
    acquisition: int | None = None
    problem: str = ""

    @property
    def key(self) -> str:
        """`source/name`, as in `exclude.txt` and messages."""
        return f"{self.source}/{self.name}"

    def read(self) -> Case:
        """Read the case with its reference; labels without a line become a note of its source.

        Returns
        -------
        Case
            The case with its reference.

        Raises
        ------
        CaseError
            If it cannot be read, has no reference, or its reference lacks a marked tumour.
        MarkError
            If its marks are bad.
        """
        case = read_case(
            self.ct,
            self.marks,
            self.labels,
            hu=self.hu,
            series_uid=self.series or None,
            acquisition=self.acquisition,
        )
        if case.reference is None:
            raise CaseError(f"{printable(self.ct)}: has no reference mask (gts) to compare with")
        present = set(np.unique(case.reference).tolist()) - {0}
        marked = {mark.label for mark in case.marks}
        if missing := sorted(marked - present):
            held = ", ".join(map(str, sorted(present))) or "no label"
            marked_by = "it" if self.marks is None else printable(self.marks)
            raise CaseError(
                f"{printable(self.key)}: {printable(self.labels or self.ct)} holds no tumour {missing[0]}, which "
                f"{marked_by} marks; it holds {held}"
            )
        return replace(case, name=self.name)


def are_lines_drawn(ct: PathLike, marks: PathLike | None) -> bool:
    """Whether the lines of a scan with a reference are drawn on that, since neither a file nor the scan holds any."""
    return not marks and not (file_suffix(ct) == ".npz" and "recist" in npz_keys(ct))


def reference_notes(labels: set[int], marked: set[int]) -> list[str]:
    """Sentences about labels that only a reference has, and about those that only lines have.

    Examples
    --------
    >>> reference_notes({1, 7}, {1})
    ['labels of the reference without a line are passed over: 7']
    >>> reference_notes({1}, {1, 2})
    ['lines whose label the reference does not have are not scored: 2']
    """
    texts = {
        "labels of the reference without a line are passed over": labels - marked,
        "lines whose label the reference does not have are not scored": marked - labels,
    }
    return [f"{text}: {', '.join(map(str, sorted(found)))}" for text, found in texts.items() if found]


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

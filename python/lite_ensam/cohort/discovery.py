"""Rows out of a folder, by the way its files are named.

| layout | scan | marks, reference |
|---|---|---|
| FLARE .npz | any `.npz` with `imgs` | `recist`, `gts` inside |
| FLARE NIfTI | `images*/CASE_0000.nii.gz` | `marks*/CASE.json` or `.csv`, `labels*/CASE.nii.gz` |
| lite-ensam | `.../CASE/ct.nii.gz` | `marks.json`, `labels.nii.gz` beside it |
| BIDS-like | `sub-X[/ses-Y]/.../sub-X[_ses-Y...]_ct.nii.gz` | `..._marks.json` or `.csv`, `..._dseg.nii.gz`, beside it or in the same place below `derivatives/*` |
| DICOM | CT series, however the files are called | SR, GSPS or RTSTRUCT that refers to the series |
"""  # noqa: E501

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from lite_ensam.cohort.dicom_archive import find_series
from lite_ensam.cohort.manifest import CohortCase, CohortManifest, table_problems
from lite_ensam.core.errors import CaseError, CohortError, printable
from lite_ensam.io.flare_npz import npz_keys
from lite_ensam.io.reading import file_suffix

__all__ = ["discover"]

_NIFTI = (".nii.gz", ".nii")
_MARKS = (".json", ".csv")


def discover(folder: str | os.PathLike[str]) -> CohortManifest:
    """All cases of a folder and its subfolders; layouts may be mixed, DICOM is looked for only if there is no other.

    Raises
    ------
    CohortError
        If there is no such folder or nothing in it that is a case.
    MissingExtraError
        If only DICOM can be there and pydicom is not installed.
    """
    root = Path(folder).absolute()
    if not root.is_dir():
        raise CohortError(f"{printable(folder)}: no such folder")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    rows = tuple(row for layout in (_flare_npz, _flare_nifti, _own, _bids) for row in layout(root, files))
    notes: tuple[str, ...] = ()
    if not rows:
        rows, notes = find_series(files)
    if not rows:
        raise CohortError(
            f"{printable(folder)}: holds no case that is known by its name: no FLARE, BIDS-like or lite-ensam folder, "
            "no DICOM series with lines (see docs/scale.md)" + "".join(f"; {note}" for note in notes)
        )
    return CohortManifest(rows, tuple(table_problems(rows)), notes)


def _flare_npz(root: Path, files: list[Path]) -> Iterator[CohortCase]:
    for path in files:
        if path.suffix.lower() == ".npz":
            try:
                keys = npz_keys(path)
            except CaseError:
                keys = frozenset({"imgs"})  # a damaged scan is a case whose problem shall be told
            if "imgs" in keys:
                yield CohortCase(_case(root, path), str(path), reference=str(path) if "gts" in keys else "")


def _flare_nifti(root: Path, files: list[Path]) -> Iterator[CohortCase]:
    for path in files:
        stem, suffix = _split(path)
        if suffix in _NIFTI and stem.endswith("_0000") and path.parent.name.startswith("images"):
            case = stem.removesuffix("_0000")
            split = path.parent.name.removeprefix("images")
            beside = path.parent.parent
            marks = _first(beside / f"marks{split}" / (case + ending) for ending in _MARKS)
            reference = _first(beside / f"labels{split}" / (case + ending) for ending in _NIFTI)
            yield CohortCase(_case(root, path.with_name(case)), str(path), marks, reference)


def _own(root: Path, files: list[Path]) -> Iterator[CohortCase]:
    for path in files:
        stem, suffix = _split(path)
        if stem == "ct" and suffix in _NIFTI:
            marks = _first(path.with_name("marks" + ending) for ending in _MARKS)
            reference = _first(path.with_name("labels" + ending) for ending in _NIFTI)
            yield CohortCase(_case(root, path.parent), str(path), marks, reference)


def _bids(root: Path, files: list[Path]) -> Iterator[CohortCase]:
    for path in files:
        stem, suffix = _split(path)
        found = re.fullmatch(r"(sub-[^_]+)(?:_(ses-[^_]+))?(?:_.+)?_ct", stem)
        if found is None or suffix not in _NIFTI or "derivatives" in path.relative_to(root).parts:
            continue
        name = stem.removesuffix("_ct")
        inner = path.parent.relative_to(root)
        places = [path.parent, *sorted(place / inner for place in (root / "derivatives").glob("*"))]
        marks = _first(
            place / (name + ending) for place in places for ending in ("_marks.json", "_marks.csv")
        )
        reference = _first(place / f"{name}_dseg{ending}" for place in places for ending in _NIFTI)
        session = (found[2] or "").removeprefix("ses-")
        yield CohortCase(name, str(path), marks, reference, found[1].removeprefix("sub-"), _date(session))


def _case(root: Path, path: Path) -> str:
    """The way to a file, as a name: no two have the same but by intent."""
    relative = path.relative_to(root) if path != root else Path(root.name)
    stem, _ = _split(relative)
    return "__".join([*relative.parts[:-1], stem])


def _split(path: Path) -> tuple[str, str]:
    suffix = file_suffix(path)
    return path.name[: len(path.name) - len(suffix)], suffix


def _first(paths: Iterator[Path]) -> str:
    return next((str(path) for path in paths if path.is_file()), "")


def _date(text: str) -> str:
    """YYYYMMDD as YYYY-MM-DD; empty for what is none."""
    try:
        return date.fromisoformat(text).isoformat() if len(text) == 8 else ""
    except ValueError:
        return ""

"""Which cases lie in a folder, by the way its files are named; layouts may be mixed, at any depth.

| layout | scan | marks, reference |
|---|---|---|
| lite-ensam | `.../SOURCE/CASE/ct.nii.gz` | `marks.json` or `.csv`, `labels.nii.gz` next to it |
| FLARE .npz | any `.npz` with `imgs` | `recist`, `gts` inside |
| FLARE NIfTI | `images*/CASE_0000.nii.gz` | `marks*/CASE.json` or `.csv`, `labels*/CASE.nii.gz` |
| BIDS-like | `sub-X[/ses-Y]/.../sub-X[_ses-Y...]_ct.nii.gz` | `..._marks.json` or `.csv`, `..._dseg.nii.gz`, next to it or in the same place below `derivatives/*` |

Names decide, in upper or lower case, not what can be opened: a link that leads nowhere, a damaged file, marks or
labels of lite-ensam's layout whose scan is missing are cases that fail when they are read, and so is a scan with two
files of marks or two references. Marks and labels of the other layouts without a scan are counted in a note. Nothing
that should have been a case is skipped in silence.
"""  # noqa: E501

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.types import PathLike
from lite_ensam.datasets.case_files import CaseFiles, name_parts
from lite_ensam.datasets.file_tree import MARKS, NIFTI, FileTree, list_files, split_name
from lite_ensam.io.flare_npz import npz_keys

__all__ = ["FoundCases", "find_cases", "find_cases_and_notes", "list_cases", "wanted_cases"]

_MOST_NAMED = 5
_FIRST_CHANNEL = "_0000"
_DERIVATIVES = "derivatives"


class FoundCases(NamedTuple):
    """Cases in alphabetical order of where they lie, and sentences about the rest."""

    cases: tuple[CaseFiles, ...]
    notes: tuple[str, ...]


def find_cases(folder: PathLike) -> list[CaseFiles]:
    """Find every case of a folder with its reference, by source and name; see `list_cases`.

    Parameters
    ----------
    folder : PathLike
        Cases in one of the layouts of this module.

    Returns
    -------
    list[CaseFiles]
        Files of each case.
    """
    return list(list_cases(folder).cases)


def list_cases(folder: PathLike, only: Collection[str] | None = None) -> FoundCases:
    """Every case of a folder, each with its reference, in alphabetical order of source and name.

    Parameters
    ----------
    folder : PathLike
        Cases in one of the layouts of this module.
    only : Collection[str] or None, default None
        `source/case` of the cases that are wanted; None wants all.

    Raises
    ------
    CaseError
        If no case is found, a file of one is missing or there twice, two have one name, or a folder cannot be listed.
    """
    root = Path(folder)
    found = find_cases_and_notes(list_files(root))
    cases = tuple(sorted(found.cases, key=lambda case: (case.source, case.name)))
    if not cases:
        raise CaseError(
            f"{printable(root)}: no case to evaluate; looked for SOURCE/CASE/ct.nii.gz with labels.nii.gz and "
            "marks.json beside it, for FLARE's *.npz and images*/CASE_0000.nii.gz, and for BIDS's *_ct.nii.gz"
            + "".join(f"; {note}" for note in found.notes)
        )
    cases = wanted_cases(root, cases, only)
    for case, following in pairwise(cases):
        if case.key == following.key:
            raise CaseError(
                f"{printable(root)}: two cases are called {printable(case.key)}: "
                f"{printable(case.ct)} and {printable(following.ct)}"
            )
    if problems := [problem for case in cases for problem in _problems(case)]:
        more = f" ({len(problems)} problems in all)" if len(problems) > 1 else ""
        raise CaseError(f"{problems[0]}{more}")
    return FoundCases(cases, found.notes)


def wanted_cases(
    data: Path, cases: tuple[CaseFiles, ...], only: Collection[str] | None
) -> tuple[CaseFiles, ...]:
    """The cases whose `source/case` is among those that are wanted, all for None; CaseError if no case is."""
    if only is None:
        return cases
    only = [only] if isinstance(only, str) else only  # a text is one name, not all that it holds
    wanted = tuple(case for case in cases if case.key in only)
    if not wanted:
        raise CaseError(
            f"{printable(data)}: holds none of the {len(only)} cases that are wanted, such as "
            f"{printable(min(only, default=''))}"
        )
    return wanted


def _problems(case: CaseFiles) -> Iterator[str]:
    if case.problem:
        yield f"{printable(case.key)}: {case.problem}"
    for path in (case.ct, case.marks, case.labels):
        if path is not None and not path.exists():
            what = "is a link that leads nowhere" if path.is_symlink() else "no such file"
            yield f"{printable(path)}: {what}"
    if case.labels is None and case.ct.suffix.lower() != ".npz":
        yield f"{printable(case.ct)}: has no reference beside it (labels.nii.gz)"


def find_cases_and_notes(tree: FileTree) -> FoundCases:
    """Every case of a folder, whether its files are there or not, and what else a reader should know."""
    search = _Search(tree)
    found = [case for layout in _LAYOUTS for case in layout(search)]
    parents = {case.ct.parent.parent for case in found if split_name(case.ct)[0] == "ct"}
    scans = {case.ct.parent for case in found}
    notes = [*search.notes(), *_left_without_scan(search)]
    cases, apart = _own_halves(search, scans)
    found += cases
    notes += apart
    found += [_own_case(search, link / "ct.nii.gz") for link in tree.dead_links if link.parent in parents]
    others = [path for path in tree.files if path.suffix.lower() == ".npz" and not _has_scan(path)]
    loose = [link for link in tree.dead_links if link.parent not in parents]
    notes += [
        *_named_note(tree.root, others, ".npz files without the array imgs, which are not cases"),
        *_named_note(tree.root, loose, "links that lead nowhere"),
        *_named_note(tree.root, tree.repeated, "links to folders that are listed already"),
    ]
    return FoundCases(tuple(found), tuple(notes))


class _Search:
    """A tree in which layouts find cases; it knows which files of marks and labels belong to one."""

    def __init__(self, tree: FileTree) -> None:
        self.tree = tree
        self._used: set[Path] = set()
        self._apart: list[str] = []
        self._folders: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        for folder in sorted({path.parent for path in tree.files}):
            self._folders[folder.parent, folder.name.lower()].append(folder)
        self.derivatives = sorted({place for path in tree.files if (place := self.derivative(path))})

    def beside(
        self, scan: Path, folders: Sequence[Path], stems: Sequence[str], suffixes: Sequence[str]
    ) -> tuple[Path, ...]:
        """All files of a scan that lie in these folders under one of these stems."""
        # letter case is passed over only where it does not tell two scans apart
        alike = self.tree.named.get((scan.parent, split_name(scan)[0].lower()), ())
        exactly = len({split_name(path)[0] for path in alike}) > 1
        found = [
            path
            for folder in folders
            for stem in stems
            for path in self.tree.called(folder, stem, suffixes, exactly)
        ]
        self._used.update(found)
        return tuple(found)

    def unused(self) -> Iterator[tuple[Path, str, str]]:
        """Files that may be marks or masks and belong to no case yet, with stem and suffix in lower case."""
        for path in self.tree.files:
            stem, suffix = split_name(path)
            if suffix in (*MARKS, *NIFTI) and path not in self._used:
                yield path, stem.lower(), suffix

    def set_aside(self, files: Collection[Path]) -> None:
        """Take files for known that belong to no case."""
        self._used.update(files)

    def notes(self) -> list[str]:
        """A note if marks and reference of cases are of different derivatives: often two programs, or two readers."""
        n = len(self._apart)
        what = f"marks and reference of {n} case{'s' * (n > 1)} are of different {_DERIVATIVES}"
        return [f"{what}, such as {self._apart[0]}: are they of one reader?"] if n else []

    def sibling_folders(self, folder: Path, kind: str, other: str) -> list[Path]:
        """`labelsTr` for `imagesTr`, say, in upper or lower case."""
        return self._folders.get((folder.parent, (other + folder.name[len(kind) :]).lower()), [])

    def case(self, ct: Path, marks: Sequence[Path], labels: Sequence[Path], **facts: Any) -> CaseFiles:
        """A case of files that were found; where it is not plain which of them are meant, it has a problem."""
        problems = [
            f"there are {len(files)} {what}: {self._named(files)}. Keep one, or write a manifest that names the right "
            "one; they may be of two readers"
            for what, files in (("files of marks", marks), ("references", labels))
            if len(files) > 1
        ]
        readers = {self.derivative(path) for path in (*marks, *labels)} - {None}
        if not problems and len(readers) > 1:
            self._apart.append(self._named([*marks, *labels]))
        return CaseFiles(
            ct=ct,
            marks=next(iter(marks), None),
            labels=next(iter(labels), None),
            problem="; ".join(problems),
            **facts,
        )

    def _named(self, files: Sequence[Path]) -> str:
        return " and ".join(printable(path.relative_to(self.tree.root)) for path in files[:_MOST_NAMED])

    def derivative(self, path: Path) -> Path | None:
        """The folder `derivatives/READER` that a file lies in."""
        inside = path.relative_to(self.tree.root).parts
        is_derived = len(inside) > 2 and inside[0].lower() == _DERIVATIVES
        return self.tree.root / inside[0] / inside[1] if is_derived else None


def _own(search: _Search) -> Iterator[CaseFiles]:
    for path in search.tree.files:
        stem, suffix = split_name(path)
        if stem == "ct" and suffix in NIFTI:
            yield _own_case(search, path)


def _own_case(search: _Search, ct: Path) -> CaseFiles:
    folder = ct.parent
    source = folder.absolute().parent.name
    return search.case(
        ct,
        search.beside(ct, [folder], ["marks"], MARKS),
        search.beside(ct, [folder], ["labels"], NIFTI),
        source=source,
        name=folder.absolute().name,
        patient=f"{source}/{name_parts(folder.name)[1]}",
        path_name=search.tree.path_name(folder),
    )


def _own_halves(search: _Search, scans: Collection[Path]) -> tuple[list[CaseFiles], list[str]]:
    """Cases of marks and labels whose scan is missing, and a note on those that are not meant as cases."""
    left = [
        path
        for path, stem, suffix in search.unused()
        if (stem == "marks" and suffix in MARKS) or (stem == "labels" and suffix in NIFTI)
    ]
    apart = [path for path in left if path.parent in scans]
    folders = dict.fromkeys(path.parent for path in left if path.parent not in scans)
    return [_own_case(search, folder / "ct.nii.gz") for folder in folders], _named_note(
        search.tree.root,
        apart,
        "files of marks or labels that belong to no case: the scans next to them have other names",
    )


def _flare_npz(search: _Search) -> Iterator[CaseFiles]:
    for path in search.tree.files:
        if path.suffix.lower() == ".npz" and _has_scan(path):
            source, patient = name_parts(path.stem)
            source = source or path.absolute().parent.name
            yield CaseFiles(
                source, path.stem, path, patient=f"{source}/{patient}", path_name=search.tree.path_name(path)
            )


def _has_scan(path: Path) -> bool:
    try:
        return "imgs" in npz_keys(path)
    except CaseError:  # a damaged scan is a case whose problem shall be told
        return True


def _flare_nifti(search: _Search) -> Iterator[CaseFiles]:
    for path in search.tree.files:
        if path.parent.name.lower().startswith("images") and _is_first_channel(path):
            yield _flare_case(search, path)


def _is_first_channel(path: Path) -> bool:
    stem, suffix = split_name(path)
    return suffix in NIFTI and stem.endswith(_FIRST_CHANNEL)


def _flare_case(search: _Search, ct: Path) -> CaseFiles:
    name = split_name(ct)[0].removesuffix(_FIRST_CHANNEL)
    source, patient = name_parts(name)
    source = source or ct.absolute().parent.parent.name
    # marks and labels may be called as the scan's file is, unless that is the name of another case
    other = search.tree.called(ct.parent, name + 2 * _FIRST_CHANNEL, NIFTI)
    stems = [name] if other else [name, name + _FIRST_CHANNEL]
    marks, labels = (
        search.beside(ct, search.sibling_folders(ct.parent, "images", kind), stems, suffixes)
        for kind, suffixes in (("marks", MARKS), ("labels", NIFTI))
    )
    return search.case(
        ct,
        marks,
        labels,
        source=source,
        name=name,
        patient=f"{source}/{patient}",
        path_name=search.tree.path_name(ct.with_name(name)),
    )


def _bids(search: _Search) -> Iterator[CaseFiles]:
    for path in search.tree.files:
        stem, suffix = split_name(path)
        inside = path.relative_to(search.tree.root).parent.parts
        is_derived = _DERIVATIVES in map(str.lower, inside)
        if suffix in NIFTI and not is_derived and re.fullmatch("sub-.+_ct", stem.lower()):
            yield _bids_case(search, path)


def _bids_case(search: _Search, ct: Path) -> CaseFiles:
    root, name = search.tree.root, split_name(ct)[0][: -len("_ct")]
    found = re.match(r"sub-([^_]+)(?:_ses-([^_]+))?", name, re.IGNORECASE)
    subject, session = ("", None) if found is None else found.groups()
    folders = [ct.parent, *(reader / ct.parent.relative_to(root) for reader in search.derivatives)]
    source = root.absolute().name
    return search.case(
        ct,
        search.beside(ct, folders, [f"{name}_marks"], MARKS),
        search.beside(ct, folders, [f"{name}_dseg"], NIFTI),
        source=source,
        name=name,
        patient=f"{source}/sub-{subject}",
        path_name=name,
        patient_id=subject,
        date=_date(session or ""),
    )


def _left_without_scan(search: _Search) -> list[str]:
    """A note on marks and masks of FLARE's and BIDS's layouts that belong to no scan.

    Often it is not there on purpose: a part of a data set, test labels, a `_dseg` of an MRI.
    """
    left = [path for path, stem, suffix in search.unused() if _is_half(path, stem, suffix)]
    search.set_aside(left)
    return _named_note(
        search.tree.root, left, f"{len(left)} files of marks or masks without a scan, which are not cases"
    )


def _is_half(path: Path, stem: str, suffix: str) -> bool:
    """Whether a file may be the marks or the mask of a scan, by its folder (FLARE) or its name (BIDS)."""
    folder = path.parent.name.lower()
    kinds = (("marks", "_marks", MARKS), ("labels", "_dseg", NIFTI))
    return any(
        suffix in suffixes
        and (folder.startswith(kind) or (stem.startswith("sub-") and stem.endswith(ending)))
        for kind, ending, suffixes in kinds
    )


_Layout: TypeAlias = Callable[[_Search], Iterator[CaseFiles]]
_LAYOUTS: tuple[_Layout, ...] = (_flare_npz, _flare_nifti, _own, _bids)


def _date(text: str) -> str:
    """YYYYMMDD as YYYY-MM-DD; empty for anything else."""
    try:
        return date.fromisoformat(text).isoformat() if len(text) == 8 and text.isdecimal() else ""
    except ValueError:
        return ""


def _named_note(root: Path, paths: Sequence[Path], what: str) -> list[str]:
    if not paths:
        return []
    named = ", ".join(printable(path.relative_to(root)) for path in paths[:_MOST_NAMED])
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return [f"{what}: {named}{more}"]

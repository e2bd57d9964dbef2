"""Which cases lie in a folder, by the way its files are named; layouts may be mixed, at any depth.

| layout | scan | marks, reference |
|---|---|---|
| lite-ensam | `.../SOURCE/CASE/ct.nii.gz` | `marks.json` or `.csv`, `labels.nii.gz` next to it |
| FLARE .npz | any `.npz` with `imgs` | `recist`, `gts` inside |
| FLARE NIfTI | `images*/CASE_0000.nii.gz` | `marks*/CASE.json` or `.csv`, `labels*/CASE.nii.gz` |
| BIDS-like | `sub-X[/ses-Y]/.../sub-X[_ses-Y...]_ct.nii.gz` | `..._marks.json` or `.csv`, `..._dseg.nii.gz`, next to it or in the same place below `derivatives/*` |

Names decide, not what can be opened: a link that leads nowhere, a damaged file, and a folder of labels whose scan
is missing are cases that fail when they are read. Nothing that should have been a case is skipped in silence.
"""  # noqa: E501

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import PathLike
from lite_ensam.datasets.case_files import CaseFiles, name_parts
from lite_ensam.io.flare_npz import npz_keys
from lite_ensam.io.reading import file_suffix

__all__ = ["FileTree", "FoundCases", "find_cases", "find_cases_and_notes", "list_cases", "list_files"]

_NIFTI = (".nii.gz", ".nii")
_MARKS = (".json", ".csv")
_OWN_STEMS = ("ct", "marks", "labels")
_MOST_NAMED = 5


class FoundCases(NamedTuple):
    """Cases in alphabetical order of where they lie, and sentences about the rest."""

    cases: tuple[CaseFiles, ...]
    notes: tuple[str, ...]


@with_short_repr
@dataclass(frozen=True)
class FileTree:
    """Every name below a folder.

    Parameters
    ----------
    root : Path
        The folder.
    files : tuple[Path, ...]
        Files in alphabetical order: files, links that lead nowhere, and folders that are called like files.
    dead_links : tuple[Path, ...]
        Links that lead nowhere and are called like no file.
    repeated : tuple[Path, ...]
        Links to folders that are in the tree already.
    named : dict[tuple[Path, str, str], Path], optional
        Scans, masks and marks by folder, stem and suffix; suffixes, and the stems of our own layout, in lower
        case.
    """

    root: Path
    files: tuple[Path, ...]
    dead_links: tuple[Path, ...]
    repeated: tuple[Path, ...]
    named: dict[tuple[Path, str, str], Path] = field(repr=False)

    def beside(self, folder: Path, stem: str, suffixes: Iterable[str]) -> Path | None:
        """The first file of a folder with this stem and one of the suffixes."""
        return next((found for s in suffixes if (found := self.named.get((folder, stem, s)))), None)

    def path_name(self, path: Path) -> str:
        """The way from the root to a file, as one name: no two files have the same."""
        relative = path.relative_to(self.root) if path != self.root else Path(self.root.name)
        return "__".join([*relative.parts[:-1], split_name(relative)[0]])


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
        If no case is found, a file of one is missing, two have one name, or a folder cannot be listed.
    """
    root = Path(folder)
    found = find_cases_and_notes(list_files(root))
    cases = tuple(sorted(found.cases, key=lambda case: (case.source, case.name)))
    if not cases:
        raise CaseError(
            f"{printable(root)}: no case to evaluate; looked for SOURCE/CASE/ct.nii.gz with labels.nii.gz and "
            "marks.json beside it, for FLARE's *.npz and images*/CASE_0000.nii.gz, and for BIDS's *_ct.nii.gz"
        )
    cases = wanted_cases(root, cases, only)
    for case, following in pairwise(cases):
        if case.key == following.key:
            raise CaseError(
                f"{printable(root)}: two cases are called {printable(case.key)}: "
                f"{printable(case.ct)} and {printable(following.ct)}"
            )
    if problems := [problem for case in cases for problem in _missing_files(case)]:
        more = f" ({len(problems)} such files in all)" if len(problems) > 1 else ""
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


def _missing_files(case: CaseFiles) -> Iterator[str]:
    for path in (case.ct, case.marks, case.labels):
        if path is not None and not path.exists():
            what = "is a link that leads nowhere" if path.is_symlink() else "no such file"
            yield f"{printable(path)}: {what}"
    if case.labels is None and case.ct.suffix.lower() != ".npz":
        yield f"{printable(case.ct)}: has no reference beside it (labels.nii.gz)"


def find_cases_and_notes(tree: FileTree) -> FoundCases:
    """Every case of a folder, whether its files are there or not, and what else a reader should know."""
    found = [case for layout in _LAYOUTS for case in layout(tree)]
    parents = {case.ct.parent.parent for case in found if split_name(case.ct)[0] == "ct"}
    scanless = {path.parent: None for path in tree.files if path.parent.parent in parents and _is_own(path)}
    for folder in (*scanless, *(link for link in tree.dead_links if link.parent in parents)):
        if not tree.beside(folder, "ct", _NIFTI):
            found.append(_own_case(tree, folder / "ct.nii.gz"))
    others = [path for path in tree.files if path.suffix.lower() == ".npz" and not _has_scan(path)]
    loose = [link for link in tree.dead_links if link.parent not in parents]
    notes = [
        *_named_note(tree.root, others, ".npz files without the array imgs, which are not cases"),
        *_named_note(tree.root, loose, "links that lead nowhere"),
        *_named_note(tree.root, tree.repeated, "links to folders that are listed already"),
    ]
    return FoundCases(tuple(found), tuple(notes))


def list_files(root: Path) -> FileTree:
    """Every file below a folder; links to folders are followed, and each folder is looked into once.

    Files that macOS writes next to others (`._name`) are left out.

    Raises
    ------
    CaseError
        If the folder, or one below it, cannot be listed.
    """
    files: list[Path] = []
    dead: list[Path] = []
    repeated: list[Path] = []
    seen: set[tuple[int, int]] = set()
    folders, links = deque([root]), deque[Path]()
    while folders or links:
        folder = folders.popleft() if folders else links.popleft()  # real folders give cases their names
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                repeated.append(folder)
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                listing = sorted(
                    (entry for entry in entries if not entry.name.startswith("._")), key=_entry_name
                )
        except OSError as error:
            raise CaseError(f"{printable(folder)}: cannot be listed ({error.strerror or error})") from None
        for entry in listing:
            path = folder / entry.name
            is_folder = _leads_to_folder(entry)
            if is_folder:
                (links if entry.is_symlink() else folders).append(path)
            is_called_like_a_file = bool(file_suffix(path))
            is_dead = entry.is_symlink() and not path.exists()
            if is_dead and not is_called_like_a_file:
                dead.append(path)
            elif not is_folder or is_called_like_a_file:
                files.append(path)
    files.sort()
    # in reverse, so that of two names that differ in case only the first is found
    named = {_file_key(path): path for path in reversed(files) if file_suffix(path) in (*_NIFTI, *_MARKS)}
    return FileTree(root, tuple(files), tuple(dead), tuple(repeated), named)


def split_name(path: Path) -> tuple[str, str]:
    """Stem and suffix, the suffix in lower case; of `ct`, `marks` and `labels` the stem too."""
    suffix = file_suffix(path)
    stem = path.name[: len(path.name) - len(suffix)]
    return (stem.lower() if stem.lower() in _OWN_STEMS else stem), suffix


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _entry_name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _file_key(path: Path) -> tuple[Path, str, str]:
    return path.parent, *split_name(path)


def _is_own(path: Path) -> bool:
    stem, suffix = split_name(path)
    return (stem == "labels" and suffix in _NIFTI) or (stem == "marks" and suffix in _MARKS)


def _own(tree: FileTree) -> Iterator[CaseFiles]:
    for path in tree.files:
        stem, suffix = split_name(path)
        if stem == "ct" and suffix in _NIFTI:
            yield _own_case(tree, path)


def _own_case(tree: FileTree, ct: Path) -> CaseFiles:
    folder = ct.parent
    source = folder.absolute().parent.name
    return CaseFiles(
        source=source,
        name=folder.absolute().name,
        ct=ct,
        marks=tree.beside(folder, "marks", _MARKS),
        labels=tree.beside(folder, "labels", _NIFTI),
        patient=f"{source}/{name_parts(folder.name)[1]}",
        path_name=tree.path_name(folder),
    )


def _flare_npz(tree: FileTree) -> Iterator[CaseFiles]:
    for path in tree.files:
        if path.suffix.lower() == ".npz" and _has_scan(path):
            source, patient = name_parts(path.stem)
            source = source or path.absolute().parent.name
            yield CaseFiles(
                source, path.stem, path, patient=f"{source}/{patient}", path_name=tree.path_name(path)
            )


def _has_scan(path: Path) -> bool:
    try:
        return "imgs" in npz_keys(path)
    except CaseError:  # a damaged scan is a case whose problem shall be told
        return True


def _flare_nifti(tree: FileTree) -> Iterator[CaseFiles]:
    for path in tree.files:
        stem, suffix = split_name(path)
        if suffix in _NIFTI and stem.endswith("_0000") and path.parent.name.startswith("images"):
            name = stem.removesuffix("_0000")
            split, beside = path.parent.name.removeprefix("images"), path.parent.parent
            source, patient = name_parts(name)
            source = source or beside.absolute().name
            yield CaseFiles(
                source=source,
                name=name,
                ct=path,
                marks=tree.beside(beside / f"marks{split}", name, _MARKS),
                labels=tree.beside(beside / f"labels{split}", name, _NIFTI),
                patient=f"{source}/{patient}",
                path_name=tree.path_name(path.with_name(name)),
            )


def _bids(tree: FileTree) -> Iterator[CaseFiles]:
    derivatives = sorted(
        {
            tree.root / "derivatives" / inner.parts[1]
            for path in tree.files
            if (inner := path.relative_to(tree.root)).parts[0] == "derivatives" and len(inner.parts) > 2
        }
    )
    for path in tree.files:
        stem, suffix = split_name(path)
        inner = path.parent.relative_to(tree.root)
        found = re.fullmatch(r"(sub-([^_]+))(?:_ses-([^_]+))?(?:_.+)?_ct", stem)
        if found is None or suffix not in _NIFTI or "derivatives" in inner.parts:
            continue
        name = stem.removesuffix("_ct")
        places = [path.parent, *(place / inner for place in derivatives)]
        marks = (tree.beside(place, f"{name}_marks", _MARKS) for place in places)
        labels = (tree.beside(place, f"{name}_dseg", _NIFTI) for place in places)
        yield CaseFiles(
            source=tree.root.absolute().name,
            name=name,
            ct=path,
            marks=next(filter(None, marks), None),
            labels=next(filter(None, labels), None),
            patient=f"{tree.root.absolute().name}/{found[1]}",
            path_name=name,
            patient_id=found[2],
            date=_date(found[3] or ""),
        )


_Layout: TypeAlias = Callable[[FileTree], Iterator[CaseFiles]]
_LAYOUTS: tuple[_Layout, ...] = (_flare_npz, _flare_nifti, _own, _bids)


def _date(text: str) -> str:
    """YYYYMMDD as YYYY-MM-DD; empty for anything else."""
    try:
        return date.fromisoformat(text).isoformat() if len(text) == 8 else ""
    except ValueError:
        return ""


def _named_note(root: Path, paths: Sequence[Path], what: str) -> list[str]:
    if not paths:
        return []
    named = ", ".join(printable(path.relative_to(root)) for path in paths[:_MOST_NAMED])
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return [f"{what}: {named}{more}"]

"""Every file below a folder, and how files of one case are found by their names."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lite_ensam.core.errors import CaseError, printable
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.io.reading import file_suffix

__all__ = ["MARKS", "NIFTI", "FileTree", "list_files", "split_name"]

NIFTI = (".nii.gz", ".nii")
MARKS = (".json", ".csv")
_OWN_STEMS = ("ct", "marks", "labels")


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
    named : dict[tuple[Path, str], list[Path]]
        Scans, masks and marks by folder and stem in lower case.
    """

    root: Path
    files: tuple[Path, ...]
    dead_links: tuple[Path, ...]
    repeated: tuple[Path, ...]
    named: dict[tuple[Path, str], list[Path]] = field(repr=False)

    def called(
        self, folder: Path, stem: str, suffixes: Sequence[str], exactly: bool = False
    ) -> tuple[Path, ...]:
        """Files of a folder with this stem and one of the suffixes, else those in other letter case.

        Parameters
        ----------
        folder : Path
            Where to look, not below it.
        stem : str
            Name without suffix.
        suffixes : Sequence[str]
            In lower case.
        exactly : bool, default False
            Whether letter case counts.
        """
        alike = [path for path in self.named.get((folder, stem.lower()), ()) if file_suffix(path) in suffixes]
        same = [path for path in alike if split_name(path)[0] == stem]
        return tuple(same if same or exactly else alike)

    def path_name(self, path: Path) -> str:
        """The way from the root to a file, as one name: no two files have the same."""
        relative = path.relative_to(self.root) if path != self.root else Path(self.root.name)
        return "__".join([*relative.parts[:-1], split_name(relative)[0]])


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
    named = defaultdict(list)
    for path in files:
        if file_suffix(path) in (*NIFTI, *MARKS):
            named[path.parent, split_name(path)[0].lower()].append(path)
    return FileTree(root, tuple(files), tuple(dead), tuple(repeated), dict(named))


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

"""Studies that were pushed, on the disk: whoever is killed and started again goes on with what is there.

A study is a folder with `objects`, `results` and `state.json`. Folders and files are named after hashes of UIDs, which
are identifiers of a patient, too.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Literal, TypeAlias

from lite_ensam.core.errors import CaseError, OutputError, printable
from lite_ensam.core.extras import require_packages
from lite_ensam.io.atomic import atomic_write, sweep_leftovers, translate_output_errors
from lite_ensam.io.report_files import read_report, write_report

__all__ = ["Inbox", "Outcome", "ReceivedStudy", "StudyState"]

Outcome: TypeAlias = Literal["new", "tried", "made", "sent", "kept"]
"""Nothing done yet; work has begun; results are on the disk; the archive has them; it cannot be done, and is kept."""

_SHOWN = 8
"""Characters of a study's name in the log."""


@dataclass(frozen=True)
class StudyState:
    """The processing state of a received study.

    Parameters
    ----------
    objects : str, default ""
        Hash of the names of the files it was processed with; other files start it again.
    outcome : Outcome, default "new"
        How far the processing came.
    n_tries : int, default 0
        Number of times that processing was started.
    """

    objects: str = ""
    outcome: Outcome = "new"
    n_tries: int = 0


@dataclass(frozen=True)
class ReceivedStudy:
    """A study in the inbox.

    Parameters
    ----------
    folder : Path
        Folder of this study alone.
    """

    folder: Path

    @property
    def name(self) -> str:
        """For the log: the beginning of its folder's name."""
        return self.folder.name[:_SHOWN]

    @property
    def objects(self) -> Path:
        """Folder of what was received."""
        return self.folder / "objects"

    @property
    def results(self) -> tuple[Path, Path]:
        """SEG and SR."""
        return self.folder / "results" / "seg.dcm", self.folder / "results" / "sr.dcm"

    @property
    def n_objects(self) -> int:
        """How many files were received."""
        return len(self._names())

    def state(self) -> StudyState:
        """The processing state of the objects received so far."""
        now = sha256("\n".join(self._names()).encode()).hexdigest()
        try:
            kept = StudyState(**read_report(self.folder / "state.json"))
        except (CaseError, TypeError):
            return StudyState(now)
        return kept if kept.objects == now else StudyState(now)

    def write_state(self, state: StudyState) -> None:
        """Keep what was done; `OutputError` if the disk is full."""
        record = {"objects": state.objects, "outcome": state.outcome, "n_tries": state.n_tries}
        write_report(self.folder / "state.json", record, overwrite=True)

    def days_since(self) -> float:
        """Days since something was done with it."""
        return (time.time() - (self.folder / "state.json").stat().st_mtime) / 86400

    def remove(self) -> None:
        """Forget it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _names(self) -> list[str]:
        return sorted(path.name for path in self.objects.glob("*.dcm"))


class Inbox:
    """A folder of studies, filled by several threads and emptied by one.

    Parameters
    ----------
    folder : Path
        Folder of the inbox; it is made if it is missing.
    keep_free_bytes : int, default 0
        Free disk space to keep; objects that would go below it are refused.

    Raises
    ------
    MissingExtraError
        If filelock is not installed; no folder is made then.
    """

    def __init__(self, folder: Path, keep_free_bytes: int = 0) -> None:
        self.folder, self.keep_free_bytes = folder, keep_free_bytes
        self._lock = Lock()
        self._touched: dict[str, float] = {}
        self._open: dict[int, set[str]] = {}
        require_packages("listen", ("filelock",), "pacs")
        with translate_output_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._touched |= {study.folder.name: time.monotonic() for study in self.studies()}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the inbox for this process.

        Yields
        ------
        None
            Nothing; the lock is held inside the block.

        Raises
        ------
        OutputError
            If another listener uses it.
        """
        import filelock

        lock = filelock.FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise OutputError(f"{printable(self.folder)}: another listener uses this folder") from None
        try:
            for study in self.studies():  # what a killed one left half-written
                sweep_leftovers(study.objects, alone=True)
            yield
        finally:
            lock.release()

    def put(self, study_uid: str, instance_uid: str, data: bytes, sender: int) -> None:
        """Store an object, completely or not at all.

        Parameters
        ----------
        study_uid, instance_uid : str
            StudyInstanceUID and SOPInstanceUID of the object.
        data : bytes
            Content of the file.
        sender : int
            Number of the association that sent it.

        Raises
        ------
        OutputError
            If the disk has no room for it.
        """
        name = _hidden(study_uid)
        study = ReceivedStudy(self.folder / name)
        with self._lock:
            self._touched[name] = time.monotonic()
            self._open.setdefault(sender, set()).add(name)
        with translate_output_errors(study.folder):
            study.objects.mkdir(mode=0o700, parents=True, exist_ok=True)
            study.results[0].parent.mkdir(mode=0o700, exist_ok=True)
            free = shutil.disk_usage(self.folder).free
        if free - len(data) < self.keep_free_bytes:
            raise OutputError(f"cannot write {printable(study.folder)}: the disk is nearly full")
        with atomic_write(study.objects / f"{_hidden(instance_uid)}.dcm", overwrite=True) as file:
            file.write(data)

    def close(self, sender: int) -> None:
        """Note that an association has ended.

        Parameters
        ----------
        sender : int
            Number of the association.
        """
        with self._lock:
            for name in self._open.pop(sender, ()):
                self._touched[name] = time.monotonic()

    def studies(self) -> list[ReceivedStudy]:
        """List all studies in the inbox.

        Returns
        -------
        list[ReceivedStudy]
            Studies of the inbox.
        """
        return [ReceivedStudy(path) for path in sorted(self.folder.iterdir()) if (path / "objects").is_dir()]

    def quiet_studies(self, seconds: float) -> list[ReceivedStudy]:
        """List the studies to process: unsettled, no new object for some seconds, no association still open.

        Parameters
        ----------
        seconds : float
            Least time since the last object of a study, in seconds.

        Returns
        -------
        list[ReceivedStudy]
            Studies that can be processed.
        """
        now = time.monotonic()
        with self._lock:
            busy = {name for names in self._open.values() for name in names}
            names = [name for name, at in self._touched.items() if now - at >= seconds and name not in busy]
        return [ReceivedStudy(self.folder / name) for name in sorted(names)]

    def settle(self, study: ReceivedStudy, since: float) -> None:
        """Mark a study as done, unless more of it has arrived since its processing began.

        Parameters
        ----------
        study : ReceivedStudy
            The study.
        since : float
            Time (`monotonic`) at which its processing began.
        """
        with self._lock:
            if self._touched.get(study.folder.name, since) <= since:
                self._touched.pop(study.folder.name, None)


def _hidden(uid: str) -> str:
    return sha256(uid.encode()).hexdigest()[:32]

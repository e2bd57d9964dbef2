"""`run_cohort`: one call from a manifest or a folder to masks, tables and a page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lite_ensam import _kernels
from lite_ensam.cohort.checks import check_rows
from lite_ensam.cohort.discovery import discover
from lite_ensam.cohort.manifest import (
    CohortManifest,
    ManifestIssue,
    Rows,
    manifest_of,
    read_cohort_manifest,
    write_cohort_manifest,
)
from lite_ensam.cohort.output_folder import (
    ABOUT,
    MANIFEST,
    LockedFolder,
    foreign_results,
    is_own_manifest,
    locked,
    make_run_folder,
    refuse_overlap,
)
from lite_ensam.cohort.page import write_page
from lite_ensam.cohort.parameters import Limits, Parameters
from lite_ensam.cohort.run import Progress, run_cases
from lite_ensam.cohort.scheduling import check_counts
from lite_ensam.cohort.tables import write_tables
from lite_ensam.core.errors import CohortError, printable
from lite_ensam.core.extras import require_packages
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.io import write_report
from lite_ensam.io.atomic import sweep_leftovers

__all__ = ["Cohort", "check_cohort_extra", "open_folder", "open_manifest", "run_cohort"]

_PACKAGES = ("dask", "distributed", "filelock", "matplotlib", "psutil", "pyarrow")
"""Of the extra `cohort`."""

Source: TypeAlias = "str | os.PathLike[str] | Rows"


@with_short_repr
@dataclass(frozen=True)
class Cohort:
    """Result of a cohort.

    Parameters
    ----------
    folder : Path
        Folder of everything.
    progress : Progress
        Counts.
    tables : tuple[Path, ...]
        Cases, tumours and timing, each as CSV and as Parquet.
    page : Path
        HTML.
    notes : tuple[str, ...], default ()
        How many cases have notes and which are the most frequent; results that are left of other cases.
    """

    folder: Path
    progress: Progress
    tables: tuple[Path, ...]
    page: Path
    notes: tuple[str, ...] = ()


def check_cohort_extra() -> None:
    """Raise `MissingExtraError` if a package is missing, before any work."""
    require_packages("a cohort", _PACKAGES, "cohort")


def open_manifest(source: Source) -> CohortManifest:
    """Read a manifest file, list the cases of a folder, or take rows as they are.

    Parameters
    ----------
    source : Source
        Manifest (.csv, .parquet), a folder, a `CohortManifest`, or rows (see `manifest_of`).

    Returns
    -------
    CohortManifest
        The manifest with its checked rows.

    Raises
    ------
    CohortError
        If it cannot be read, or it has no case.
    """
    if isinstance(source, CohortManifest):
        return source
    if isinstance(source, str | os.PathLike):
        return discover(source) if os.path.isdir(source) else read_cohort_manifest(source)
    return manifest_of(source)


@contextmanager
def open_folder(folder: Path, manifest: CohortManifest) -> Iterator[LockedFolder]:
    """Make and lock the folder of a run and write its manifest; files that are read are never overwritten.

    Parameters
    ----------
    folder : Path
        Folder of the results; made if missing.
    manifest : CohortManifest
        The cases.

    Yields
    ------
    LockedFolder
        The folder, locked for this process.

    Raises
    ------
    OutputError
        If it cannot be written, is or holds an input, or holds somebody's file under one of our names.
    CohortError
        If another run is writing into it.
    """
    refuse_overlap(folder, manifest)
    make_run_folder(folder)
    with locked(folder) as locked_folder:
        sweep_leftovers(folder, alone=True)
        if not (folder / ABOUT).is_file():
            write_report(folder / ABOUT, {"version": _kernels.__version__, "cases": len(manifest.rows)})
        if not is_own_manifest(folder, manifest):
            write_cohort_manifest(folder / MANIFEST, manifest.rows, overwrite=True)
        yield locked_folder


def run_cohort(
    source: Source,
    folder: str | os.PathLike[str],
    parameters: Parameters = Parameters(),  # noqa: B008  # frozen
    limits: Limits = Limits(),  # noqa: B008  # frozen
    *,
    workers: int | None = None,
    scheduler: Any = None,
    check: bool = True,
    retry_failed: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Cohort:
    """Segment and measure every case of a cohort that is not done yet; write tables and a page of all cases.

    Parameters
    ----------
    source : Source
        Manifest (.csv, .parquet), a folder (see `discover`), a `CohortManifest`, or rows.
    folder : str or os.PathLike[str]
        Results; made if it is missing. Another run into it resumes the last one.
    parameters : Parameters, optional
        What is done with each case.
    limits : Limits, optional
        What a case may take; one that takes more has failed, and takes no other along.
    workers : int or None, default None
        Processes on this machine; None takes as many as CPUs and memory allow.
    scheduler : Any, default None
        A `distributed.Client` or the address of a Dask scheduler; its workers must see the same paths.
    check : bool, default True
        Whether to check all files first and to start only if all are valid. Without it, a bad case
        becomes a row with its error; only rows without a name of their own are refused.
    retry_failed : bool, default False
        Whether to try cases again whose failure would come again, as far as is known.
    on_progress : Callable[[Progress], None] or None, default None
        Called while the run proceeds; see `show_progress`.

    Returns
    -------
    Cohort
        Cohort. The run ends when no case is left: done, or failed with step and error in the table of cases.

    Raises
    ------
    CohortError
        If the manifest is bad (the first problem is named; `open_manifest` and `check_rows` give all), another run
        is writing into the folder, or disk, installation or cluster do not let the run go on, or the folder
        vanishes: what is done is kept.
    ArgumentError
        If `workers` or `parameters.threads` is not a whole number from 1 to 1024.
    OutputError
        If the folder cannot be written, or the run would write over or into what it reads.
    MissingExtraError
        If the extra `cohort` is not installed.
    """
    check_cohort_extra()
    check_counts(workers, parameters.threads)
    manifest = open_manifest(source)
    if check:
        problems = manifest.problems or check_rows(manifest.rows)
    else:
        problems = tuple(one for one in manifest.problems if not one.names_case)
    if problems:
        first: ManifestIssue = problems[0]
        more = f" ({len(problems)} problems in all)" if len(problems) > 1 else ""
        raise CohortError(f"row {first.row}, case {printable(first.case)}: {first.error}{more}")
    place = Path(os.path.abspath(folder))
    with open_folder(place, manifest) as locked_folder:
        progress = run_cases(
            manifest.rows, locked_folder, parameters, limits,
            workers=workers, scheduler=scheduler, retry_failed=retry_failed, on_progress=on_progress,
        )  # fmt: skip
        tables, left = write_tables(manifest.rows, place), foreign_results(place, manifest.rows)
        page = write_page(manifest.rows, place, (*manifest.notes, *left))
        return Cohort(place, progress, tables.paths, page, (*tables.notes.summary(), *left))

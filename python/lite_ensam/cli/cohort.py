"""`lite-ensam cohort`: a whole archive, in parallel; it can be interrupted and resumed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lite_ensam.cli.options import (
    Border,
    BorderName,
    Crop,
    Engine,
    EngineName,
    Mirror,
    Weights,
    Window,
)
from lite_ensam.cli.segment import parse_window
from lite_ensam.cli.tables import console, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lite_ensam.cohort import Cohort, CohortManifest, ManifestIssue

_MOST_PROBLEMS_SHOWN = 40


def cohort(
    source: Annotated[
        Path,
        typer.Argument(help="Manifest (.csv, .parquet), or a folder to search", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the results; a run that began there is resumed",
            show_default=False,
        ),
    ],
    workers: Annotated[
        str,
        typer.Option(help="Number of processes on this machine; auto takes as many as CPUs and memory allow"),
    ] = "auto",
    scheduler: Annotated[
        str | None,
        typer.Option(help="Run on the workers of this Dask scheduler instead, e.g. tcp://10.0.0.1:8786"),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Time limit of a case in seconds")] = 600.0,
    memory: Annotated[
        str | None,
        typer.Option(help="Memory limit of a worker, e.g. 800MB or 2GB", show_default="free memory, shared"),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            min=1,
            max=1024,
            help="Number of threads of a worker; with another number, masks may differ in single voxels",
        ),
    ] = 1,
    engine: Engine = EngineName.openvino,
    crop: Crop = None,
    window: Window = None,
    mirror: Mirror = False,
    border: Border = BorderName.readers,
    weights: Weights = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the manifest and write it to the folder; segment nothing")
    ] = False,
    go_on: Annotated[
        bool,
        typer.Option("--go-on", help="Run although some rows or their files are invalid; these cases fail"),
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed cases again even if their files are unchanged")
    ] = False,
) -> None:
    """Segment and measure all scans of a manifest or a folder (extra `cohort`).

    The same command resumes an interrupted run. A case that fails is a row of cases.csv with its error, and the exit
    code is still 0.
    """
    n_workers, memory_mb = _workers(workers), _megabytes(memory)
    window_hu = None if window is None else parse_window(window)
    from lite_ensam.cohort import Limits, Parameters, run_cohort, show_progress
    from lite_ensam.cohort.scheduling import plan_workers

    manifest = _checked(source, output, check, go_on)
    if check:
        return
    parameters = Parameters(
        engine.value, crop.value if crop else None, mirror, border.value, window_hu, threads=threads,
        weights="" if weights is None else str(weights.resolve()),
    )  # fmt: skip
    parameters.identity()  # weights that cannot be read stop the run before it begins
    if scheduler is None:
        console().print(str(plan_workers(n_workers, threads, memory_mb)))
    try:
        with show_progress() as on_progress:
            result = run_cohort(
                manifest, output, parameters, Limits(seconds, memory_mb),
                workers=n_workers, scheduler=scheduler, check=False, retry_failed=retry_failed, on_progress=on_progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        typer.echo(
            "lite-ensam: interrupted; finished cases are kept, run the same command to resume", err=True
        )
        raise typer.Exit(130) from None
    _show(result)


def _checked(source: Path, output: Path, check: bool, go_on: bool) -> CohortManifest:
    """The manifest, if it may run; with `check` it is written to the folder, too."""
    from lite_ensam.cohort import check_cohort_extra, open_folder, open_manifest
    from lite_ensam.cohort.output_folder import refuse_overlap

    check_cohort_extra()
    manifest = open_manifest(source)
    refuse_overlap(output, manifest)
    problems = _problems(manifest, go_on)
    if check:
        with open_folder(output, manifest):
            pass
        console().print(
            f"cases: {len(manifest.rows)}, problems: {len(problems)}; see {output / 'manifest.csv'}"
        )
    if problems and not (go_on and all(one.names_case for one in problems)):
        raise typer.Exit(1)
    return manifest


def _problems(manifest: CohortManifest, go_on: bool) -> Sequence[ManifestIssue]:
    """Everything that is wrong, printed to stderr."""
    from lite_ensam.cohort import check_rows

    for note in manifest.notes:
        console().print(f"note: {note}")
    total = len(manifest.rows)
    with typer.progressbar(length=total, label="checking files") as bar:
        problems = [*manifest.problems, *check_rows(manifest.rows, lambda done: bar.update(1))]
    is_folder = manifest.path is not None and manifest.path.is_dir()
    for one in problems[:_MOST_PROBLEMS_SHOWN]:
        where = "" if is_folder else f"row {one.row}, "  # rows of a folder are not to be seen
        typer.echo(f"{where}case {one.case or '-'}: {one.error}", err=True)
    if len(problems) > _MOST_PROBLEMS_SHOWN:
        typer.echo(f"and {len(problems) - _MOST_PROBLEMS_SHOWN} more", err=True)
    nameless = [one.row for one in problems if not one.names_case]
    if problems and (nameless or not go_on):
        way = "Correct the manifest and the files, or run with --go-on"
        if nameless and is_folder:
            way = (
                "Rename the files so that each case has a unique, valid name, or write a manifest with --check and "
                "change its column case; --go-on cannot skip this"
            )
        elif nameless:
            way = f"Give row {nameless[0]} a unique, valid name in the column case; --go-on cannot skip this"
        typer.echo(f"lite-ensam: problems: {len(problems)}, cases: {total}; nothing was run. {way}", err=True)
    return problems


def _show(result: Cohort) -> None:
    from lite_ensam.core.about import DISCLAIMER

    progress = result.progress
    failed = progress.failed + progress.failed_before
    row = (progress.total, progress.total - failed, failed, progress.kept)
    print_table((), ("cases", "done", "failed", "kept from before"), [tuple(map(str, row))])
    out = console()
    for note in result.notes:
        out.print(f"note: {note}")
    out.print(f"tables: {', '.join(table.name for table in result.tables)} in {result.folder}")
    out.print(f"page: {result.page}")
    out.print(DISCLAIMER, style="dim")


def _workers(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise typer.BadParameter(f"--workers must be auto or a number from 1 to 1024, got {text!r}")
    return int(text)


def _megabytes(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(MB|GB)", text, re.IGNORECASE)
    if found is None:
        raise typer.BadParameter(f"--memory must be a size such as 800MB or 2GB, got {text!r}")
    return float(found[1]) * (1000 if found[2].upper() == "GB" else 1)

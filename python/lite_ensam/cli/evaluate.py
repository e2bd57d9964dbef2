"""`lite-ensam evaluate`: scores on a folder of scans with reference masks."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from lite_ensam.cli.options import (
    AsJson,
    Border,
    BorderName,
    Crop,
    Engine,
    EngineName,
    Mirror,
    Overwrite,
    Weights,
)
from lite_ensam.cli.tables import console, print_json, print_table
from lite_ensam.cli.verbosity import is_quiet, say_aside
from lite_ensam.core.extras import require_packages

if TYPE_CHECKING:
    from lite_ensam.core.case import Case
    from lite_ensam.core.patch_config import Crop as CropKind
    from lite_ensam.core.types import Labels
    from lite_ensam.engines import WeightsManifest
    from lite_ensam.evaluation import Evaluation, Segmenting
    from lite_ensam.segmentation import Predictor


Calibration: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--calibrate",
        help="Store the errors on these cases with --weights, so that results come with 95 % intervals; use patients "
        "that the weights were not trained on",
    ),
]
HeldOut: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--held-out",
        help="Score only the cases that the training of --weights left out by --fold or --val-share (after --val, "
        "name that folder as DATA)",
    ),
]
Figure2: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="Write the paper's Figure 2 as PNG: tumours at percentiles of the DSC"),
]
Resources: TypeAlias = Annotated[
    bool,
    typer.Option("--resources", help="Measure seconds and memory as well, in a fresh process for each case"),
]
PaperTables: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        help="Write the paper's Tables 3 and 4 for this data as Markdown, with the paper's own numbers; measures "
        "seconds and memory, as --resources does"
    ),
]


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder with SOURCE/CASE/{ct.nii.gz,labels.nii.gz,marks.json} or with FLARE's .npz files, or a CSV or "
            "Parquet list of cases as `train` takes it",
            show_default=False,
        ),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write all scores as JSON")] = None,
    as_json: AsJson = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write a CSV table, a row for each tumour and method")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page with tables and pictures")] = None,
    figure2: Figure2 = None,
    worst: Annotated[Path | None, typer.Option(help="Write the ten worst tumours as PNG")] = None,
    paper_tables: PaperTables = None,
    robustness: Annotated[bool, typer.Option("--robustness", help="Score perturbed lines as well")] = False,
    resources: Resources = False,
    seed: Annotated[int, typer.Option(help="Seed of the intervals' bootstrap and of perturbed lines")] = 0,
    weights: Weights = None,
    held_out: HeldOut = False,
    calibration: Calibration = False,
    engine: Engine = EngineName.openvino,
    crop: Crop = None,
    mirror: Mirror = False,
    border: Border = BorderName.readers,
    overwrite: Overwrite = False,
) -> None:
    """Score masks against reference contours, and geometric baselines with them (extra `evaluate`)."""
    from lite_ensam.datasets.training_cases import list_scored_cases
    from lite_ensam.engines import load_backend
    from lite_ensam.engines.backend import shipped_weights
    from lite_ensam.evaluation import BASELINES, CHANGES, calibrate, measure_cases
    from lite_ensam.evaluation import evaluate as run
    from lite_ensam.segmentation import Predictor

    require_packages("evaluate", ("scipy", "surface_distance"), "evaluate")
    files = Files(output, csv, html, paper_tables, figure2, worst)
    files.check((data, weights), overwrite)
    wanted: CropKind | None = crop.value if crop else None
    backend = load_backend(engine.value, weights=weights or shipped_weights(wanted))
    predictor = Predictor(backend, wanted, mirror=mirror, border=border.value)
    if calibration:
        _check_calibration(weights, predictor)
    only = _held_out(weights, backend.manifest, data) if held_out else None

    def segment(case: Case) -> Labels:
        return predictor.predict(case).labels

    with _bar("scoring") as told:
        changes = tuple(CHANGES) if robustness else ()
        result = run(
            data, segment, baselines=tuple(BASELINES), changes=changes, seed=seed, on_case=told, only=only
        )
    if resources or paper_tables is not None:
        options = ["--engine", engine.value, "--crop", predictor.crop, "--border", border.value]
        options += [
            "--mirror" if mirror else "--no-mirror",
            *(["--weights", str(weights)] if weights else []),
        ]
        with _bar("measuring") as told:
            result = replace(
                result, resources=tuple(measure_cases(list_scored_cases(data, only).cases, options, told))
            )
    if calibration:
        with _bar("calibrating") as told:
            backend.manifest.write_held_out_errors(calibrate(data, predictor, told, only))
    files.write(result, segment, _made(data, weights, predictor), overwrite)
    if as_json:
        print_json(result.to_dict())
    else:
        show(result)
        files.show()


def _made(data: Path, weights: Path | None, predictor: Predictor) -> dict[str, str]:
    """For the page: what was scored with what."""
    mirror = ", mirror image averaged" if predictor.mirror else ""
    return {
        "Data": data.name,
        "Weights": "those that ship" if weights is None else str(weights),
        "Engine and crop": f"{predictor.backend.name}, {predictor.crop}{mirror}",
        "Border": predictor.border,
    }


def _held_out(weights: Path | None, manifest: WeightsManifest, data: Path) -> Collection[str]:
    """`source/case` of the cases that training left out; says if some are missing or may have been learnt."""
    from lite_ensam.datasets.training_cases import list_scored_cases

    keys = manifest.record.get("held_out") if weights is not None else None
    if not keys:
        raise typer.BadParameter(
            "--held-out needs --weights that were trained with --fold, --val-share or --val, which their record names"
        )
    n_here = len(list_scored_cases(data, keys).cases)
    if n_here < len(keys):
        say_aside(f"note: {n_here} of the {len(keys)} cases that training has left out are here")
    if not all(set(keys) <= set(run.get("held_out", ())) for run in _earlier_runs(manifest.record)):
        say_aside("note: training started from weights that may have learnt from these cases")
    return set(keys)


def _earlier_runs(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Records of the runs that a run's weights come from, all generations."""
    for run in record.get("started_from", ()):
        yield run
        yield from _earlier_runs(run)


def _check_calibration(weights: Path | None, predictor: Predictor) -> None:
    if weights is None:
        raise typer.BadParameter(
            "--calibrate writes into a folder of your own weights: name it with --weights"
        )
    if (predictor.crop, predictor.border) != ("lesion", "readers"):
        raise typer.BadParameter("--calibrate is for --crop lesion and --border readers")


_SUFFIXES = {
    "scores": ".json", "table": ".csv", "page": ".html", "paper_tables": ".md", "figure2": ".png", "worst": ".png",
}  # fmt: skip
"""Of the files by their names in `Files`."""


@dataclass(frozen=True)
class Files:
    """Files that are written; None is not."""

    scores: Path | None
    table: Path | None
    page: Path | None
    paper_tables: Path | None
    figure2: Path | None
    worst: Path | None

    def check(self, inputs: Sequence[Path | None], overwrite: bool) -> None:
        """Raise OutputError if one cannot be written."""
        from lite_ensam.io import check_outputs

        check_outputs(
            [(getattr(self, name), (suffix,)) for name, suffix in _SUFFIXES.items()], inputs, overwrite
        )

    def write(self, result: Evaluation, segment: Segmenting, made: dict[str, str], overwrite: bool) -> None:
        """Write them all."""
        from lite_ensam.io import write_text
        from lite_ensam.reporting.paper_tables import paper_tables as tables_of

        if self.scores is not None:
            result.write_json(self.scores, overwrite)
        if self.table is not None:
            result.write_csv(self.table, overwrite)
        if self.paper_tables is not None:
            write_text(self.paper_tables, tables_of(result), overwrite)
        self._write_pictures(result, segment, made, overwrite)

    def _write_pictures(
        self, result: Evaluation, segment: Segmenting, made: dict[str, str], overwrite: bool
    ) -> None:
        """Draw the tumours that are wanted, each once."""
        from lite_ensam._kernels import __version__
        from lite_ensam.evaluation import at_percentiles, picture_tumors, render_percentiles, worst_tumors
        from lite_ensam.evaluation.resources import machine
        from lite_ensam.figures import write_picture
        from lite_ensam.io import atomic_write, write_text
        from lite_ensam.reporting import EvaluationPictures, evaluation_page

        page, five, ten = self.page is not None, at_percentiles(result), worst_tumors(result)
        shown = picture_tumors(result, five, segment) if page or self.figure2 is not None else []
        png = render_percentiles(shown, five) if shown else b""
        drawn = picture_tumors(result, ten, segment) if page or self.worst is not None else []
        if self.figure2 is not None:
            with atomic_write(self.figure2, overwrite) as file:
                file.write(png)
        if self.worst is not None:
            write_picture(self.worst, drawn, overwrite=overwrite)
        if self.page is not None:
            made |= {"Program": f"lite-ensam {__version__}", "Machine": machine()}
            text = evaluation_page(result, made, EvaluationPictures(png, drawn))
            write_text(self.page, text, overwrite)

    def show(self) -> None:
        """Print where they are."""
        for name in _SUFFIXES:
            if (path := getattr(self, name)) is not None:
                typer.echo(f"{name.replace('_', ' ')}: {path}")


@contextmanager
def _bar(label: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar that moves with each case."""
    where = io.StringIO() if is_quiet() else sys.stderr
    with typer.progressbar(length=1, label=label, file=where) as bar:

        def on_case(name: str, number: int, total: int) -> None:
            bar.length = total
            bar.update(0 if number == 0 else 1)

        yield on_case
        bar.update(1)


def show(result: Evaluation) -> None:
    """Print the table of sources and methods."""
    from lite_ensam.core.about import DISCLAIMER

    headings = ("n", "DSC", "95 %", "NSD 2mm", "NSD 1mm", "volume err", "diameter err", "s/case")
    rows = [
        (
            row.source,
            row.method,
            str(row.n_tumors),
            f"{row.dsc.value:.3f}",
            f"{row.dsc.low:.3f}-{row.dsc.high:.3f}",
            f"{row.nsd_2mm.value:.3f}",
            f"{row.nsd_1mm.value:.3f}",
            f"{row.volume_error.value:.0%}",
            f"{row.longest_diameter_error.value:.1%}",
            f"{row.seconds:.2f}",
        )
        for row in result.summaries
    ]
    print_table(("source", "method"), headings, rows)
    if result.resources:
        seconds, peak, area = (
            sum(getattr(one, name) for one in result.resources) / len(result.resources)
            for name in ("seconds", "peak_mb", "area_mb_s")
        )
        console().print(
            f"a fresh process a case: {seconds:.2f} s, peak {peak:.0f} MB, {area:.0f} MB s (means)"
        )
    for note in result.notes:
        console().print(f"note: {note}")
    console().print(DISCLAIMER, style="dim")

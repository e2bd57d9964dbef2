"""`lite-ensam demo`: see it work at once, on the built-in phantom, on four real tumours or on a study of sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lite_ensam.cli.options import AsJson, Overwrite, Weights
from lite_ensam.cli.tables import console, print_json, print_table
from lite_ensam.cli.verbosity import say_aside

if TYPE_CHECKING:
    from lite_ensam.demo import DemoRecord


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder for all files",
            show_default="lite-ensam-demo; with --real lite-ensam-demo-real, with --study lite-ensam-demo-study",
        ),
    ] = None,
    real: Annotated[
        bool,
        typer.Option(
            "--real",
            help="Segment four real lung tumours; pip fetches them in the pycerr 2.5.1 wheel (17 MB)",
        ),
    ] = False,
    study: Annotated[
        bool,
        typer.Option(
            "--study", help="Assess response in a made-up study; write study file, schema and all outputs"
        ),
    ] = False,
    weights: Weights = None,
    as_json: AsJson = False,
    overwrite: Overwrite = False,
) -> None:
    """Segment a phantom (no download) or four real lung tumours; write masks, picture and report.

    With --study, assess response in a made-up study of four patients instead.
    """
    if study:
        run_study_demo(folder or Path("lite-ensam-demo-study"), real, weights, overwrite, as_json)
        return
    from lite_ensam.demo import run_demo, run_real_demo, segmenter_of
    from lite_ensam.io import read_report

    segment = None if weights is None else segmenter_of(weights)
    place = folder or Path("lite-ensam-demo-real" if real else "lite-ensam-demo")
    if real:
        record = run_real_demo(place, segment=segment, overwrite=overwrite, on_step=_tell)
    else:
        record = run_demo(place, segment=segment, overwrite=overwrite)
    if as_json:
        print_json(read_report(record.report))
    else:
        show(record, known_volumes=not real)


def run_study_demo(folder: Path, real: bool, weights: Path | None, overwrite: bool, as_json: bool) -> None:
    """Write the example study and its schema, and assess it with every output."""
    from lite_ensam.cli.respond import respond
    from lite_ensam.reporting import write_example_study

    if real or weights is not None:
        raise typer.BadParameter(
            "give --study alone: it has sizes, and nothing to segment with --real or --weights"
        )
    path, schema = write_example_study(folder, overwrite)
    respond(
        [str(path)],
        report=folder / "response.json",
        csv=folder / "response.csv",
        html=folder / "response.html",
        board=folder / "board.html",
        lesions=folder / "lesions.csv",
        rates=folder / "rates.csv",
        sdtm=folder / "sdtm",
        redcap=folder / "redcap",
        irecist=True,
        as_json=as_json,
        overwrite=overwrite,
    )
    if as_json:
        return
    console().print(f"study: {path}")
    console().print(f"schema: {schema}")


def _tell(step: str) -> None:
    say_aside(f"{step} ...")


LARGER_NOTE = (
    "masks are larger than the true volumes: the training contours were drawn slightly outside the visible border; "
    "`segment --border edge` puts the border where grey values change"
)


def show(record: DemoRecord, known_volumes: bool) -> None:
    """Print the table of tumours and the files; of a phantom, whose volumes are known, say why they differ."""
    from lite_ensam.core.about import DISCLAIMER

    rows = [
        (
            f"{tumor.case} {tumor.name or tumor.label}",
            f"{tumor.recist_mm:.1f}",
            f"{tumor.volume_ml:.2f}",
            f"{tumor.reference_ml:.2f}",
            *("-" if x is None else f"{x:.3f}" for x in (tumor.dsc, tumor.sphere_dsc)),
            *("-" if x is None else f"{x:.3f}" for x in (tumor.nsd_2mm, tumor.sphere_nsd_2mm)),
            "\n".join(tumor.flag_sentences),
        )
        for tumor in record.tumors
    ]
    truth = "true ml" if known_volumes else "reader's ml"
    headings = ("RECIST mm", "ml", truth, "DSC", "sphere DSC", "NSD 2 mm", "sphere NSD")
    print_table(("tumour",), headings, rows, ("check",))
    out = console()
    out.print(f"{record.seconds:.2f} s for {len(record.masks)} scan(s), {len(record.tumors)} tumours")
    out.print(f"scans: {record.source}")
    for mask in record.masks:
        out.print(f"mask: {mask}")
    if record.picture is not None:
        out.print(f"picture: {record.picture}")
    out.print(f"report: {record.report}")
    if known_volumes:
        out.print(f"note: {LARGER_NOTE}")
    for note in record.notes:
        out.print(f"note: {note}")
    out.print(DISCLAIMER, style="dim")

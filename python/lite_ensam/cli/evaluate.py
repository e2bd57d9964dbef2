"""`lite-ensam evaluate`: scores on a folder of scans with reference masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lite_ensam.cli.segment import CropName, EngineName
from lite_ensam.cli.tables import console, print_table

if TYPE_CHECKING:
    from lite_ensam._typing import Labels
    from lite_ensam.case import Case
    from lite_ensam.evaluation import Evaluation


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder of SOURCE/CASE/{ct.nii.gz,labels.nii.gz,marks.json}, or of FLARE's .npz",
            show_default=False,
        ),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSON of all scores to write")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV to write, a row for each tumour and method")] = None,
    worst: Annotated[Path | None, typer.Option(help="PNG to write: the ten worst tumours")] = None,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Score carelessly drawn marks, too")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the intervals' bootstrap and of changed marks")] = 0,
    weights: Annotated[Path | None, typer.Option(help="Exported weights [default: those that ship]")] = None,
    engine: Annotated[
        EngineName, typer.Option(help="openvino is fast, torch the reference")
    ] = EngineName.openvino,
    crop: Annotated[CropName, typer.Option(help="lesion, or the paper's joint")] = CropName.lesion,
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror/--no-mirror", help="Average with the mirror image: steadier, twice the network's time"
        ),
    ] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist")] = False,
) -> None:
    """Score the weights on cases with reference masks, beside what geometry alone reaches (extra `evaluate`)."""
    from lite_ensam.evaluation import CHANGES, FLOORS, draw_tumors, worst_tumors, write_picture
    from lite_ensam.evaluation import evaluate as run
    from lite_ensam.inference import Predictor, load_backend
    from lite_ensam.inference.backend import WEIGHTS
    from lite_ensam.io import check_output

    for path, suffix in ((output, ".json"), (csv, ".csv"), (worst, ".png")):
        if path is not None:
            check_output(path, overwrite, (suffix,))
    predictor = Predictor(load_backend(engine.value, folder=weights or WEIGHTS), crop.value, mirror=mirror)

    def segment(case: Case) -> Labels:
        return predictor.predict(case).labels

    with typer.progressbar(length=1, label="scoring") as bar:

        def on_case(name: str, number: int, total: int) -> None:
            bar.length = total
            bar.update(0 if number == 0 else 1)

        changes = tuple(CHANGES) if robustness else ()
        result = run(data, segment, floors=tuple(FLOORS), changes=changes, seed=seed, on_case=on_case)
        bar.update(1)
    if output is not None:
        result.write_json(output, overwrite)
    if csv is not None:
        result.write_csv(csv, overwrite)
    if worst is not None:
        write_picture(worst, draw_tumors(result, worst_tumors(result), segment), overwrite=overwrite)
    show(result)


def show(result: Evaluation) -> None:
    """Print the table of sources and methods."""
    from lite_ensam.inference import DISCLAIMER

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
    console().print(DISCLAIMER, style="dim")

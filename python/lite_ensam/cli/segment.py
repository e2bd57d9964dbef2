"""`lite-ensam segment`: a scan and its marks to a mask file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

import typer

from lite_ensam.cli.archives import (
    Cache,
    PickDate,
    PickDescription,
    PickMaker,
    To,
    check_sending,
    fetch,
    parse_choice,
    send_results,
)
from lite_ensam.cli.default_outputs import mask_beside
from lite_ensam.cli.options import (
    Acquisition,
    AsJson,
    Border,
    BorderName,
    Crop,
    Engine,
    EngineName,
    Hu,
    MarkFrameName,
    MarksIn,
    Mirror,
    Only,
    Overwrite,
    Repeats,
    Series,
    Threads,
    Weights,
    Window,
    as_options,
)
from lite_ensam.cli.prompts import FirstSlice, Inside, LastSlice, Outside, ShortAxis, parse_prompts, parts_of
from lite_ensam.cli.tables import console, print_json, print_table
from lite_ensam.cli.verbosity import is_quiet, is_verbose

if TYPE_CHECKING:
    from lite_ensam.segmentation import Segmentation


Ct: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="CT",
        help="The scan: .nii, .nii.gz, FLARE .npz, .nrrd, .mha, a DICOM folder, or a study in an archive: "
        "dicomweb+https://HOST/dicom-web/studies/UID (extra `pacs`)",
        show_default=False,
    ),
]
Output: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write the mask here: .nii.gz, .nii, .npz, .nrrd, .mha, or .dcm (SEG)",
        show_default="beside the scan, SCAN_mask",
    ),
]
Marks: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="RECIST lines: .json, .csv, .mrk.json, DICOM (SR, GSPS, RTSTRUCT, SEG) or a marker volume",
    ),
]
Line: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--line",
        metavar="Z,Y,X,Z,Y,X",
        help="Two ends of a RECIST line, e.g. 38,68,37,38,75,52, instead of --marks; repeat it for more",
    ),
]


def parse_window(text: str) -> tuple[float, float]:
    """`LO,HI` to two numbers."""
    from lite_ensam.core.patch_config import check_window

    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"expected two numbers LO,HI such as -160,240, got {text!r}") from None
    try:
        check_window((low, high))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return low, high


def parse_line(text: str, marks_in: MarkFrameName) -> dict[str, Any]:
    """`Z,Y,X,Z,Y,X`, or in millimetres `X,Y,Z,X,Y,Z`, to an entry as in a JSON file."""
    try:
        numbers = [float(part) for part in parts_of(text)]
    except ValueError:
        numbers = []
    if len(numbers) != 6:
        raise typer.BadParameter(f"expected six numbers such as 38,68,37,38,75,52, got {text!r}")
    key = "endpoints_zyx" if marks_in is MarkFrameName.voxel else "endpoints_mm"
    return {key: [numbers[:3], numbers[3:]]}


def segment(
    ct: Ct,
    output: Output = None,
    marks: Marks = None,
    line: Line = None,
    marks_in: MarksIn = MarkFrameName.voxel,
    first_slice: FirstSlice = None,
    last_slice: LastSlice = None,
    inside: Inside = None,
    outside: Outside = None,
    short_axis: ShortAxis = None,
    report: Annotated[Path | None, typer.Option(help="Write measurements and parameters as JSON")] = None,
    as_json: AsJson = False,
    sr: Annotated[
        Path | None, typer.Option("--sr", help="Write a DICOM structured report next to a SEG: .dcm")
    ] = None,
    to: To = None,
    cache: Cache = None,
    pick_description: PickDescription = None,
    pick_date: PickDate = None,
    pick_maker: PickMaker = None,
    engine: Engine = EngineName.openvino,
    crop: Crop = None,
    window: Window = None,
    hu: Hu = None,
    series: Series = None,
    acquisition: Acquisition = None,
    only: Only = None,
    threads: Threads = None,
    mirror: Mirror = False,
    border: Border = BorderName.readers,
    repeats: Repeats = 0,
    weights: Weights = None,
    overwrite: Overwrite = False,
) -> None:
    """Segment every marked tumour of a scan in 3D: write its mask, print volume and diameters."""
    start = time.perf_counter()
    # NumPy's matrix products are not used here; by itself it would start a thread for each core
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    window_hu = None if window is None else parse_window(window)
    lines = [parse_line(text, marks_in) for text in line or ()]
    prompts = parse_prompts(first_slice, last_slice, inside, outside, short_axis)
    choice = parse_choice(pick_description, pick_date, pick_maker)
    check_marks_options(lines, marks, only, choice)
    from lite_ensam.io.outputs import check_outputs
    from lite_ensam.io.scans import MASK_SUFFIXES
    from lite_ensam.segmentation import segment as run

    output = output or mask_beside(ct, sr)
    check_kinds(ct, output, sr)
    mask_suffixes = (".dcm",) if sr is not None else MASK_SUFFIXES
    outputs = ((output, mask_suffixes), (report, (".json",)), (sr, (".dcm",)))
    check_outputs(outputs, (ct, marks, weights), overwrite)
    check_sending(to, output)
    given = lines or marks or choice
    with repeats_bar(repeats) as on_repeat:
        result = run(
            fetch(ct, series, given, cache),
            given,
            marks_in=marks_in.value,
            prompts=prompts,
            crop=crop.value if crop else None,
            engine=engine.value,
            window=window_hu,
            hu=hu,
            threads=threads,
            mirror=mirror,
            border=border.value,
            series_uid=series,
            acquisition=acquisition,
            only=only or (),
            n_repeats=repeats,
            on_repeat=on_repeat,
            weights=weights,
        )
    write(result, Written(ct, marks, output, report, sr, start), overwrite)
    if as_json:
        print_json(result.report)
    else:
        show(result, output)
    send_results(to, (output, sr), says=not as_json)


@contextmanager
def repeats_bar(n_repeats: int) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on stderr while tumours are segmented again; nothing where stderr is not a terminal."""
    if not n_repeats or is_quiet() or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("repeating", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class Written(NamedTuple):
    """Files of a command, and when it began (`time.perf_counter`)."""

    ct: str
    marks: str | None
    mask: Path
    report: Path | None
    sr: Path | None
    start: float


def write(result: Segmentation, files: Written, overwrite: bool) -> None:
    """Write mask, structured report and JSON report."""
    from lite_ensam.io.places import shown_place
    from lite_ensam.io.report_files import write_report

    saving = time.perf_counter()
    result.save(files.mask, overwrite, files.sr)
    result.report["seconds"]["write"] = round(time.perf_counter() - saving, 4)
    result.report["seconds"]["total"] = round(time.perf_counter() - files.start, 4)
    result.report["peak_mb"] = peak_mb()
    result.report["files"] = {
        "ct": shown_place(files.ct),
        "marks": shown_place(files.marks) if files.marks else None,
        "mask": str(files.mask),
    }
    if files.report is not None:
        write_report(files.report, result.report, overwrite)


def check_marks_options(
    lines: Sequence[object], marks: str | None, only: Sequence[str] | None, choice: object
) -> None:
    """Refuse options that contradict each other."""
    if lines and marks is not None:
        raise typer.BadParameter("give --marks or --line, not both")
    if lines and only:
        raise typer.BadParameter("--roi chooses from a file of --marks; leave it out with --line")
    if choice and (lines or marks is not None):
        raise typer.BadParameter(
            "--pick-... choose from the CT's folder or study; leave --marks and --line out"
        )


def check_kinds(ct: str, output: Path, sr: Path | None) -> None:
    """Refuse a scan that is not there, and DICOM output of a scan that is not DICOM, before anything is read."""
    from lite_ensam.core.errors import CaseError, OutputError, printable
    from lite_ensam.io.places import is_address

    if is_address(ct):
        return
    if not os.path.exists(ct):
        raise CaseError(f"{printable(ct)}: no such file or folder")
    for target in (output, sr):
        if target is not None and target.name.lower().endswith(".dcm") and not os.path.isdir(ct):
            raise OutputError(
                f"cannot write {printable(target)}: .dcm needs a DICOM folder as CT, got {printable(ct)}"
            )


def show(result: Segmentation, output: Path) -> None:
    """Print the table of tumours for people."""
    from lite_ensam.core.short_axis import short_axis_notes

    rows = []
    for tumor in result.report["tumors"]:
        rows.append(
            (
                f"{tumor['label']} {tumor['name']}".strip(),
                str(tumor["recist_slice"]),
                f"{tumor['recist_mm']:.1f}",
                f"{tumor['volume_ml']:.2f}"
                + _sd(tumor, "volume_sd_ml", 2)
                + _interval(tumor, "volume", "ml", 2),
                f"{tumor['longest_diameter_mm']:.1f}" + _sd(tumor, "diameter_sd_mm", 1),
                f"{tumor['short_axis_mm']:.1f}" + _sd(tumor, "short_axis_sd_mm", 1),
                "\n".join(tumor["flag_sentences"]),
            )
        )
    headings = ("slice", "RECIST mm", "volume ml", "longest mm", "short mm")
    print_table(("tumour",), headings, rows, ("check",))
    out = console()
    seconds, peak = result.report["seconds"]["total"], result.report.get("peak_mb")
    out.print(f"{seconds:.2f} s" + (f", peak {peak:.0f} MB" if peak else ""))
    if is_verbose():
        out.print("seconds: " + ", ".join(f"{step} {s:.2f}" for step, s in result.report["seconds"].items()))
    out.print(f"mask: {output}")
    case = result.case
    flagged = short_axis_notes(case.marks, case.grid.spacing_mm)  # the table has them as a flag
    for note in result.report["notes"]:
        if note not in flagged:
            out.print(f"note: {as_options(note)}")
    out.print(result.report["disclaimer"], style="dim")


def _sd(tumor: dict[str, Any], name: str, digits: int) -> str:
    """Standard deviation of a number, where it was measured."""
    return f" ± {tumor[name]:.{digits}f}" if name in tumor else ""


def _interval(tumor: dict[str, Any], name: str, unit: str, digits: int) -> str:
    """95 % interval of a number, where it is known."""
    if f"{name}_low_{unit}" not in tumor:
        return ""
    low, high = (tumor[f"{name}_{end}_{unit}"] for end in ("low", "high"))
    return f" ({low:.{digits}f}-{high:.{digits}f})"


def peak_mb() -> float | None:
    """Largest resident memory this process had, in MB; None where the system does not tell."""
    try:
        # not ru_maxrss, which on Linux begins with what the parent had when it started us
        status = Path("/proc/self/status").read_text()
        return round(float(status.split("VmHWM:")[1].split()[0]) / 1024, 1)
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)

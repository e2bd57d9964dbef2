"""The paper's Tables 3 and 4 in Markdown, with the paper's own numbers for comparison: of any evaluated folder."""

from __future__ import annotations

from collections.abc import Sequence

from lite_ensam.evaluation import CaseResources, Evaluation, FlareScore

__all__ = ["paper_table_3", "paper_table_4", "paper_tables"]

PAPER_RESULT = ("Lite ENSAM (paper: FLARE's 100 public validation cases)", 76.06, 16.31, 78.99, 19.05)
"""Method, DSC and NSD in percent, each with its standard deviation."""

PAPER_CASES = (
    ("0001", (55, 512, 512), 17.22, 3994, 55847),
    ("0011", (100, 512, 512), 14.80, 4761, 52143),
    ("0021", (152, 512, 512), 14.25, 5026, 51087),
    ("0031", (215, 512, 512), 13.60, 4686, 47405),
    ("0041", (157, 512, 512), 14.27, 4689, 50048),
    ("0051", (171, 512, 512), 14.17, 4397, 49788),
    ("0061", (147, 512, 512), 14.49, 5208, 52709),
    ("0071", (240, 512, 512), 14.95, 5563, 54723),
    ("0081", (103, 512, 512), 13.18, 4559, 46316),
    ("0091", (137, 512, 512), 13.00, 4541, 45498),
)
"""Table 4: case, size (z, y, x), seconds, highest MB, MB s; an Intel i9-14900KF."""
PAPER_AVERAGE = ("Average (paper)", None, 14.39, 4742, 50556)
"""As printed there."""

_Row = tuple[str, tuple[int, ...] | None, float, float, float]


def paper_tables(evaluation: Evaluation) -> str:
    """Make the paper's tables 3 and 4 as Markdown; table 4 only if seconds and memory were measured.

    Parameters
    ----------
    evaluation : Evaluation
        An evaluation of `evaluate`.

    Returns
    -------
    str
        Markdown.
    """
    parts = [paper_table_3(evaluation.flare)]
    if evaluation.resources:
        parts.append(paper_table_4(evaluation.resources))
    return "\n".join(parts)


def paper_table_3(scores: Sequence[FlareScore]) -> str:
    """Table 3: DSC and NSD in percent, mean and standard deviation over cases, in each of FLARE's two countings."""
    lines = [
        "Table 3. Quantitative evaluation results. NSD at 2 mm in the files' spacing; each counting named.\n",
        "| Methods | Counting | Cases | DSC (%) | NSD (%) |",
        "|---|---|---|---|---|",
    ]
    for one in scores:
        percent = [100 * value for value in (one.dsc, one.dsc_sd, one.nsd_2mm, one.nsd_2mm_sd)]
        lines.append(_scores(one.method, one.scoring, one.n_cases, percent))
    method, *percent = PAPER_RESULT
    lines.append(_scores(method, "not said", 100, percent))
    return "\n".join(lines) + "\n"


def paper_table_4(resources: Sequence[CaseResources]) -> str:
    """Make the paper's table 4: seconds, peak memory and area under the memory-time curve, one process per case.

    Parameters
    ----------
    resources : Sequence[CaseResources]
        Seconds and memory of each case, from `measure_cases`.

    Returns
    -------
    str
        Markdown.
    """
    rows: list[_Row] = [
        (one.case, one.shape_zyx, one.seconds, one.peak_mb, one.flare24_mb_s) for one in resources
    ]
    seconds, peak, area = (
        sum(values) / len(rows)
        for values in zip(*((one.seconds, one.peak_mb, one.flare24_mb_s) for one in resources), strict=True)
    )
    lines = [
        "Table 4. Segmentation efficiency. Total RAM is the area under the RAM-time curve, sampled every 0.1 s as "
        "FLARE24's script does, of the program's own processes.\n",
        "| Case ID | Image Size | Running Time (s) | Max RAM (MB) | Total RAM (MB s) |",
        "|---|---|---|---|---|",
        *map(_efficiency, [*rows, ("Average", None, seconds, peak, area), *PAPER_CASES, PAPER_AVERAGE]),
    ]
    return "\n".join(lines) + "\n"


def _scores(method: str, counting: str, n_cases: int, percent: Sequence[float]) -> str:
    dsc, dsc_sd, nsd, nsd_sd = percent
    return f"| {method} | {counting} | {n_cases} | {dsc:.2f} ± {dsc_sd:.2f} | {nsd:.2f} ± {nsd_sd:.2f} |"


def _efficiency(row: _Row) -> str:
    case, shape, seconds, peak, area = row
    size = "" if shape is None else f"({', '.join(map(str, shape))})"
    paper = " (paper)" if row in PAPER_CASES else ""
    return f"| {case}{paper} | {size} | {seconds:.2f} | {peak:,.0f} | {area:,.0f} |"

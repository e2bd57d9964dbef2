"""An evaluation as one page: scores, robustness to inexact lines, time and memory, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.evaluation import CHANGES, RESULT, CaseResources, Evaluation, Interval
from lite_ensam.figures import TumorPicture, html, render_picture

__all__ = ["EvaluationPictures", "evaluation_page"]


@with_short_repr
@dataclass(frozen=True, eq=False)
class EvaluationPictures:
    """Pictures for the evaluation page.

    Parameters
    ----------
    figure2 : bytes
        PNG of tumours at percentiles of the DSC, as in the paper's figure 2.
    worst : Sequence[TumorPicture], optional
        Tumours with the lowest DSC, the lowest first.
    """

    figure2: bytes
    worst: Sequence[TumorPicture] = field(default=())


def evaluation_page(
    evaluation: Evaluation,
    made: Mapping[str, str],
    pictures: EvaluationPictures,
) -> str:
    """Make one HTML file with embedded pictures; it fetches nothing.

    Parameters
    ----------
    evaluation : Evaluation
        The scores.
    made : Mapping[str, str]
        How the evaluation was made: weights, engine, command, machine.
    pictures : EvaluationPictures
        Figure 2 and the worst tumours.

    Returns
    -------
    str
        The HTML.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    parts = [html.section("Scores", *_scores(evaluation))]
    if any(summary.method in CHANGES for summary in evaluation.summaries):
        parts.append(html.section("Inexact lines", *_robustness(evaluation)))
    parts.append(html.section("As the literature on FLARE counts", *_flare(evaluation)))
    if evaluation.resources:
        parts.append(html.section("Time and memory", *_resources(evaluation.resources)))
    parts += [
        html.section(
            "Figure 2: tumours at percentiles of the DSC",
            html.picture(pictures.figure2, "the mark's slice of five tumours, result and reference outlined"),
        ),
        html.section(
            f"The {len(pictures.worst)} worst tumours",
            html.picture(render_picture(pictures.worst), "each of the worst tumours in three planes"),
        ),
        html.section("Every tumour", _tumors(evaluation)),
        html.section("How it was made", html.facts(made), *map(html.paragraph, evaluation.notes)),
    ]
    return html.page("Evaluation on reference masks", parts)


def _scores(evaluation: Evaluation) -> list[str]:
    headings = ("source", "method", "cases", "tumours", "DSC", "NSD 2 mm", "NSD 1 mm", "volume error",
                "diameter error", "s a case")  # fmt: skip
    rows = [
        (
            one.source, one.method, str(one.n_cases), str(one.n_tumors), _share(one.dsc), _share(one.nsd_2mm),
            _share(one.nsd_1mm), _percent(one.volume_error), _percent(one.longest_diameter_error),
            f"{one.seconds:.2f}",
        )
        for one in evaluation.summaries
    ]  # fmt: skip
    return [
        html.table(headings, rows, text_columns=[1]),
        html.paragraph(
            "DSC and NSD are means over a source's cases of the mean over a case's tumours, errors the median size "
            "over tumours; overall, every source counts the same. NSD is taken in the scan's own spacing. In "
            "brackets: 95 % bootstrap intervals, cases resampled within each source. Sphere, ellipsoid and region "
            "growing are what the line alone gives."
        ),
    ]


def _robustness(evaluation: Evaluation) -> list[str]:
    methods = [change for change in CHANGES if change in {one.method for one in evaluation.summaries}]
    rows = []
    for source in dict.fromkeys(one.source for one in evaluation.summaries):
        plain = evaluation.summary(source)
        for method in methods:
            one = evaluation.summary(source, method)
            lost, surface = plain.dsc.value - one.dsc.value, plain.nsd_2mm.value - one.nsd_2mm.value
            rows.append((source, method, f"{one.dsc.value:.3f}", f"{lost:+.3f}", f"{surface:+.3f}"))
    return [
        html.table(("source", "change", "DSC", "DSC lost", "NSD 2 mm lost"), rows, text_columns=[1]),
        html.paragraph(
            "The same tumours, segmented from changed marks: each end moved to one of the eight voxels around it "
            f"(seed {evaluation.seed}); both ends moved inwards until 15 % of the length is missing."
        ),
    ]


def _flare(evaluation: Evaluation) -> list[str]:
    rows = [
        (
            one.scoring, one.method, str(one.n_cases), f"{one.dsc:.3f} ± {one.dsc_sd:.3f}",
            f"{one.nsd_2mm:.3f} ± {one.nsd_2mm_sd:.3f}",
        )
        for one in sorted(evaluation.flare, key=lambda one: one.scoring)
    ]  # fmt: skip
    return [
        html.table(("scoring", "method", "cases", "DSC", "NSD 2 mm"), rows, text_columns=[1]),
        html.paragraph(
            "FLARE24: all tumours of a case as one mask, NSD 0 where the DSC is below 0.2. LETT-NeXt: each tumour, "
            "then the mean of a case. Both: mean and standard deviation over cases, whatever their source."
        ),
    ]


def _resources(resources: Sequence[CaseResources]) -> list[str]:
    rows = [
        (
            f"{one.source}/{one.case}", " x ".join(map(str, one.shape_zyx)), str(one.n_tumors),
            f"{one.seconds:.2f}", f"{one.peak_mb:.0f}", f"{one.area_mb_s:.0f}",
        )
        for one in resources
    ]  # fmt: skip
    means = (
        sum(values) / len(resources)
        for values in zip(*((one.seconds, one.peak_mb, one.area_mb_s) for one in resources), strict=True)
    )
    seconds, peak, area = means
    rows.append(("mean", "", "", f"{seconds:.2f}", f"{peak:.0f}", f"{area:.0f}"))
    return [
        html.table(("case", "size (z, y, x)", "tumours", "s", "peak MB", "MB s"), rows),
        html.paragraph(
            "A fresh process for each case, from its start to its end; resident memory of the process tree, sampled "
            "every 10 ms; MB s is the area under the memory's curve (the paper's Table 4)."
        ),
    ]


def _tumors(evaluation: Evaluation) -> str:
    baselines = {
        (one.source, one.case, one.label): one.score.dsc
        for one in evaluation.tumors
        if one.method == "sphere"
    }
    rows = []
    for one in evaluation.tumors:
        if one.method != RESULT:
            continue
        score, sphere = one.score, baselines.get((one.source, one.case, one.label))
        rows.append(
            (
                f"{one.source}/{one.case}", str(one.label), f"{one.recist_mm:.1f}", f"{score.dsc:.3f}",
                "-" if sphere is None else f"{sphere:.3f}", f"{score.nsd_2mm:.3f}", f"{score.nsd_1mm:.3f}",
                f"{score.volume_ml:.2f}", f"{score.reference_ml:.2f}", f"{score.volume_error:+.0%}",
                f"{score.longest_diameter_error:+.1%}",
            )
        )  # fmt: skip
    headings = ("case", "tumour", "line mm", "DSC", "sphere's DSC", "NSD 2 mm", "NSD 1 mm", "ml", "reference ml",
                "volume error", "diameter error")  # fmt: skip
    return html.table(headings, rows)


def _share(interval: Interval) -> str:
    return _unbroken(f"{interval.value:.3f} ({interval.low:.3f}-{interval.high:.3f})")


def _percent(interval: Interval) -> str:
    return _unbroken(f"{interval.value:.1%} ({interval.low:.0%}-{interval.high:.0%})")


def _unbroken(text: str) -> str:
    """The text, in which no browser parts the ends of a range."""
    return text.replace("-", "\u2011")

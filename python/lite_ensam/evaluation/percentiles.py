"""The paper's Figure 2: the slice of the mark at the 5th, 25th, 50th, 75th and 95th percentile of the DSC."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from lite_ensam.evaluation.scores import TumorScore
from lite_ensam.evaluation.tumor_gallery import PERCENTILES
from lite_ensam.figures.tumor_planes import (
    PLANES,
    TumorPicture,
    choose_window,
    draw_legend,
    draw_plane,
    new_figure,
    save_png,
)

__all__ = ["render_percentiles"]

_COLUMN_INCHES, _TITLE_INCHES, _LEGEND_INCHES = 3.0, 0.65, 0.4


def render_percentiles(
    tumors: Sequence[TumorPicture],
    scores: Sequence[TumorScore],
    percentiles: Sequence[int] = PERCENTILES,
) -> bytes:
    """Draw a column for each percentile: the slice of the line with result and reference outlined.

    Parameters
    ----------
    tumors : Sequence[TumorPicture]
        Pictures of the tumours at the percentiles.
    scores : Sequence[TumorScore]
        Their scores, in the same order.
    percentiles : Sequence[int], default PERCENTILES
        Percentiles of the DSC, ascending.

    Returns
    -------
    bytes
        Content of a PNG file.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    width, height = _COLUMN_INCHES * len(tumors), _COLUMN_INCHES + _TITLE_INCHES + _LEGEND_INCHES
    figure = new_figure(width, height)
    for column, (tumor, score, percent) in enumerate(zip(tumors, scores, percentiles, strict=True)):
        left = (column + 0.02) / len(tumors)
        box = (left, _LEGEND_INCHES / height, 0.96 / len(tumors), _COLUMN_INCHES / height)
        plane = figure.add_axes(box)
        draw_plane(plane, tumor, PLANES[0], tumor.field_of_view(), choose_window(tumor.ct, tumor.mark))
        figure.text(
            left + 0.48 / len(tumors),
            1 - 0.05 / height,
            f"{percent}th percentile\nDSC {score.score.dsc:.3f}, NSD 2 mm {score.score.nsd_2mm:.3f}\n"
            f"{score.source}/{score.case}",
            ha="center", va="top", fontsize=9, linespacing=1.2,
        )  # fmt: skip
    draw_legend(figure, tumors)
    png = BytesIO()
    save_png(figure, png)
    return png.getvalue()

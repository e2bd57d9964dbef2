"""Tumours in three planes: the CT with its line, the result and, if there is one, the reference.

Planes lie as radiologists are used to: the patient's right on the left, front on top of the axial
plane and on the left of the sagittal one, head up. The three planes of a tumour have one scale.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.case import guess_hu
from lite_ensam.core.errors import ArgumentError, CaseError, MissingExtraError, brief
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import (
    PartialScan,
    SubVolume,
    subvolume_containing,
    value_range,
)
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.core.short_repr import with_short_repr
from lite_ensam.core.types import CtVolume, Float64Array, Mask, int_triple
from lite_ensam.core.voxels import as_ct
from lite_ensam.io import atomic_write, check_output

__all__ = [
    "TumorPicture",
    "choose_window",
    "draw_tumors",
    "render_picture",
    "render_thumbnail",
    "write_picture",
]

Drawing: TypeAlias = Any
"""A Figure or Axes of matplotlib, which is imported only where it is used."""

SOFT_TISSUE_WINDOW_HU = (-160.0, 240.0)
LUNG_WINDOW_HU = (-1350.0, 150.0)
BETWEEN_WINDOW_HU = (-1000.0, 300.0)
"""Shows where lung ends and still tells soft tissues apart."""

_AERATED_HU = -400.0
"""Below this it is lung (or air); fat ends at about -150."""

_STYLES = {"reference": ("#56b4e9", 3.6), "result": ("#d55e00", 1.8), "RECIST line": ("#f0e442", 1.5)}
"""Colour and width of each outline: sky blue, vermilion and yellow of Okabe and Ito's palette, told apart on
grey with any colour vision. The result is drawn over the reference and is thinner: both stay visible."""

_FIELD_OF_VIEW = 1.6
"""Its side in largest extents of what is outlined."""

_LEAST_SIDE_MM = 30.0
_SCALE_BAR_MM = 10.0
_THUMBNAIL_INCHES = 2.2
_MOST_TUMORS = 100
"""A row for each; matplotlib draws at most 65,536 pixels a side."""
_WIDTH_INCHES, _ROW_INCHES, _PLANE_INCHES, _LEGEND_INCHES, _DPI = 12.0, 4.25, 3.84, 0.45, 120


class _Plane(NamedTuple):
    """Which array axis is cut, which runs across the paper and which up it."""

    name: str
    cut: int
    across: int
    up: int


PLANES = (_Plane("axial", 0, 2, 1), _Plane("coronal", 1, 2, 0), _Plane("sagittal", 2, 1, 0))

_SIDES = (("H", "F"), ("A", "P"), ("R", "L"))
"""Per axis z, y, x: the body's side shown at the top or left, and the one shown across from it."""


@with_short_repr
@dataclass(frozen=True, eq=False)
class TumorPicture:
    """The picture of one tumour.

    Parameters
    ----------
    ct : CtVolume or PartialScan
        The scan (z, y, x), in HU (see `choose_window`) or windowed; of crops the one that holds the line is shown.
    grid : Grid
        Grid of the CT, or the `ScanSource`, `Case` or `Segmentation` that has it; its affine says where the patient's
        right, front and head are.
    mark : RecistMark
        The line; the axial plane is its slice, the others run through its middle.
    result : Mask or SubVolume
        The mask, bool (z, y, x) or with one label, outlined voxel by voxel, or the part that holds all its voxels.
    reference : Mask or SubVolume or None, default None
        The reference mask in the same form, if known.
    title : str, default ""
        Title above the planes.

    Raises
    ------
    ValueError
        If the shapes differ, or a mask is not one tumour's.
    """

    ct: CtVolume | PartialScan
    grid: Grid
    mark: RecistMark
    result: Mask | SubVolume
    reference: Mask | SubVolume | None = None
    title: str = ""

    def __post_init__(self) -> None:
        source = ScanSource.of(self.grid)
        object.__setattr__(self, "grid", source.grid)
        if not isinstance(self.ct, PartialScan):
            object.__setattr__(self, "ct", as_ct(self.ct, name="ct"))
        if self.ct.shape != self.grid.shape_zyx:
            raise CaseError(f"ct has shape {self.ct.shape}, the grid {self.grid.shape_zyx} (z, y, x)")
        for name, mask in self.masks.items():
            object.__setattr__(self, name, source.mask_part(mask, name))

    @property
    def masks(self) -> dict[str, Any]:
        """The outlines, the lowest first; each is the smallest `SubVolume` that holds its mask."""
        both = {"reference": self.reference, "result": self.result}
        return {name: mask for name, mask in both.items() if mask is not None}

    def slice_of(self, part: SubVolume, plane: _Plane) -> tuple[NDArray[Any], Float64Array]:
        """Cut a part of the volume along a plane of the picture.

        Parameters
        ----------
        part : SubVolume
            Part of the volume.
        plane : _Plane
            Plane of the picture.

        Returns
        -------
        voxels : NDArray[Any]
            Rows follow the axis that runs up, columns the one that runs across; empty if the plane misses the part.
        start : Float64Array
            Index of the first column and the first row in the volume.
        """
        place = round(self.mark.midpoint_zyx[plane.cut])
        index = min(max(place, 0), self.grid.shape_zyx[plane.cut] - 1) - part.start_zyx[plane.cut]
        start = np.array([part.start_zyx[plane.across], part.start_zyx[plane.up]], dtype=np.float64)
        if not 0 <= index < part.voxels.shape[plane.cut]:
            return np.empty((0, 0), part.voxels.dtype), start
        return part.voxels.take(index, axis=plane.cut), start

    def field_of_view(self) -> tuple[Float64Array, float]:
        """Compute the cube that is shown, in mm from the centre of voxel 0.

        Returns
        -------
        tuple[Float64Array, float]
            Middle (z, y, x) and side in mm.
        """
        spacing = np.asarray(self.grid.spacing_mm)
        corners = [np.asarray(self.mark.endpoints_zyx)]
        corners += [
            np.array([mask.start_zyx, mask.stop_zyx]) - 0.5
            for mask in self.masks.values()
            if mask.voxels.size
        ]
        low = np.min(corners, axis=(0, 1)) * spacing
        high = np.max(corners, axis=(0, 1)) * spacing
        return (low + high) / 2, max(_FIELD_OF_VIEW * float((high - low).max()), _LEAST_SIDE_MM)


def write_picture(
    path: str | os.PathLike[str], tumors: TumorPicture | Iterable[TumorPicture], *, overwrite: bool = False
) -> None:
    """Write a PNG with a row for each tumour: its axial, its coronal and its sagittal plane.

    Parameters
    ----------
    path : str or os.PathLike[str]
        .png.
    tumors : TumorPicture or Iterable[TumorPicture]
        At least one tumour.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If the file cannot be written; nothing half-written is left.
    """
    check_output(path, overwrite, (".png",))
    figure = draw_tumors(tumors)
    with atomic_write(path, overwrite) as file:
        save_png(figure, file)


def render_picture(tumors: TumorPicture | Iterable[TumorPicture]) -> bytes:
    """Draw the picture of `write_picture` in memory.

    Parameters
    ----------
    tumors : TumorPicture or Iterable[TumorPicture]
        At least one tumour.

    Returns
    -------
    bytes
        Content of a PNG file.
    """
    return _png_of(draw_tumors(tumors))


def render_thumbnail(tumor: TumorPicture, least_side_mm: float = 0.0) -> bytes:
    """Draw the axial plane alone, 264 pixels a side, for a page with many tumours.

    Parameters
    ----------
    tumor : TumorPicture
        What is shown.
    least_side_mm : float, default 0.0
        Least side of the picture in mm, so that pictures of one tumour share a scale.

    Returns
    -------
    bytes
        Content of a PNG file.
    """
    figure = new_figure(_THUMBNAIL_INCHES, _THUMBNAIL_INCHES)
    (middle, side_mm), window = tumor.field_of_view(), choose_window(tumor.ct, tumor.mark)
    view = middle, max(side_mm, least_side_mm)
    draw_plane(figure.add_axes((0.0, 0.0, 1.0, 1.0)), tumor, PLANES[0], view, window)
    return _png_of(figure)


def new_figure(width_inches: float, height_inches: float) -> Drawing:
    """An empty figure; pyplot's global state stays untouched. MissingExtraError without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'lite-ensam[evaluate]'") from error
    figure = Figure(figsize=(width_inches, height_inches), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_png(figure: Drawing, file: BinaryIO) -> None:
    """Write the figure."""
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})


def choose_window(ct: CtVolume | PartialScan, mark: RecistMark) -> tuple[float, float]:
    """Grey values shown as black and as white, chosen by what lies under the line and just beyond it.

    Lung if the tumour is aerated itself or the line runs out into lung at both ends; soft tissue if
    it does at neither; else a window for both. A scan that is not in HU is shown from its darkest to
    its brightest voxel.
    """
    if not guess_hu(ct):
        return value_range(ct)
    part = _part_around(ct, mark)
    inside, before, beyond = (
        float(np.median(_along_line(part, mark, *share))) < _AERATED_HU
        for share in ((0.0, 1.0), (-0.4, -0.1), (1.1, 1.4))
    )
    if inside or (before and beyond):
        return LUNG_WINDOW_HU
    return BETWEEN_WINDOW_HU if before or beyond else SOFT_TISSUE_WINDOW_HU


def _part_around(ct: CtVolume | PartialScan, mark: RecistMark) -> SubVolume:
    """As much of a scan as is there around a line."""
    ends, last = np.asarray(mark.endpoints_zyx), np.asarray(ct.shape) - 1
    low, high = np.floor(ends.min(axis=0)), np.ceil(ends.max(axis=0))
    start, stop = np.clip(low, 0, last), np.clip(high, 0, last) + 1
    return subvolume_containing(ct, (int_triple(start), int_triple(stop)))


def _along_line(part: SubVolume, mark: RecistMark, first: float, last: float) -> NDArray[Any]:
    """Voxels from `first` to `last` on the line; 0 and 1 are its ends."""
    start, stop = np.asarray(mark.endpoints_zyx)
    points = np.rint(start + np.linspace(first, last, 33)[:, None] * (stop - start)).astype(int)
    z, y, x = np.clip(points - part.start_zyx, 0, np.asarray(part.voxels.shape) - 1).T
    values: NDArray[Any] = part.voxels[z, y, x]
    return values


def draw_tumors(tumors: TumorPicture | Iterable[TumorPicture]) -> Drawing:
    """Draw a row for each tumour: its axial, coronal and sagittal plane. A notebook shows the figure.

    Parameters
    ----------
    tumors : TumorPicture or Iterable[TumorPicture]
        At least one tumour, and at most 100.

    Returns
    -------
    Drawing
        A matplotlib figure.

    Raises
    ------
    ArgumentError
        If there are more tumours than a picture can hold, or not one.
    MissingExtraError
        If matplotlib is not installed.
    """
    tumors = [tumors] if isinstance(tumors, TumorPicture) else list(tumors)
    if wrong := [one for one in tumors if not isinstance(one, TumorPicture)]:
        raise ArgumentError(f"tumors must be TumorPictures (a result has `plot()`), got {brief(wrong[0])}")
    if not tumors:
        raise ArgumentError("tumors must be at least one TumorPicture, got none")
    if len(tumors) > _MOST_TUMORS:
        raise ArgumentError(f"a picture holds at most {_MOST_TUMORS} tumours, got {len(tumors)}: choose some")
    height = len(tumors) * _ROW_INCHES + _LEGEND_INCHES
    figure = new_figure(_WIDTH_INCHES, height)
    for row, tumor in enumerate(tumors):
        bottom = height - (row + 1) * _ROW_INCHES
        title_at = (bottom + _PLANE_INCHES + 0.1) / height
        figure.text(0.5, title_at, tumor.title, ha="center", va="bottom", fontsize=12)
        view, window = tumor.field_of_view(), choose_window(tumor.ct, tumor.mark)
        for column, plane in enumerate(PLANES):
            box = (0.01 + column * 0.33, bottom / height, 0.32, _PLANE_INCHES / height)
            draw_plane(figure.add_axes(box), tumor, plane, view, window)
    draw_legend(figure, tumors)
    figure._repr_png_ = lambda: _png_of(figure)  # without pyplot, a notebook would print its name only
    return figure


def _png_of(figure: Drawing) -> bytes:
    png = BytesIO()
    save_png(figure, png)
    return png.getvalue()


def draw_legend(figure: Drawing, tumors: Sequence[TumorPicture]) -> None:
    """Legend of the colours, at the figure's lower end."""
    from matplotlib.lines import Line2D

    shown = {name for tumor in tumors for name in tumor.masks} | {"RECIST line"}
    handles = [
        Line2D([], [], color=color, linewidth=width, label=name)
        for name, (color, width) in _STYLES.items()
        if name in shown
    ]
    figure.legend(handles=handles, loc="lower center", ncols=3, frameon=False, fontsize=11)


def draw_plane(
    axes: Drawing,
    tumor: TumorPicture,
    plane: _Plane,
    view: tuple[Float64Array, float],
    window: tuple[float, float],
) -> None:
    """Grey values, outlines, line, scale, and letters that say what side of the body is where."""
    pixel_mm = np.array([tumor.grid.spacing_mm[axis] for axis in (plane.across, plane.up)])
    axes.set_facecolor("black")
    greys, start = tumor.slice_of(_part_around(tumor.ct, tumor.mark), plane)
    left, bottom = (start - 0.5) * pixel_mm
    right, top = (start + greys.shape[::-1] - 0.5) * pixel_mm
    axes.imshow(
        greys, cmap="gray", vmin=window[0], vmax=window[1], extent=(left, right, bottom, top), origin="lower",
        interpolation="nearest",
    )  # fmt: skip
    for name, mask in tumor.masks.items():
        outlined, start = tumor.slice_of(mask, plane)
        _draw_outline(axes, (_edges(outlined) + start) * pixel_mm, name)
    _draw_line(axes, tumor, plane)
    _draw_scale_bar(axes, view[1])
    axes.set_xlim(_limits_mm(tumor.grid, plane.across, view))
    axes.set_ylim(_limits_mm(tumor.grid, plane.up, view)[::-1])
    axes.set_xticks([])
    axes.set_yticks([])
    _write(axes, 0.03, 0.965, plane.name, "left", "top")
    _write(axes, 0.02, 0.5, _SIDES[plane.across][0], "left", "center")
    _write(axes, 0.98, 0.5, _SIDES[plane.across][1], "right", "center")
    _write(axes, 0.5, 0.965, _SIDES[plane.up][0], "center", "top")
    _write(axes, 0.5, 0.035, _SIDES[plane.up][1], "center", "bottom")


def _limits_mm(grid: Grid, axis: int, view: tuple[Float64Array, float]) -> tuple[float, float]:
    """The visible range of an axis, the end at the paper's left or top first."""
    center_mm, side_mm = view
    low, high = center_mm[axis] - side_mm / 2, center_mm[axis] + side_mm / 2
    # World x, y, z grow to the right, front and head, and these are shown at the left or top.
    return (high, low) if grid.affine[2 - axis, 2 - axis] > 0 else (low, high)


def _write(axes: Drawing, x: float, y: float, text: str, horizontal: str, vertical: str) -> None:
    """White text, at shares of the plane's side."""
    axes.text(
        x, y, text, ha=horizontal, va=vertical, transform=axes.transAxes, color="white", fontsize=10,
        path_effects=_dark_rim(2),
    )  # fmt: skip


def _dark_rim(width: float) -> list[Any]:
    """Keeps light drawing visible over bright tissue."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="black")]


def _draw_outline(axes: Drawing, edges_mm: Float64Array, name: str) -> None:
    """Edges (n, 2, 2) between voxels in and out of a mask; the result is the thinner one, on top."""
    from matplotlib.collections import LineCollection

    color, width = _STYLES[name]
    edges = LineCollection(list(edges_mm), colors=color, linewidths=width, capstyle="projecting")
    axes.add_collection(edges, autolim=False)


def _edges(mask: Mask) -> Float64Array:
    """Ends (n, 2, 2) of the voxel edges around a flat mask, as index coordinates (column, row)."""
    padded = np.pad(mask, 1)
    row, column = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = np.stack([np.stack([column, row], -1), np.stack([column + 1, row], -1)], 1)
    row, column = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    upright = np.stack([np.stack([column, row], -1), np.stack([column, row + 1], -1)], 1)
    return np.concatenate([level, upright]) - 0.5


def _draw_line(axes: Drawing, tumor: TumorPicture, plane: _Plane) -> None:
    """The line in its own slice, its shadow (dotted) in the other two planes."""
    ends = np.asarray(tumor.mark.endpoints_zyx) * tumor.grid.spacing_mm
    own = plane.cut == 0
    color, width = _STYLES["RECIST line"]
    axes.plot(
        ends[:, plane.across], ends[:, plane.up], color=color, linewidth=width, marker="o", markersize=3,
        linestyle="-" if own else (0, (1, 1.5)), path_effects=_dark_rim(width + 1) if own else None,
    )  # fmt: skip
    if own:
        _write(
            axes, 0.03, 0.035, f"line {tumor.mark.length_mm(tumor.grid.spacing_mm):.1f} mm", "left", "bottom"
        )


def _draw_scale_bar(axes: Drawing, side_mm: float) -> None:
    """10 mm, in the lower right corner."""
    share = _SCALE_BAR_MM / side_mm
    axes.plot(
        [0.97 - share, 0.97], [0.035, 0.035], color="white", linewidth=3, solid_capstyle="butt",
        transform=axes.transAxes, path_effects=_dark_rim(5),
    )  # fmt: skip
    _write(axes, 0.97, 0.05, f"{_SCALE_BAR_MM:g} mm", "right", "bottom")

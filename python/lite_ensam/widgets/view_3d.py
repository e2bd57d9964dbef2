"""Tumours in 3D: turned with the mouse (k3d, offline), as a still picture, or in itkwidgets."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.colors import color_of
from lite_ensam.core.errors import ArgumentError, LiteEnsamError, MissingExtraError, brief
from lite_ensam.core.grid import Grid
from lite_ensam.core.partial_volume import TumorMasks
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.types import CtVolume, Labels
from lite_ensam.figures.surface import Surface, surface_of
from lite_ensam.figures.tumor_planes import choose_window

__all__ = ["Picture", "View3d", "check_view_3d", "render_tumors_3d", "view_itk", "view_tumors"]

View3d: TypeAlias = Literal["k3d", "itk"]
"""Which package draws the 3D view of `explore`."""

Drawing: TypeAlias = Any
"""Objects of k3d, itkwidgets and matplotlib, which are imported only where they are used."""

_MARGIN_MM = 25.0
"""So much of the axial slice is shown around a tumour."""

_LOOK_FROM = np.array([0.35, 0.8, 0.5])
"""Direction of the eye, world x, y, z: the patient's front, a little from the right and above."""

_LOOK_FROM_REACHES = 2.1

_LINE_MM = 1.2
_GREYS = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=np.float32)
"""k3d's form of a colour map: position, red, green, blue of black and of white."""

_WITHOUT_ITK = (
    "itkwidgets is not installed: pip install 'lite-ensam[itk]'. It fetches its viewer from the internet each "
    "time it is shown; without one, use view_tumors"
)


_ITK_HOST = "kitware.github.io"
"""Where itkwidgets' viewer is fetched from."""

_ITK_TIMEOUT_S = 3.0


def check_view_3d(name: str) -> None:
    """ArgumentError unless it is the name of a 3D view."""
    if name not in get_args(View3d):
        raise ArgumentError(f"view_3d must be {' or '.join(map(repr, get_args(View3d)))}, got {brief(name)}")


@dataclass(frozen=True)
class Picture:
    """A PNG that a notebook shows."""

    png: bytes = field(repr=False)

    def _repr_png_(self) -> bytes:
        return self.png


@dataclass(frozen=True, eq=False)
class _Tumor:
    mark: RecistMark
    color: str
    surface: Surface
    line_mm: NDArray[np.float32]


def view_tumors(
    labels: Labels,
    grid: Grid,
    marks: Sequence[RecistMark],
    *,
    ct: CtVolume | None = None,
    colors: Mapping[int, str] | None = None,
    height: int = 512,
) -> Drawing:
    """Plot a surface for each tumour and its RECIST line in mm, to be turned with the mouse.

    Parameters
    ----------
    labels : Labels
        Label map (z, y, x).
    grid : Grid
        Grid of the map.
    marks : Sequence[RecistMark]
        The lines; a mark whose label has no voxel is shown as a line only.
    ct : CtVolume or None, default None
        Voxels of the scan; if given, a part of the axial slice of each line is shown through the tumour.
    colors : Mapping[int, str] or None, default None
        "#rrggbb" by label; None takes the palette.
    height : int, default 512
        Height of the plot in screen pixels.

    Returns
    -------
    Drawing
        A `k3d.Plot`, a widget that works offline.

    Raises
    ------
    MissingExtraError
        If k3d is not installed.
    LiteEnsamError
        If the shapes differ.
    """
    try:
        import k3d
    except ImportError as error:
        raise MissingExtraError("the 3D view needs k3d: pip install 'lite-ensam[widgets]'") from error
    plot = k3d.plot(
        height=height,
        camera_auto_fit=False,
        colorbar_object_id=0,  # no scale of grey values
        grid_visible=False,
        background_color=0x101418,
        label_color=0xFFFFFF,
        axes=_axes(grid),
        menu_visibility=False,
    )
    tumors = list(_tumors(labels, grid, marks, colors))
    plot.camera = _camera(tumors)
    for tumor in tumors:
        color, name = int(tumor.color[1:], 16), tumor.mark.name or f"lesion {tumor.mark.label}"
        if len(tumor.surface.triangles):
            mesh = k3d.mesh(
                tumor.surface.vertices_mm, tumor.surface.triangles, color=color, opacity=0.55, name=name
            )
            plot += mesh
        plot += k3d.line(tumor.line_mm, shader="mesh", width=_LINE_MM, color=0xFFF26B, name=f"{name}: line")
        if ct is not None:
            plot += _slice_through(k3d, ct, grid, tumor)
    return plot


def render_tumors_3d(
    labels: Labels,
    grid: Grid,
    marks: Sequence[RecistMark],
    *,
    colors: Mapping[int, str] | None = None,
    inches: tuple[float, float] = (6.0, 6.0),
) -> Picture:
    """Draw the plot of `view_tumors` as a still picture, for nbconvert, papermill and print.

    Parameters
    ----------
    labels : Labels
        Label map (z, y, x).
    grid : Grid
        Grid of the map.
    marks : Sequence[RecistMark]
        The lines; a mark whose label has no voxel is shown as a line only.
    colors : Mapping[int, str] or None, default None
        "#rrggbb" by label; None takes the palette.
    inches : tuple[float, float], default (6.0, 6.0)
        Width and height of the picture in inches.

    Returns
    -------
    Picture
        A picture that notebooks show.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    LiteEnsamError
        If the shapes differ.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures need matplotlib: pip install 'lite-ensam[widgets]'") from error
    figure = Figure(figsize=inches, layout="tight")
    FigureCanvasAgg(figure)
    axes: Drawing = figure.add_subplot(projection="3d")
    corners = []
    for tumor in _tumors(labels, grid, marks, colors):
        vertices, triangles = tumor.surface.vertices_mm, tumor.surface.triangles
        if len(triangles):
            axes.plot_trisurf(
                *vertices.T, triangles=triangles, color=tumor.color, alpha=0.6, linewidth=0, shade=True
            )
        axes.plot(*tumor.line_mm.T, color="black", linewidth=2.5)
        corners += [vertices, tumor.line_mm]
    if corners:
        low, high = np.concatenate(corners).min(axis=0), np.concatenate(corners).max(axis=0)
        axes.set_box_aspect(np.maximum(high - low, 1.0))
    axes.set(**dict(zip(("xlabel", "ylabel", "zlabel"), _axes(grid), strict=True)))
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100, metadata={"Software": None})
    return Picture(png.getvalue())


def view_itk(ct: CtVolume, labels: Labels, grid: Grid) -> Drawing:
    """Show the scan and its label map in itkwidgets' volume viewer, which NEEDS THE INTERNET.

    itkwidgets fetches its viewer from a public server each time it is shown; the scan stays in this browser.
    `view_tumors` needs no internet.

    Parameters
    ----------
    ct : CtVolume
        Voxels of the scan (z, y, x).
    labels : Labels
        Label map (z, y, x) of the same shape.
    grid : Grid
        Grid of both.

    Returns
    -------
    Drawing
        The widget.

    Raises
    ------
    MissingExtraError
        If itkwidgets is not installed (extra `itk`).
    LiteEnsamError
        If the shapes differ, or that server cannot be reached from here.
    """
    _check_shape(labels, grid, "labels")
    _check_shape(ct, grid, "ct")
    try:
        import itkwidgets
        from ngff_zarr import to_ngff_image
    except ImportError as error:
        raise MissingExtraError(_WITHOUT_ITK) from error
    _check_itk_server()
    scale = dict(zip("zyx", grid.spacing_mm, strict=True))
    image, label_image = (
        to_ngff_image(np.ascontiguousarray(volume), dims=("z", "y", "x"), scale=scale)
        for volume in (ct, labels)
    )
    return itkwidgets.view(image=image, label_image=label_image)


def _check_itk_server() -> None:
    """Offline, itkwidgets shows an empty cell and says nothing."""
    try:
        socket.create_connection((_ITK_HOST, 443), timeout=_ITK_TIMEOUT_S).close()
    except OSError as error:
        raise LiteEnsamError(
            f'itkwidgets fetches its viewer from {_ITK_HOST}, which cannot be reached from here: use view_3d="k3d", '
            "which works offline"
        ) from error


def _tumors(
    labels: Labels, grid: Grid, marks: Sequence[RecistMark], colors: Mapping[int, str] | None
) -> Iterator[_Tumor]:
    _check_shape(labels, grid, "labels")
    masks = TumorMasks(labels)
    for mark in marks:
        color = (colors or {}).get(mark.label, color_of(mark.label))
        line_mm = grid.voxel_to_mm(mark.endpoints_zyx).astype(np.float32)
        yield _Tumor(mark, color, surface_of(masks[mark.label], grid), line_mm)


def _camera(tumors: Sequence[_Tumor]) -> list[float]:
    """Place, target and upward direction of a look at all tumours, from the front and above."""
    points = [part for tumor in tumors for part in (tumor.surface.vertices_mm, tumor.line_mm)]
    corners = np.concatenate(points or [np.zeros((1, 3), np.float32)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach_mm = max(float(np.linalg.norm(high - low)) / 2, _MARGIN_MM)
    target = (low + high) / 2
    place = target + _LOOK_FROM / np.linalg.norm(_LOOK_FROM) * _LOOK_FROM_REACHES * reach_mm
    return [*place.tolist(), *target.tolist(), 0.0, 0.0, 1.0]


def _slice_through(k3d: Drawing, ct: CtVolume, grid: Grid, tumor: _Tumor) -> Drawing:
    """The axial slice of a line, as a picture that stands where it was cut."""
    ends, spacing = np.asarray(tumor.mark.endpoints_zyx), np.asarray(grid.spacing_mm)
    last = np.asarray(grid.shape_zyx) - 1
    low = np.clip(np.floor(ends.min(axis=0) - _MARGIN_MM / spacing), 0, last).astype(int)
    high = np.clip(np.ceil(ends.max(axis=0) + _MARGIN_MM / spacing), 0, last).astype(int)
    z = tumor.mark.slice_index
    crop = ct[z, low[1] : high[1] + 1, low[2] : high[2] + 1].astype(np.float32)
    corner, right, up = grid.voxel_to_mm(
        [[z, low[1] - 0.5, low[2] - 0.5], [z, low[1] - 0.5, high[2] + 0.5], [z, high[1] + 0.5, low[2] - 0.5]]
    )
    return k3d.texture(
        attribute=crop,
        color_map=_GREYS,
        color_range=list(choose_window(ct, tumor.mark)),
        puv=np.concatenate([corner, right - corner, up - corner]).astype(np.float32),
        name=f"slice {z}",
    )


def _axes(grid: Grid) -> list[str]:
    return [f"{axis} (mm)" for axis in ("RAS" if grid.is_oriented else "xyz")]


def _check_shape(volume: NDArray[Any], grid: Grid, name: str) -> None:
    if volume.shape != grid.shape_zyx:
        raise ArgumentError(f"{name} has shape {volume.shape}, the grid {grid.shape_zyx} (z, y, x)")

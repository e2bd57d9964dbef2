"""3D views: what is in them, and what they say when a package is missing."""

import io
import sys
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.image import imread

from lite_ensam.core.case import Case
from lite_ensam.core.errors import LiteEnsamError, MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.widgets import render_tumors_3d, view_itk, view_tumors


def test_the_plot_holds_a_surface_a_line_and_a_slice_a_tumour(case: Case) -> None:
    plot = view_tumors(case.reference, case.grid, case.marks, ct=case.ct)
    assert [drawn.type for drawn in plot.objects] == ["Mesh", "Line", "Texture"] * 2
    mesh, line, _ = plot.objects[:3]
    ends_mm = case.grid.voxel_to_mm(case.marks[0].endpoints_zyx)
    np.testing.assert_allclose(line.vertices, ends_mm, rtol=1e-5)
    assert np.all(np.abs(mesh.vertices - ends_mm.mean(axis=0)).max(axis=0) < 15)


def test_colours_can_be_chosen(case: Case) -> None:
    plot = view_tumors(case.reference, case.grid, case.marks[:1], colors={1: "#102030"})
    assert plot.objects[0].color == 0x102030


def test_a_mark_without_a_mask_is_a_line_only(case: Case) -> None:
    plot = view_tumors(np.zeros_like(case.reference), case.grid, case.marks[:1])
    assert [drawn.type for drawn in plot.objects] == ["Line"]


def test_nothing_marked_is_an_empty_plot(case: Case) -> None:
    assert list(view_tumors(case.reference, case.grid, ()).objects) == []
    assert render_tumors_3d(case.reference, case.grid, ()).png


def test_the_still_picture_shows_the_tumours_colours(case: Case) -> None:
    picture = render_tumors_3d(case.reference, case.grid, case.marks, colors={1: "#ff0000", 2: "#0000ff"})
    pixels = imread(io.BytesIO(picture._repr_png_()))[..., :3]
    red, green, blue = np.moveaxis(pixels, -1, 0)
    assert np.sum((red - green > 0.3) & (red - blue > 0.3)) > 500
    assert np.sum((blue - green > 0.3) & (blue - red > 0.3)) > 500


def test_shapes_must_agree(case: Case) -> None:
    for view in (view_tumors, render_tumors_3d):
        with pytest.raises(LiteEnsamError, match="labels has shape"):
            view(case.reference[1:], case.grid, case.marks)


def _itk(labels: np.ndarray, grid: Grid, marks: tuple[RecistMark, ...]) -> object:
    return view_itk(labels, labels, grid)


@pytest.mark.parametrize(
    ("package", "view", "extra"),
    [
        ("k3d", view_tumors, "widgets"),
        ("matplotlib.figure", render_tumors_3d, "widgets"),
        ("itkwidgets", _itk, "itk"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    case: Case, monkeypatch: pytest.MonkeyPatch, package: str, view: Callable[..., object], extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"lite-ensam\[{extra}\]"):
        view(case.reference, case.grid, case.marks)

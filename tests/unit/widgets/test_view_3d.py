"""3D views: what is in them, and what they say when a package is missing."""

import io
import sys
from collections.abc import Callable

import ipywidgets
import numpy as np
import pytest
from matplotlib.image import imread

from lite_ensam.core.case import Case
from lite_ensam.core.errors import LiteEnsamError, MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.widgets import explore, render_tumors_3d, view_3d, view_itk, view_tumors
from tests.unit.widgets.conftest import SphereEngine


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


class Itk:
    """Stands for itkwidgets and ngff_zarr; keeps what it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: dict[str, tuple[np.ndarray, dict[str, float]]] = {}
        self.asked: list[tuple[str, int]] = []
        monkeypatch.setitem(sys.modules, "itkwidgets", self)
        monkeypatch.setitem(sys.modules, "ngff_zarr", self)
        monkeypatch.setattr(view_3d.socket, "create_connection", self.connect)

    def connect(self, address: tuple[str, int], timeout: float) -> "Itk":
        self.asked.append(address)
        return self

    def close(self) -> None: ...

    def to_ngff_image(
        self, volume: np.ndarray, dims: tuple[str, ...], scale: dict[str, float]
    ) -> tuple[np.ndarray, dict[str, float]]:
        assert dims == ("z", "y", "x")
        return volume, scale

    def view(self, **shown: tuple[np.ndarray, dict[str, float]]) -> ipywidgets.HTML:
        self.shown = shown
        return ipywidgets.HTML("itk")


def test_explore_shows_itkwidgets_if_asked_to(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    itk = Itk(monkeypatch)
    explorer = explore(case, view_3d="itk")
    explorer.viewer.segment()
    assert itk.asked == [], "nothing is asked of the internet until 3D is"
    explorer._in_3d.value = True
    assert itk.asked == [("kitware.github.io", 443)]
    ct, scale = itk.shown["image"]
    np.testing.assert_array_equal(ct, case.ct)
    assert scale == dict(zip("zyx", case.grid.spacing_mm, strict=True))
    np.testing.assert_array_equal(itk.shown["label_image"][0], explorer.viewer.labels)
    assert [child.value for child in explorer._place_3d.children] == ["itk"]


def test_offline_itkwidgets_is_a_sentence(
    case: Case, engine: SphereEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Itk(monkeypatch)

    def fail(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(view_3d.socket, "create_connection", fail)
    explorer = explore(case, view_3d="itk", auto_segment=False)
    explorer._in_3d.value = True
    assert "cannot be reached from here: use view_3d=&quot;k3d&quot;" in explorer._words.value
    assert list(explorer._place_3d.children) == []


def test_a_3d_view_that_is_not_known_is_refused(case: Case, engine: SphereEngine) -> None:
    with pytest.raises(LiteEnsamError, match="view_3d must be 'k3d' or 'itk', got 'vtk'"):
        explore(case, view_3d="vtk")  # type: ignore[arg-type]
    assert explore(case).view_3d == "k3d"

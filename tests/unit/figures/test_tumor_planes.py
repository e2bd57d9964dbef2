"""Pictures: what is drawn is there, lies as radiologists expect it, and is written whole or not at all."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from lite_ensam.core.errors import ArgumentError, MissingExtraError, OutputError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.evaluation.baselines import sphere
from lite_ensam.figures.tumor_planes import (
    BETWEEN_WINDOW_HU,
    LUNG_WINDOW_HU,
    SOFT_TISSUE_WINDOW_HU,
    TumorPicture,
    choose_window,
    draw_tumors,
    render_picture,
    write_picture,
)
from tests.phantoms import ellipsoid_case

REFERENCE_RGB, RESULT_RGB, LINE_RGB = (86, 180, 233), (213, 94, 0), (240, 228, 66)


def tumor_picture(n: int = 0, **changes) -> TumorPicture:
    case = ellipsoid_case()
    mark = case.marks[n]
    fields = {
        "ct": case.ct,
        "grid": case.grid,
        "mark": mark,
        "result": sphere(case, mark).whole(),
        "reference": case.reference == mark.label,
        "title": "a tumour",
    }
    return TumorPicture(**(fields | changes))


def pixels_of(path: Path) -> np.ndarray:
    return np.rint(imread(path)[..., :3] * 255).astype(int)


def count(pixels: np.ndarray, rgb: tuple[int, int, int]) -> int:
    return int((np.abs(pixels - rgb).max(axis=-1) <= 2).sum())


def test_a_changed_copy_shows_the_same_mask_whatever_axes_the_image_had() -> None:
    case = make_phantom((64, 64, 64), (3.0, 3.5, 4.0))
    source, mask = ScanSource(case.grid, array_axes=(2, 1, 0)), case.reference == 2
    picture = TumorPicture(case.ct, source, case.marks[1], mask.T)
    copy = replace(picture, title="the same")
    assert copy.field_of_view()[1] == picture.field_of_view()[1]
    np.testing.assert_array_equal(copy.result.whole(), mask)


def test_a_picture_shows_result_reference_and_line(tmp_path: Path) -> None:
    write_picture(tmp_path / "tumor.png", [tumor_picture()])
    pixels = pixels_of(tmp_path / "tumor.png")
    assert pixels.shape[1] == 1440
    for rgb in (REFERENCE_RGB, RESULT_RGB, LINE_RGB):
        assert count(pixels, rgb) > 200
    assert [path.name for path in tmp_path.iterdir()] == ["tumor.png"]


def test_without_a_reference_none_is_drawn(tmp_path: Path) -> None:
    write_picture(tmp_path / "tumor.png", [tumor_picture(reference=None)])
    pixels = pixels_of(tmp_path / "tumor.png")
    assert count(pixels, REFERENCE_RGB) == 0
    assert count(pixels, RESULT_RGB) > 200


def test_every_tumor_gets_a_row(tmp_path: Path) -> None:
    write_picture(tmp_path / "one.png", [tumor_picture(0)])
    write_picture(tmp_path / "two.png", [tumor_picture(0), tumor_picture(1)])
    one, two = pixels_of(tmp_path / "one.png"), pixels_of(tmp_path / "two.png")
    assert two.shape[0] - one.shape[0] == pytest.approx(510, abs=1)
    assert count(two, RESULT_RGB) > 1.5 * count(one, RESULT_RGB)


def test_the_patient_lies_the_same_way_however_the_scan_is_stored(tmp_path: Path) -> None:
    """Voxels stored from the other side, with the affine that says so, make the same picture."""
    plain = tumor_picture()
    shape = np.asarray(plain.ct.shape)
    for axis in range(3):
        affine = np.array(plain.grid.affine)
        affine[:3, 3] += affine[:3, 2 - axis] * (shape[axis] - 1)
        affine[:3, 2 - axis] *= -1
        ends = np.array(plain.mark.endpoints_zyx)
        ends[:, axis] = shape[axis] - 1 - ends[:, axis]
        mirrored = TumorPicture(
            np.flip(plain.ct, axis),
            Grid.from_affine(plain.grid.shape_zyx, affine),
            RecistMark(1, ends.tolist()),
            np.flip(plain.result.whole(), axis),
            np.flip(plain.reference.whole(), axis),
            plain.title,
        )
        write_picture(tmp_path / "plain.png", [plain], overwrite=True)
        write_picture(tmp_path / "mirrored.png", [mirrored], overwrite=True)
        difference = np.abs(pixels_of(tmp_path / "plain.png") - pixels_of(tmp_path / "mirrored.png"))
        assert (difference.max(axis=-1) > 20).mean() < 0.01


@pytest.mark.parametrize(
    "changes",
    [
        {"result": np.zeros((22, 40, 48), dtype=np.bool_)},
        {"mark": RecistMark(1, ((0, 0, 0), (0, 0, 4)))},
        {"mark": RecistMark(1, ((21, -0.5, 3), (21, 39.5, 3)))},
        {"ct": np.random.default_rng(0).integers(0, 255, (22, 40, 48)).astype(np.uint8)},
    ],
    ids=["empty result", "corner", "across the whole scan", "windowed scan"],
)
def test_unusual_tumors_are_drawn_too(tmp_path: Path, changes) -> None:
    write_picture(tmp_path / "tumor.png", [tumor_picture(**changes)])
    assert count(pixels_of(tmp_path / "tumor.png"), LINE_RGB) > 50


def test_more_tumours_than_a_picture_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="a picture holds at most 100 tumours, got 101: choose some"):
        write_picture(tmp_path / "tumor.png", [tumor_picture()] * 101)


def test_a_scan_of_one_slice_is_drawn(tmp_path: Path) -> None:
    ct = np.random.default_rng(0).integers(-100, 100, (1, 30, 30)).astype(np.int16)
    result = np.zeros(ct.shape, dtype=np.bool_)
    result[0, 10:20, 10:20] = True
    grid = Grid.from_spacing(ct.shape, (5.0, 1.0, 1.0))
    mark = RecistMark(1, ((0, 10, 10), (0, 19, 19)))
    write_picture(tmp_path / "tumor.png", [TumorPicture(ct, grid, mark, result)])
    assert count(pixels_of(tmp_path / "tumor.png"), RESULT_RGB) > 200


@pytest.mark.parametrize(
    ("before", "inside", "beyond", "window"),
    [
        (40, 40, 40, SOFT_TISSUE_WINDOW_HU),
        (-850, 30, -850, LUNG_WINDOW_HU),
        (40, -600, 40, LUNG_WINDOW_HU),
        (-850, 30, 40, BETWEEN_WINDOW_HU),
        (40, 30, -850, BETWEEN_WINDOW_HU),
    ],
)
def test_window_follows_what_lies_under_the_line_and_beyond_it(before, inside, beyond, window) -> None:
    ct = np.zeros((3, 9, 40), dtype=np.int16)
    ct[..., :10], ct[..., 10:30], ct[..., 30:] = before, inside, beyond
    ct[0] = 1000
    assert choose_window(ct, RecistMark(1, ((1, 4, 10), (1, 4, 29)))) == window


def test_a_windowed_scan_is_shown_as_it_is() -> None:
    ct = np.arange(100, dtype=np.uint8).reshape(4, 5, 5)
    assert choose_window(ct, RecistMark(1, ((1, 1, 1), (1, 1, 3)))) == (0.0, 99.0)


def test_shapes_that_differ_are_named() -> None:
    message = r"reference must have the scan's shape \(22, 40, 48\) \(z, y, x\), got \(2, 2, 2\)"
    with pytest.raises(ValueError, match=message):
        tumor_picture(reference=np.zeros((2, 2, 2), dtype=np.bool_))


def test_an_existing_picture_is_kept_unless_told(tmp_path: Path) -> None:
    (tmp_path / "tumor.png").write_text("mine")
    with pytest.raises(OutputError, match="overwrite"):
        write_picture(tmp_path / "tumor.png", [tumor_picture()])
    assert (tmp_path / "tumor.png").read_text() == "mine"


def test_nothing_is_left_of_a_picture_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(self, file, **options) -> None:
        file.write(b"half a pic")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(OutputError, match="the disk is full"):
        write_picture(tmp_path / "tumor.png", [tumor_picture()])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_and_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        write_picture(tmp_path / "none" / "tumor.png", [tumor_picture()])
    with pytest.raises(OutputError, match=r"must end in \.png"):
        write_picture(tmp_path / "tumor.jpg", [tumor_picture()])


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[evaluate\]"):
        write_picture(tmp_path / "tumor.png", [tumor_picture()])
    assert list(tmp_path.iterdir()) == []


def test_importing_evaluation_is_light_and_drawing_leaves_pyplot_alone(tmp_path: Path) -> None:
    code = f"""
import sys
import lite_ensam.evaluation
print("matplotlib" in sys.modules, "torch" in sys.modules)
from tests.unit.figures.test_tumor_planes import tumor_picture, write_picture
write_picture({str(tmp_path / "tumor.png")!r}, [tumor_picture()])
print("matplotlib.pyplot" in sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.split() == ["False", "False", "False"]


def test_what_users_have_is_drawn_or_refused_in_words() -> None:
    plain = tumor_picture()
    again = replace(plain, ct=plain.ct.astype(np.float64), grid=ScanSource(plain.grid))
    assert render_picture(again) == render_picture([plain])
    two = plain.result.whole().astype(np.uint8)
    two[0, 0, 0] = 3
    with pytest.raises(ArgumentError, match="result must be of one tumour, got labels"):
        replace(plain, result=two)
    for wrong, words in (([], "at least one TumorPicture"), ([3], "tumors must be TumorPictures .*, got 3")):
        with pytest.raises(ArgumentError, match=words):
            draw_tumors(wrong)

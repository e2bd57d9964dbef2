"""Shape features beside SimpleITK's, on real masks and on bodies whose surface is known."""

from pathlib import Path

import numpy as np
import pytest

from lite_ensam.io import read_case
from lite_ensam.measurements import measure, measure_shape

sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")


def statistics(labels: np.ndarray, spacing_mm: tuple[float, float, float]):
    image = sitk.GetImageFromArray(labels.astype(np.uint16))
    image.SetSpacing(spacing_mm[::-1])
    found = sitk.LabelShapeStatisticsImageFilter()
    found.ComputeFeretDiameterOn()
    found.Execute(image)
    return found


def ellipsoid_surface_mm2(axes: tuple[float, float, float]) -> float:
    theta, phi = np.meshgrid(
        np.linspace(0, np.pi, 801), np.linspace(0, 2 * np.pi, 800, endpoint=False), indexing="ij"
    )
    a, b, c = axes
    across = b**2 * np.cos(phi) ** 2 + a**2 * np.sin(phi) ** 2
    element = np.sin(theta) * np.sqrt(c**2 * np.sin(theta) ** 2 * across + (a * b * np.cos(theta)) ** 2)
    return float(element.sum() * np.pi / 800 * 2 * np.pi / 800)


@pytest.mark.parametrize("source", ["lidc_nodules", "sts"])
def test_features_of_real_masks_are_simpleitks(shared_data: Path, source: str) -> None:
    folders = sorted((shared_data / "val" / source).iterdir())
    assert len(folders) >= 6
    for folder in folders:
        case = read_case(folder / "ct.nii.gz", folder / "marks.json", folder / "labels.nii.gz")
        labels, spacing_mm = case.reference, case.grid.spacing_mm
        assert labels is not None
        theirs = statistics(labels, spacing_mm)
        for one in measure(labels, case.marks, spacing_mm):
            shape = measure_shape(labels, one.label, spacing_mm)
            assert shape is not None
            assert one.volume_ml == pytest.approx(theirs.GetPhysicalSize(one.label) / 1000)
            assert one.n_pieces == 1  # theirs runs across pieces
            assert shape.longest_diameter_3d_mm == pytest.approx(theirs.GetFeretDiameter(one.label))
            # of thick slices theirs is off, see below
            off = 0.001 if source == "lidc_nodules" else 0.15
            assert shape.surface_mm2 == pytest.approx(theirs.GetPerimeter(one.label), rel=off)
            assert shape.sphericity == pytest.approx(theirs.GetRoundness(one.label), rel=off)


@pytest.mark.parametrize("axes", [(30.0, 30.0, 30.0), (25.0, 40.0, 30.0), (60.0, 30.0, 40.0)])
def test_on_thick_slices_the_surface_is_nearer_to_the_truth_than_simpleitks(axes) -> None:
    spacing_mm = (3.27, 0.98, 0.98)
    shape = [int(2 * axis / mm) + 7 for axis, mm in zip(axes, spacing_mm, strict=True)]
    offsets = [
        ((np.arange(n) - (n - 1) / 2) * mm / axis) ** 2
        for n, mm, axis in zip(shape, spacing_mm, axes, strict=True)
    ]
    body = (offsets[0][:, None, None] + offsets[1][:, None] + offsets[2] <= 1).astype(np.uint8)
    ours = measure_shape(body, 1, spacing_mm)
    assert ours is not None
    true_mm2 = ellipsoid_surface_mm2(axes)
    assert ours.surface_mm2 == pytest.approx(true_mm2, rel=0.01)
    assert abs(ours.surface_mm2 - true_mm2) < abs(statistics(body, spacing_mm).GetPerimeter(1) - true_mm2)

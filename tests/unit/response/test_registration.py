"""Scans of one body that lies elsewhere: places are found again within half a voxel; a failure is known and said."""

import sys
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.errors import CaseError, MissingExtraError
from lite_ensam.core.grid import Grid
from lite_ensam.core.types import CtVolume
from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.io import read_ct
from lite_ensam.response.registration import Registration, register, register_scans, transform_points

BODY = make_phantom((56, 96, 96), (3.0, 3.0, 3.0))
BACKGROUNDS = Path(__file__).parents[3].parent / "shared" / "data" / "backgrounds"
Scan = tuple[CtVolume, Grid]


@pytest.fixture(autouse=True)
def needs_simpleitk(request: pytest.FixtureRequest) -> None:
    if "without" not in request.node.name:
        pytest.importorskip("SimpleITK", reason="SimpleITK is not installed (extra register)")


def turned(degrees_xyz: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> np.ndarray:
    matrix = np.eye(4)
    for axis, degrees in enumerate(degrees_xyz):
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        one = np.eye(4)
        a, b = [n for n in range(3) if n != axis]
        one[a, a], one[a, b], one[b, a], one[b, b] = cos, -sin, sin, cos
        matrix = matrix @ one
    matrix[:3, 3] = shift_mm
    return matrix


def elsewhere(scan: Scan, matrix: np.ndarray, low: int, high: int) -> Scan:
    """The scan after a movement, slices `low` to `high` of it, with noise of its own."""
    volume, grid = scan
    ct = volume[low:high] + np.random.default_rng(1).normal(0, 15, (high - low, *volume.shape[1:]))
    start = np.eye(4)
    start[2, 3] = low
    return np.rint(ct).astype(np.int16), Grid.from_affine(ct.shape, matrix @ grid.affine @ start)


def off_mm(found: np.ndarray, matrix: np.ndarray, scan: Scan) -> float:
    """Largest distance between where places are and where they were found."""
    volume, grid = scan
    points = grid.voxel_to_mm(np.random.default_rng(2).uniform(0.2, 0.8, (8, 3)) * volume.shape)
    return float(
        np.linalg.norm(transform_points(found, points) - transform_points(matrix, points), axis=-1).max()
    )


PHANTOM: Scan = (BODY.volume, BODY.grid)


@pytest.mark.parametrize(
    ("degrees", "shift", "slices"),
    [
        ((0, 0, 0), (0, 0, 0), (0, 56)),
        ((4, -3, 8), (80, -25, 300), (0, 56)),
        ((0, 5, 0), (10, 0, 0), (16, 56)),
    ],
    ids=["same place", "moved and turned", "begins elsewhere"],
)
def test_places_are_found_again(degrees, shift, slices) -> None:
    matrix = turned(degrees, shift)
    found = register(*PHANTOM, *elsewhere(PHANTOM, matrix, *slices))
    np.testing.assert_allclose(found[:3, :3] @ found[:3, :3].T, np.eye(3), atol=1e-9)
    assert off_mm(found, matrix, PHANTOM) < 1.5  # half a voxel


def real(name: str) -> Scan:
    path = BACKGROUNDS / f"{name}.nii.gz"
    if not path.is_file():
        pytest.skip("real scans of ../shared/data are not here: registration is tested on phantoms alone")
    ct, source = read_ct(path)
    return ct, source.grid


@pytest.mark.parametrize("name", ["abdomen_cptac", "chest_lidc0314"])
def test_a_real_scan_moved_turned_and_cut_is_found_within_half_a_millimetre(name: str) -> None:
    scan = real(name)
    matrix = turned((4, -3, 6), (60, -25, 120))
    depth = scan[0].shape[0]
    found = register_scans(*scan, *elsewhere(scan, matrix, depth // 4, depth))
    assert off_mm(found.transform, matrix, scan) < 0.5
    assert found.confidence == 1
    assert found.sentence.startswith("confidence 1.00: agreement ")


def test_another_patient_is_refused() -> None:
    with pytest.raises(
        CaseError, match="registration failed: the scans do not agree: are they of one patient"
    ):
        register(*real("abdomen_cptac"), *real("abdomen_crlm_1004"))


def tube(depth: int, first_mm: float = 0.0) -> Scan:
    """A body with a spine of vertebrae that are all alike."""
    z, y, x = np.indices((depth, 50, 80), dtype=np.float32)
    ct = np.full(z.shape, -1000.0)
    ct[((y - 25) / 21) ** 2 + ((x - 40) / 35) ** 2 < 1] = 40
    ct[((y - 38) ** 2 + (x - 40) ** 2 < 16) & ((z * 4 + first_mm) % 28 < 20)] = 300
    ct += np.random.default_rng(depth).normal(0, 12, ct.shape)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[2, 3] = first_mm
    return np.rint(ct).astype(np.int16), Grid.from_affine(ct.shape, affine)


def test_a_body_alike_along_z_is_not_taken_for_sure() -> None:
    """It drifted by 99 mm and was accepted."""
    with pytest.raises(CaseError, match="the scans fit elsewhere along the body nearly as well"):
        register(*tube(100), *tube(80, first_mm=100.0))


def test_two_ends_of_a_body_have_too_little_in_common() -> None:
    with pytest.raises(
        CaseError, match=r"registration failed: the scans (have too little|do not agree|fit else)"
    ):
        register(*elsewhere(PHANTOM, np.eye(4), 0, 30), *elsewhere(PHANTOM, np.eye(4), 27, 56))


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)], ids=["slices reversed", "front at the back", "both"])
def test_a_scan_stored_otherwise_than_its_header_says_is_refused(axes: tuple[int, ...]) -> None:
    ct, grid = real("abdomen_cptac")
    with pytest.raises(CaseError, match=r"registration failed: the scans (do not agree|have too little)"):
        register(ct, grid, np.flip(ct, axes).copy(), grid)


def test_a_scan_stored_left_for_right_is_refused() -> None:
    ct, grid = real("abdomen_cptac")
    with pytest.raises(CaseError, match="the second scan fits better mirrored: is one stored left for right"):
        register(ct, grid, ct[:, :, ::-1].copy(), grid)


def test_any_storage_order_will_do() -> None:
    stored = np.ascontiguousarray(BODY.volume.transpose(2, 1, 0))
    grid = Grid.from_affine(stored.shape, BODY.grid.affine[:, [2, 1, 0, 3]])
    assert off_mm(register(*PHANTOM, stored, grid), np.eye(4), PHANTOM) < 0.5


def test_half_a_body_is_found_in_the_whole() -> None:
    ct, grid = real("abdomen_cptac")
    left = np.ascontiguousarray(ct[:, :, : ct.shape[2] // 2])
    found = register(ct, grid, left, Grid.from_affine(left.shape, grid.affine))
    assert off_mm(found, np.eye(4), (ct, grid)) < 0.5


@pytest.mark.parametrize("what", ["empty", "couch", "noise"])
def test_a_scan_without_a_body_is_refused(what: str) -> None:
    noise = np.random.default_rng(0)
    ct = noise.normal(-1000, 15, BODY.ct.shape)
    if what == "couch":
        ct[:, 80:82, 10:86] = 200  # a shell of carbon over foam
        ct[:, 82:88, 10:86] = -850
    if what == "noise":
        ct = noise.normal(0, 300, BODY.ct.shape)
    other = np.rint(ct).astype(np.int16), BODY.grid
    with pytest.raises(CaseError, match=r"the second scan has less than 100 ml|the scans do not agree"):
        register(*PHANTOM, *other)


def test_few_voxels_are_refused() -> None:
    with pytest.raises(CaseError, match=r"the second scan has .* which is too small to be registered"):
        register(*PHANTOM, BODY.volume[:2], Grid.from_spacing((2, 96, 96), (3.0, 3.0, 3.0)))


def test_confidence_falls_with_each_of_its_parts() -> None:
    sure = Registration(np.eye(4), 0.9, 0.4, 0.5, 200.0)
    assert (sure.confidence, sure.doubt) == (1.0, "")
    for other, doubt in (
        (Registration(np.eye(4), 0.6, 0.2, 0.3, 200.0), "the scans do not agree"),
        (Registration(np.eye(4), 0.9, 0.82, 0.5, 200.0), "the scans fit elsewhere"),
        (Registration(np.eye(4), 0.9, 0.4, 0.5, 40.0), "the scans have too little"),
        (Registration(np.eye(4), 0.8, 0.4, 0.95, 200.0), "the second scan fits better mirrored"),
    ):
        assert other.confidence < 0.5
        assert other.doubt.startswith(doubt)


def test_without_simpleitk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(MissingExtraError, match=r"lite-ensam\[register\]"):
        register(*PHANTOM, *PHANTOM)

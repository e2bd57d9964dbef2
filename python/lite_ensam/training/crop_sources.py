"""Folders of cases, shapes and backgrounds to banks of crops.

The layout is that of the project's data folder::

    train/<source>/<case>/{ct.nii.gz, labels.nii.gz, marks.json}   (readers.nii.gz, known.nii.gz)
    backgrounds/<name>.nii.gz and <name>_region.nii.gz      (0 outside, 1 body, 2 lung)
    shapes/lidc/{lidc_nodules.npz, index.csv}               (reader bitmasks)
    shapes/kits/{kits_kidney.npz, index.csv}                (kidney tumours)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lite_ensam import _kernels
from lite_ensam.core.case import Case
from lite_ensam.core.errors import CaseError, MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark, mark_from_mask
from lite_ensam.datasets import CaseFiles
from lite_ensam.io import read_ct, read_labels
from lite_ensam.io.csv_tables import read_csv
from lite_ensam.training.crop_cache import LINES_A_SIDE, SIDE, Contours, LesionCrop, cut, turned_views
from lite_ensam.training.folds import Fold
from lite_ensam.training.synthetic import Background, Scene, Shape, draw_scene

MIN_BODY_VOXELS = 100_000
"""A background with less body is refused: its region map does not fit it. No record says why this number."""

SCENE_LINES = 3.4
"""Side of a synthetic scene in lengths of its lesion: a crop's, and room for a line off the middle."""

SCAN_SIDE, SCAN_LINES = 128, 3.4
"""Voxels a side of a scene that becomes a scan, and its side in lengths of its lesion: room for a joint crop."""

MAX_READERS = 4
"""LIDC shapes with more readers than this are two nodules taken for one."""


def lesion_crops(cases: Iterable[CaseFiles], turned: bool = True) -> Iterator[LesionCrop]:
    """A crop of every lesion; `turned`: also seen along other axes, where voxels are cubes and one reader drew.

    `readers.nii.gz` next to a scan (bit i is reader i) gives each reader's contour next to the reference,
    `known.nii.gz` where there is image.
    """
    for files in cases:
        stored = files.read()
        case = stored.flipped(stored.grid.flips_zyx)  # the network's frame
        for mark in case.marks:
            contours = _contours(files, stored, case, mark)
            yield cut(case, mark, files.source, contours)
            if turned and contours.known is None and len(contours.masks) == 1:
                yield from (cut(view, drawn, files.source) for view, drawn in turned_views(case, mark))


def read_beside(files: CaseFiles, stored: Case, name: str) -> NDArray[np.uint8] | None:
    """A label map that lies next to a scan of our own layout, in the network's frame; None if it does not exist."""
    if files.ct.name != "ct.nii.gz" or not (path := files.ct.with_name(name)).is_file():
        return None
    axes = tuple(np.flatnonzero(stored.grid.flips_zyx).tolist())
    return np.ascontiguousarray(np.flip(read_labels(path, stored.source), axes), dtype=np.uint8)


def _contours(files: CaseFiles, stored: Case, case: Case, mark: RecistMark) -> Contours:
    """All contours of a lesion, in the network's frame as `case` is."""
    contours = Contours.of_case(case, mark)
    known, readers = (read_beside(files, stored, name) for name in ("known.nii.gz", "readers.nii.gz"))
    if known is not None:
        contours = replace(contours, known=known > 0)
    if readers is not None:
        contours = contours.with_readers(readers, case.grid.spacing_mm)
    return contours


def synthetic_crops(
    data: Path, n_crops: int, seed: int, processes: int = 1, fold: Fold | None = None
) -> Iterator[LesionCrop]:
    """`n_crops` synthetic lesions; seed and number alone decide each, so processes can share the work.

    Shapes of patients that `fold` holds out are not used.
    """
    yield from _each(SyntheticLesions.crop, (data, seed, fold), n_crops, processes)


def synthetic_scans(
    data: Path, n_scans: int, seed: int, processes: int = 1, fold: Fold | None = None
) -> Iterator[Case]:
    """The same lesions with more around them, as scans that joint crops are cut from."""
    yield from _each(SyntheticLesions.scan, (data, seed, fold), n_scans, processes)


class SyntheticLesions:
    """Draws synthetic lesions by number.

    Parameters
    ----------
    data : Path
        Folder with `backgrounds` and `shapes`.
    seed : int
        Seed of all synthetic lesions.
    fold : Fold or None, default None
        Patients whose shapes are not used.
    """

    def __init__(self, data: Path, seed: int, fold: Fold | None = None) -> None:
        self.backgrounds = read_backgrounds(data / "backgrounds")
        self.shapes = read_nodules(data / "shapes" / "lidc", fold), read_tumors(data / "shapes" / "kits")
        self.seed = seed

    def crop(self, number: int) -> LesionCrop:
        """The crop of one number; draws that left no lesion worth marking are drawn again."""
        rng = np.random.default_rng((self.seed, number))
        while True:
            scene = draw_scene(rng, self.backgrounds, self.shapes, SIDE, SCENE_LINES)
            if scene is None:
                continue
            case = _scanned(scene, rng, f"{self.seed}/{number}", SCENE_LINES)
            if case is not None and _fits_a_crop(case, SIDE * scene.voxel_mm):
                return replace(cut(case, case.marks[0], "synthetic"), name=case.name)

    def scan(self, number: int) -> Case:
        """The scan of one number."""
        rng = np.random.default_rng((self.seed, number, SCAN_SIDE))
        while True:
            scene = draw_scene(rng, self.backgrounds, self.shapes, SCAN_SIDE, SCAN_LINES)
            if scene is None:
                continue
            case = _scanned(scene, rng, f"{self.seed}_{number:05d}", SCAN_LINES)
            if case is not None:
                return case


_Drawn = TypeVar("_Drawn")
_lesions: SyntheticLesions | None = None


def _each(
    draw: Callable[[SyntheticLesions, int], _Drawn],
    made_of: tuple[Path, int, Fold | None],
    count: int,
    processes: int,
) -> Iterator[_Drawn]:
    """The samples of numbers 0 to `count`, in order."""
    if processes == 1:
        lesions = SyntheticLesions(*made_of)
        yield from (draw(lesions, number) for number in range(count))
        return
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_start_drawing, initargs=made_of
    ) as pool:
        yield from pool.map(partial(_draw, draw), range(count), chunksize=4)


def _start_drawing(data: Path, seed: int, fold: Fold | None) -> None:
    """Of a process: read the backgrounds once."""
    global _lesions
    _lesions = SyntheticLesions(data, seed, fold)


def _draw(draw: Callable[[SyntheticLesions, int], _Drawn], number: int) -> _Drawn:
    assert _lesions is not None
    return draw(_lesions, number)


def _scanned(scene: Scene, rng: np.random.Generator, name: str, lines_a_side: float) -> Case | None:
    """The scene as a scanner would have sampled it, contoured and marked on those voxels, as real ones are."""
    extent_mm = scene.mask.shape[0] * scene.voxel_mm
    in_plane = max(scene.voxel_mm, rng.uniform(0.6, 1.0))
    # thick slices for lesions that still lie on several of them
    thickest = float(np.clip(extent_mm / lines_a_side / 4, 1.0, 5.0))
    spacing = np.array((max(scene.voxel_mm, rng.uniform(0.7, thickest)), in_plane, in_plane))
    shape = np.maximum(np.floor(extent_mm / spacing), 1).astype(int)
    box = ((0.0, 0.0, 0.0), tuple((spacing / scene.voxel_mm).tolist()), tuple(shape.tolist()))
    hu = _kernels.crop_resample(np.ascontiguousarray(scene.hu, dtype=np.float32), *box)
    mask = (_kernels.crop_resample(scene.mask.astype(np.uint8), *box) > 0.5).astype(np.uint8)
    grid = Grid.from_spacing(hu.shape, tuple(spacing.tolist()))
    try:
        mark = mark_from_mask(mask, grid.spacing_mm, 1)
        return Case(np.rint(hu).astype(np.int16), grid, (mark,), hu=True, reference=mask, name=name)
    except (MarkError, CaseError):
        return None


def _fits_a_crop(case: Case, extent_mm: float) -> bool:
    """Whether a scene's lesion did not come out of scale or far from the middle."""
    (mark,), spacing = case.marks, case.grid.spacing_mm
    lines_a_side = extent_mm / mark.length_mm(spacing)
    off_centre = np.abs((np.array(mark.midpoint_zyx) + 0.5) * spacing / extent_mm - 0.5).max()
    return bool(LINES_A_SIDE * 0.9 < lines_a_side < 2 * SCENE_LINES and off_centre <= 0.16)


def read_backgrounds(folder: Path) -> list[Background]:
    """Scans with a region map next to them."""
    backgrounds = []
    for region_path in sorted(folder.glob("*_region.nii.gz")):
        hu, source = read_ct(folder / region_path.name.replace("_region", ""))
        region = read_labels(region_path, source)
        if np.count_nonzero(region == 1) < MIN_BODY_VOXELS:
            raise CaseError(f"{region_path}: has hardly a voxel of 1 (body) to put lesions into")
        backgrounds.append(Background(hu.astype(np.int16), region.astype(np.uint8), source.grid.spacing_mm))
    if not backgrounds:
        raise CaseError(f"{folder}: holds no *_region.nii.gz with its scan")
    return backgrounds


def read_tumors(folder: Path) -> list[Shape]:
    """Kidney tumours and cysts of 8 mm and more, if the folder is there."""
    if not (folder / "index.csv").is_file():
        return []
    with np.load(folder / "kits_kidney.npz", allow_pickle=False) as masks:
        return [
            Shape(masks[row["key"]] > 0, (float(row["sz"]), float(row["sy"]), float(row["sx"])))
            for _, row in read_csv(folder / "index.csv").rows
            if float(row["diam_mm"]) >= 8 and int(row["n_slices"]) >= 4
        ]


def read_nodules(folder: Path, fold: Fold | None = None) -> list[Shape]:
    """Consensus masks (at least half of the readers) of nodules of 5 mm and more on evenly spaced slices."""
    shapes = []
    with np.load(folder / "lidc_nodules.npz", allow_pickle=False) as readers:
        for _, row in read_csv(folder / "index.csv").rows:
            n_readers = int(row["n_readers"])
            usable = 2 <= n_readers <= MAX_READERS and float(row["diam_mm"]) >= 5
            if not usable or row["uneven_z"] != "0" or float(row["slice_thickness"]) > 2.6:
                continue
            if fold is not None and fold.holds(row["patient"]):
                continue
            votes = sum((readers[row["key"]] >> reader) & 1 for reader in range(n_readers))
            mask = np.asarray(2 * votes >= n_readers)
            if np.count_nonzero(mask) >= 40:
                where = np.argwhere(mask)
                box = tuple(slice(a, b + 1) for a, b in zip(where.min(0), where.max(0), strict=True))
                spacing = (float(row["sz"]), float(row["sy"]), float(row["sx"]))
                shapes.append(Shape(mask[box], spacing))
    return shapes

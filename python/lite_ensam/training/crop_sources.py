"""Folders of cases, shapes and backgrounds to banks of crops.

The layout is that of the project's data folder::

    train/<source>/<case>/{ct.nii.gz, labels.nii.gz, marks.json}   (readers.nii.gz, known.nii.gz)
    backgrounds/<name>.nii.gz and <name>_region.nii.gz      (0 outside, 1 body, 2 lung)
    shapes/lidc/{lidc_nodules.npz, index.csv}               (reader bitmasks)
    shapes/kits/{kits_kidney.npz, index.csv}                (kidney tumours)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

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

SCENE_LINES = 3.4
"""Side of a synthetic scene in lengths of its lesion: a crop's, and room for a line off the middle."""

MAX_READERS = 4
"""LIDC shapes with more readers than this are two nodules taken for one."""


def lesion_crops(cases: Iterable[CaseFiles], turned: bool = True) -> Iterator[LesionCrop]:
    """A crop of every lesion; `turned`: also seen along other axes, where voxels are cubes and one reader drew.

    `readers.nii.gz` beside a scan (bit i is reader i) gives each reader's contour beside the reference,
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


def _contours(files: CaseFiles, stored: Case, case: Case, mark: RecistMark) -> Contours:
    """All contours of a lesion, in the network's frame as `case` is."""
    axes = tuple(np.flatnonzero(stored.grid.flips_zyx).tolist())

    def beside(name: str) -> NDArray[np.uint8] | None:
        path = files.ct.with_name(name)
        if files.ct.name != "ct.nii.gz" or not path.is_file():
            return None
        return np.ascontiguousarray(np.flip(read_labels(path, stored.source), axes), dtype=np.uint8)

    contours = Contours.of_case(case, mark)
    known, readers = beside("known.nii.gz"), beside("readers.nii.gz")
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
    if processes == 1:
        draw = SyntheticScans(data, seed, fold)
        yield from map(draw, range(n_crops))
        return
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_start_drawing, initargs=(data, seed, fold)
    ) as pool:
        yield from pool.map(_draw, range(n_crops), chunksize=4)


class SyntheticScans:
    """Draws synthetic crops by number."""

    def __init__(self, data: Path, seed: int, fold: Fold | None = None) -> None:
        self.backgrounds = read_backgrounds(data / "backgrounds")
        self.nodules = read_nodules(data / "shapes" / "lidc", fold)
        self.tumors = read_tumors(data / "shapes" / "kits")
        self.seed = seed

    def __call__(self, number: int) -> LesionCrop:
        """The crop of one number; draws that left no lesion worth marking are drawn again."""
        rng = np.random.default_rng((self.seed, number))
        while True:
            scene = draw_scene(rng, self.backgrounds, (self.nodules, self.tumors), SIDE, SCENE_LINES)
            crop = None if scene is None else _scanned(scene, rng, f"{self.seed}/{number}")
            if crop is not None:
                return crop


_scans: SyntheticScans | None = None


def _start_drawing(data: Path, seed: int, fold: Fold | None) -> None:
    """Of a process: read the backgrounds once."""
    global _scans
    _scans = SyntheticScans(data, seed, fold)


def _draw(number: int) -> LesionCrop:
    assert _scans is not None
    return _scans(number)


def _scanned(scene: Scene, rng: np.random.Generator, name: str) -> LesionCrop | None:
    """The scene as a scanner would have sampled it, contoured and marked on those voxels, as real ones are.

    None where the lesion came out of scale or far from the middle.
    """
    extent_mm = scene.mask.shape[0] * scene.voxel_mm
    in_plane = max(scene.voxel_mm, rng.uniform(0.6, 1.0))
    # thick slices for lesions that still lie on several of them
    thickest = float(np.clip(extent_mm / SCENE_LINES / 4, 1.0, 5.0))
    spacing = np.array((max(scene.voxel_mm, rng.uniform(0.7, thickest)), in_plane, in_plane))
    shape = np.maximum(np.floor(extent_mm / spacing), 1).astype(int)
    box = ((0.0, 0.0, 0.0), tuple((spacing / scene.voxel_mm).tolist()), tuple(shape.tolist()))
    hu = _kernels.crop_resample(np.ascontiguousarray(scene.hu, dtype=np.float32), *box)
    mask = (_kernels.crop_resample(scene.mask.astype(np.uint8), *box) > 0.5).astype(np.uint8)
    grid = Grid.from_spacing(hu.shape, tuple(spacing.tolist()))
    try:
        mark = mark_from_mask(mask, grid.spacing_mm, 1)
        case = Case(np.rint(hu).astype(np.int16), grid, (mark,), hu=True, reference=mask, name=name)
    except (MarkError, CaseError):
        return None
    lines_a_side = extent_mm / mark.length_mm(grid.spacing_mm)
    off_centre = np.abs((np.array(mark.midpoint_zyx) + 0.5) * spacing / extent_mm - 0.5).max()
    if not LINES_A_SIDE * 0.9 < lines_a_side < 2 * SCENE_LINES or off_centre > 0.16:
        return None
    return replace(cut(case, mark, "synthetic"), name=name)


def read_backgrounds(folder: Path) -> list[Background]:
    """Scans with a region map beside them."""
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

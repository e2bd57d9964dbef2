"""Folders of cases, shapes and backgrounds to banks of crops.

The layout is that of the project's data folder::

    train/<source>/<case>/{ct.nii.gz, labels.nii.gz, marks.json}
    backgrounds/<name>.nii.gz and <name>_region.nii.gz      (0 outside, 1 body, 2 lung)
    shapes/lidc/{lidc_nodules.npz, index.csv}               (reader bitmasks)
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from lite_ensam.errors import CaseError, MarkError
from lite_ensam.io import read_case, read_ct, read_labels
from lite_ensam.recist import mark_from_mask
from lite_ensam.training.bank import LINES_A_SIDE, MASK_UNIT, SIDE, LesionCrop, cut, turned_views, write_bank
from lite_ensam.training.synthetic import Background, Scene, Shape, draw_scene

LOOSE_CASES = ("STS_007", "STS_021", "STS_023", "STS_030", "STS_035", "STS_045", "STS_046")
"""Sarcomas whose contours, drawn on MR, lie beside the tumour seen on CT."""

MIN_BODY_VOXELS = 100_000

MAX_READERS = 4
"""LIDC shapes with more readers than this are two nodules taken for one."""


def prepare_banks(
    data: Path, folder: Path, n_synthetic: int, seed: int, exclude: Collection[str] = LOOSE_CASES
) -> list[Path]:
    """Write a bank for each source of `data/train` and one of synthetic lesions; finished ones are kept.

    Returns
    -------
    The banks' folders.
    """
    train = data / "train"
    sources = sorted(path for path in train.iterdir() if path.is_dir()) if train.is_dir() else []
    if not sources:
        raise CaseError(f"{train}: holds no folder of cases to train on")
    banks = []
    for source in sources:
        banks.append(folder / source.name)
        if not (banks[-1] / "index.json").is_file():
            write_bank(banks[-1], real_crops(source, exclude))
    if n_synthetic:
        banks.append(folder / f"synthetic-{seed}-{n_synthetic}")
        if not (banks[-1] / "index.json").is_file():
            write_bank(banks[-1], synthetic_crops(data, n_synthetic, seed))
    return banks


def real_crops(source: Path, exclude: Collection[str] = ()) -> Iterator[LesionCrop]:
    """Crops of every lesion of every case of a source folder; the folder's name is the source."""
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        if folder.name in exclude:
            continue
        case = read_case(folder / "ct.nii.gz", folder / "marks.json", folder / "labels.nii.gz", hu=True)
        for mark in case.marks:
            for view, drawn in turned_views(case, mark):
                yield cut(view, drawn, source.name)


def synthetic_crops(data: Path, n_crops: int, seed: int) -> Iterator[LesionCrop]:
    """`n_crops` synthetic lesions drawn from one seed."""
    rng = np.random.default_rng(seed)
    backgrounds, shapes = read_backgrounds(data / "backgrounds"), read_shapes(data / "shapes" / "lidc")
    made = 0
    while made < n_crops:
        scene = draw_scene(rng, backgrounds, shapes, SIDE, LINES_A_SIDE)
        crop = None if scene is None else _marked(scene, rng, f"{seed}/{made}")
        if crop is not None:
            made += 1
            yield crop


def _marked(scene: Scene, rng: np.random.Generator, name: str) -> LesionCrop | None:
    """The crop with its line, or None where the line came out of scale or far from the middle."""
    try:
        mark = mark_from_mask(scene.mask, (1.0, 1.0, 1.0), 1)
    except MarkError:
        return None
    lines_a_side = SIDE / mark.length_mm((1.0, 1.0, 1.0))
    off_centre = np.abs(np.array(mark.midpoint_zyx) - (SIDE - 1) / 2).max()
    if not 0.79 < lines_a_side / LINES_A_SIDE < 1.84 or off_centre > SIDE / 8:
        return None
    # the scan it pretends to come from: fine in the slice, up to 3 mm thick
    in_plane = max(0.6, rng.uniform(0.5, 1.0) / scene.voxel_mm)
    return LesionCrop(
        hu=np.rint(np.clip(scene.hu, -1024, 3071)).astype(np.int16),
        share=scene.mask.astype(np.uint8) * MASK_UNIT,
        endpoints_zyx=mark.endpoints_zyx,
        native_voxel_zyx=(max(1.0, rng.uniform(0.6, 3.0) / scene.voxel_mm), in_plane, in_plane),
        source="synthetic",
        name=name,
    )


def read_backgrounds(folder: Path) -> list[Background]:
    """Scans with a region map beside them."""
    backgrounds = []
    for region_path in sorted(folder.glob("*_region.nii.gz")):
        hu, grid, _ = read_ct(folder / region_path.name.replace("_region", ""))
        region = read_labels(region_path, grid)
        if np.count_nonzero(region == 1) < MIN_BODY_VOXELS:
            raise CaseError(f"{region_path}: has hardly a voxel of 1 (body) to put lesions into")
        backgrounds.append(Background(hu.astype(np.int16), region.astype(np.uint8), grid.spacing_mm))
    if not backgrounds:
        raise CaseError(f"{folder}: holds no *_region.nii.gz with its scan")
    return backgrounds


def read_shapes(folder: Path) -> list[Shape]:
    """Consensus masks (at least half of the readers) of nodules of 5 mm and more on evenly spaced slices."""
    shapes = []
    with (
        np.load(folder / "lidc_nodules.npz", allow_pickle=False) as readers,
        (folder / "index.csv").open() as index,
    ):
        for row in csv.DictReader(index):
            n_readers = int(row["n_readers"])
            usable = 2 <= n_readers <= MAX_READERS and float(row["diam_mm"]) >= 5
            if not usable or row["uneven_z"] != "0" or float(row["slice_thickness"]) > 2.6:
                continue
            votes = sum((readers[row["key"]] >> reader) & 1 for reader in range(n_readers))
            mask = np.asarray(2 * votes >= n_readers)
            if np.count_nonzero(mask) >= 40:
                where = np.argwhere(mask)
                box = tuple(slice(a, b + 1) for a, b in zip(where.min(0), where.max(0), strict=True))
                spacing = (float(row["sz"]), float(row["sy"]), float(row["sx"]))
                shapes.append(Shape(mask[box], spacing))
    return shapes

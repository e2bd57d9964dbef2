"""Each kernel beside its NumPy or SciPy twin on a scan of 512 x 512 x 150, and beside the machine's copy bandwidth.

`python benchmarks/kernels_beside_numpy.py [REPEATS [CT.nii.gz ...]]`; reading is also timed on these CTs. Times are the
best of the repeats, taken in turn. Bytes a second count what must be read and written at least once. Kernels use all
cores, NumPy and SciPy one; a twin that moves as many bytes as a plain copy does has nothing left to gain.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
from harness import numpy_reference
from harness.scans import write_scan

from lite_ensam import _kernels
from lite_ensam.evaluation.resources import machine

SHAPE = (150, 512, 512)
SPACING = np.array((2.5, 0.8, 0.8))
CENTER, RADIUS_MM, SIDE = np.array((75.0, 256.0, 256.0)), 15.0, 64
HALF = 2.5 * RADIUS_MM / SPACING
START, STOP = CENTER + 0.5 - HALF, CENTER + 0.5 + HALF
BOX = tuple(slice(int(a), int(b) + 1) for a, b in zip(START, STOP, strict=True))


class Pair(NamedTuple):
    """A kernel and its twin, and the bytes that either must move."""

    name: str
    kernel: Callable[[], Any]
    twin: Callable[[], Any]
    n_bytes: int


def volume_pairs() -> list[Pair]:
    """Kernels on grey values."""
    ct = np.random.default_rng(0).integers(-1024, 3000, SHAPE, dtype=np.int16)
    step = (STOP - START) / SIDE
    patch_bytes = SIDE**3 * 4
    crop_bytes = ct[BOX].nbytes
    return [
        Pair(
            "value_range",
            lambda: _kernels.value_range(ct),
            lambda: numpy_reference.value_range(ct),
            ct.nbytes,
        ),
        Pair(
            "min_max",
            lambda: _kernels.min_max(ct, -1000, 500),
            lambda: numpy_reference.min_max(ct, -1000, 500),
            3 * ct.nbytes,
        ),
        Pair(
            "crop_max_pool 1 2 2",
            lambda: _kernels.crop_max_pool(ct, (0, 0, 0), SHAPE, (1, 2, 2)),
            lambda: numpy_reference.max_pool(ct),
            ct.nbytes + ct.nbytes // 4,
        ),
        Pair(
            "crop_resample 64^3",
            lambda: _kernels.crop_resample(ct, tuple(START), tuple(step), (SIDE,) * 3),
            lambda: numpy_reference.crop_resample(ct, START, STOP, SIDE),
            crop_bytes + patch_bytes,
        ),
        edge_pair(),
    ]


def edge_pair() -> Pair:
    """A ball's border, drawn a millimetre too far outside, on the box that its border may move in."""
    voxels = np.stack(
        np.meshgrid(*(np.arange(part.start, part.stop) for part in BOX), indexing="ij"), axis=-1
    )
    distance = np.linalg.norm((voxels - CENTER) * SPACING, axis=-1)
    noise = np.random.default_rng(0).normal(0, 15, distance.shape)
    grey = np.rint(np.where(distance <= RADIUS_MM, 60, -20) + noise).astype(np.int16)
    mask = distance <= RADIUS_MM + 1
    mm = 0.24 * RADIUS_MM, 0.7 * RADIUS_MM
    return Pair(
        "snap_to_edge",
        lambda: _kernels.snap_to_edge(mask, np.zeros_like(mask), grey, tuple(SPACING), *mm),
        lambda: numpy_reference.snap_to_edge(mask, grey, SPACING, *mm),
        grey.nbytes + 3 * mask.nbytes,
    )


def label_pairs() -> list[Pair]:
    """Kernels on logits, label maps and markers."""
    grid = np.ogrid[tuple(slice(0, SIDE) for _ in range(3))]
    step = (STOP - START) / SIDE
    centers = [
        (START[axis] + (grid[axis] + 0.5) * step[axis] - 0.5 - CENTER[axis]) * SPACING[axis]
        for axis in range(3)
    ]
    logits = (RADIUS_MM - np.sqrt(sum(c**2 for c in centers))).astype(np.float32)
    tumor = (1, logits, tuple(START), tuple(step), (SIDE,) * 3)
    missing = (2, logits - 40, tuple(START), tuple(step), (SIDE,) * 3)
    labels = _kernels.paint(SHAPE, [tumor])
    marker = np.zeros(SHAPE, np.uint8)
    marker[75, 256, 240:273] = 1
    full = np.full(SHAPE, -40.0, np.float32)
    empty = np.zeros(SHAPE, np.uint16)
    sphere = tuple(CENTER), RADIUS_MM, tuple(SPACING)
    return [
        Pair(
            "marker_endpoints",
            lambda: _kernels.marker_endpoints(marker, tuple(SPACING)),
            lambda: numpy_reference.marker_endpoints(marker, SPACING),
            marker.nbytes,
        ),
        Pair(
            "paint",
            lambda: _kernels.paint(SHAPE, [tumor]),
            lambda: numpy_reference.paint(SHAPE, logits, START, STOP),
            logits.nbytes + labels.nbytes,
        ),
        Pair(
            "recover_missing_tumor",
            lambda: _kernels.recover_missing_tumor(empty.copy(), [missing], 2, *sphere),
            lambda: numpy_reference.recover_missing_tumor(empty, full, CENTER, RADIUS_MM, SPACING),
            2 * empty.nbytes,
        ),
        Pair(
            "label_counts",
            lambda: _kernels.label_counts(labels, 1),
            lambda: numpy_reference.label_counts(labels),
            labels.nbytes,
        ),
        Pair(
            "label_boxes",
            lambda: _kernels.label_boxes(labels, 1),
            lambda: numpy_reference.label_boxes(labels),
            labels.nbytes,
        ),
        Pair(
            "largest_piece",
            lambda: _kernels.largest_piece(labels, 1),
            lambda: numpy_reference.largest_piece(labels),
            2 * labels.nbytes,
        ),
        Pair(
            "in_plane_diameters",
            lambda: _kernels.in_plane_diameters(labels, 1, tuple(SPACING)),
            lambda: numpy_reference.in_plane_diameter(labels, SPACING),
            labels.nbytes,
        ),
    ]


def read_pair(name: str, path: Path) -> Pair:
    """Reading a box and the range of a CT out of its `.nii.gz`."""
    image = nibabel.Nifti1Image.from_filename(path)
    x, y, z = image.shape
    shape, dtype, offset = (z, y, x), image.get_data_dtype().str, int(image.dataobj.offset)
    ends = (z // 3, y // 3, x // 3), (z // 2, y // 2, x // 2)
    box = tuple(slice(start, stop) for start, stop in zip(*ends, strict=True))
    return Pair(
        f"read_boxes, {name}",
        lambda: _kernels.read_boxes(str(path), offset, shape, dtype, [ends]),
        lambda: numpy_reference.read_boxes(path, offset, shape, dtype, box),
        int(np.prod(shape)) * image.get_data_dtype().itemsize,
    )


def file_pairs(folder: Path, cts: list[Path]) -> list[Pair]:
    """Kernels on gzipped bytes. How fast a CT is inflated hangs on its noise."""
    values = np.random.default_rng(0).integers(0, 16, SHAPE, dtype=np.int16)
    random = folder / "random.nii.gz"
    nibabel.save(nibabel.Nifti1Image(values.T, np.diag([*SPACING[::-1], 1])), random)
    noisy, smooth = (write_scan(folder, SHAPE[0], kind).path for kind in ("noisy", "smooth"))
    box = (tuple(part.start for part in BOX), tuple(part.stop for part in BOX))
    marker = np.zeros(SHAPE, np.uint8)
    marker[75, 256, 240:273] = 1
    lines = folder / "marker.gz"
    lines.write_bytes(gzip.compress(marker.tobytes(), 1))

    def deflate() -> bytes:
        deflater = _kernels.Deflater(4)
        return b"".join([*(deflater.compress(piece.tobytes()) for piece in marker), deflater.finish()])

    return [
        *(read_pair(path.name, path) for path in cts),
        read_pair("the phantom with noise", noisy),
        read_pair("the phantom without noise", smooth),
        read_pair("16 values at random", random),
        Pair(
            "read_boxes, the phantom with noise; twin: nibabel's get_fdata",
            lambda: _kernels.read_boxes(str(noisy), 352, SHAPE, "<i2", [box]),
            lambda: numpy_reference.read_boxes_as_usual(noisy, BOX),
            values.nbytes,
        ),
        Pair(
            "read_labelled",
            lambda: _kernels.read_labelled(str(lines), 0, SHAPE, "|u1"),
            lambda: numpy_reference.read_labelled(lines, SHAPE),
            marker.nbytes,
        ),
        Pair("Deflater", deflate, lambda: numpy_reference.deflate(marker), marker.nbytes),
    ]


def best(run: Callable[[], Any]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def copy_bandwidth() -> float:
    """Bytes a second, read and written, of one core's plain copy."""
    source = np.ones(SHAPE, np.int16)
    target = np.empty_like(source)
    return 2 * source.nbytes / min(best(lambda: np.copyto(target, source)) for _ in range(7))


def main() -> None:
    """Print the table."""
    n_repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    cts = [Path(path) for path in sys.argv[2:]]
    bandwidth = copy_bandwidth()
    print(f"{machine()}; a plain copy on one core moves {bandwidth / 1e9:.1f} GB/s\n")
    print("| kernel | ms | twin, ms | times | kernel GB/s | twin GB/s | twin of the copy's |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for make in (volume_pairs, label_pairs, lambda: file_pairs(Path(folder), cts)):
            for pair in make():
                times = [(best(pair.kernel), best(pair.twin)) for _ in range(n_repeats)]
                kernel, twin = (min(column) for column in zip(*times, strict=True))
                print(
                    f"| {pair.name} | {1e3 * kernel:.2f} | {1e3 * twin:.1f} | {twin / kernel:.1f} | "
                    f"{pair.n_bytes / kernel / 1e9:.2f} | {pair.n_bytes / twin / 1e9:.2f} | "
                    f"{pair.n_bytes / twin / bandwidth:.0%} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()

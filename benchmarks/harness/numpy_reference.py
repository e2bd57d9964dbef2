"""The kernels' twins, each written the way it usually is with NumPy and SciPy."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

Array = NDArray


def value_range(ct: Array) -> tuple[float, float]:
    return float(ct.min()), float(ct.max())


def min_max(ct: Array, low: float, high: float) -> Array:
    return np.clip((ct.astype(np.float32) - low) / (high - low), 0, 1)


def max_pool(ct: Array) -> Array:
    z, y, x = ct.shape
    return ct.reshape(z, y // 2, 2, x // 2, 2).max(axis=(2, 4))


def crop_resample(ct: Array, start: Array, stop: Array, side: int) -> Array:
    low, high = np.rint(start).astype(int), np.rint(stop).astype(int)
    crop = ct[tuple(map(slice, low, high))].astype(np.float32)
    return ndimage.zoom(crop, side / np.array(crop.shape), order=1, grid_mode=True, mode="nearest")


def marker_endpoints(marker: Array, spacing: Array) -> list[tuple[Array, Array]]:
    ends = []
    for label in np.unique(marker)[1:]:
        voxels = np.argwhere(marker == label)
        i, j = np.triu_indices(len(voxels), 1)
        farthest = pdist(voxels * spacing).argmax()
        ends.append((voxels[i[farthest]], voxels[j[farthest]]))
    return ends


def label_counts(labels: Array) -> Array:
    return np.bincount(labels.ravel())


def label_boxes(labels: Array) -> list[tuple[slice, ...] | None]:
    return ndimage.find_objects(labels)


def largest_piece(labels: Array) -> Array:
    pieces, _ = ndimage.label(labels == 1, np.ones((3, 3, 3)))
    return pieces == np.bincount(pieces.ravel())[1:].argmax() + 1


def paint(shape: tuple[int, int, int], logits: Array, start: Array, stop: Array) -> Array:
    low, high = np.rint(start).astype(int), np.rint(stop).astype(int)
    full = np.full(shape, -np.inf, np.float32)
    zoom = (high - low) / np.array(logits.shape)
    full[tuple(map(slice, low, high))] = ndimage.zoom(logits, zoom, order=1, grid_mode=True, mode="nearest")
    return (full > 0).astype(np.uint16)


def recover_missing_tumor(
    labels: Array, full_logits: Array, center: Array, radius: float, spacing: Array
) -> Array:
    grid = np.ogrid[tuple(map(slice, labels.shape))]
    squared = sum(((axis - c) * s) ** 2 for axis, c, s in zip(grid, center, spacing, strict=True))
    inside = squared <= radius**2
    offset = 1.0
    while not (won := inside & (full_logits + offset > 0)).any():
        offset = 2 * offset + 1
    raised = labels.copy()
    raised[won] = 2
    return raised


def mean_nearby(grey: Array, where: Array, sigma: Array) -> tuple[Array, Array]:
    weights = ndimage.gaussian_filter(where.astype(np.float32), sigma)
    sums = ndimage.gaussian_filter(np.where(where, grey, np.float32(0)), sigma)
    return sums / np.maximum(weights, 1e-6), weights


def snap_to_edge(mask: Array, grey: Array, spacing: Array, reach: float, local: float) -> Array:
    grey = grey.astype(np.float32)
    outwards = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inwards = ndimage.distance_transform_edt(mask, sampling=spacing)
    core = inwards > min(reach, 0.6 * inwards.max())
    shell = (outwards > 0.5 * reach) & (outwards < 2 * reach)
    band = (outwards <= reach) & (inwards <= reach)
    sigma = max(local, 1.5 * reach) / spacing
    inside, _ = mean_nearby(grey, core, sigma)
    sides = [mean_nearby(grey, shell & side, sigma) for side in (grey < inside, grey >= inside)]
    around = np.where(grey < inside, *(mean for mean, _ in sides))
    noise = np.sqrt((np.var((grey - inside)[core]) + np.var((grey - around)[shell])) / 2)
    least = 0.15 * (sides[0][1] + sides[1][1])
    darker, brighter = (np.where(share > least, np.abs(mean - inside), 0) for mean, share in sides)
    contrast = np.maximum(darker, brighter)
    blur = min(2 * noise / np.median(contrast[band]), 1.2)
    above = ndimage.gaussian_filter(grey, blur * spacing[1:].min() / spacing) - inside
    nearer = ((darker == 0) | (above > -darker / 2)) & ((brighter == 0) | (above < brighter / 2))
    sure = band & (contrast > 2 * noise)
    snapped = np.where(sure, nearer, mask) | core
    neighbours = np.zeros((3, 3, 3), np.uint8)
    neighbours[1] = neighbours[::2, 1, 1] = 1
    n_inside = ndimage.correlate(snapped.astype(np.uint8), neighbours)
    snapped = (snapped ^ (sure & (np.where(snapped, n_inside, 11 - n_inside) < 5))) | core
    pieces, _ = ndimage.label(snapped, np.ones((3, 3, 3)))
    return np.isin(pieces, np.unique(pieces[core]))


def in_plane_diameter(labels: Array, spacing: Array) -> float:
    longest = 0.0
    for z in np.flatnonzero((labels == 1).any(axis=(1, 2))):
        points = np.argwhere(labels[z] == 1) * spacing[1:]
        longest = max(longest, pdist(points[ConvexHull(points).vertices]).max())
    return longest


def read_boxes(
    path: Path, offset: int, shape: tuple[int, ...], dtype: str, box: tuple[slice, ...]
) -> tuple[Array, int, int]:
    with gzip.open(path) as file:
        ct = np.frombuffer(file.read(), dtype, offset=offset).reshape(shape)
    return ct[box].copy(), ct.min(), ct.max()


def read_boxes_as_usual(path: Path, box: tuple[slice, ...]) -> tuple[Array, float, float]:
    ct = nibabel.load(path).get_fdata()
    return ct[box[::-1]].copy(), ct.min(), ct.max()


def read_labelled(path: Path, shape: tuple[int, int, int]) -> Array:
    with gzip.open(path) as file:
        marker = np.frombuffer(file.read(), "u1").reshape(shape)
    return np.argwhere(marker)


def deflate(labels: Array) -> bytes:
    return gzip.compress(labels.tobytes(), compresslevel=4)

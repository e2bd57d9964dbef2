"""Slow twins of the kernels: the same answers from NumPy and SciPy, with full-size maps and all pairs."""

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

IndexZYX = tuple[int, int, int]
PointZYX = tuple[float, float, float]
Tumor = tuple[int, NDArray[np.float32], PointZYX, PointZYX, IndexZYX]


def min_max(volume: NDArray, low: float, high: float) -> NDArray[np.float32]:
    if low == high:
        return np.zeros(volume.shape, np.float32)
    return ((np.clip(volume.astype(np.float64), low, high) - low) / (high - low)).astype(np.float32)


def crop_max_pool(volume: NDArray, start_zyx: IndexZYX, stop_zyx: IndexZYX, factor_zyx: IndexZYX) -> NDArray:
    pooled = volume[tuple(map(slice, start_zyx, stop_zyx))]
    for axis, factor in enumerate(factor_zyx):
        pooled = np.maximum.reduceat(pooled, np.arange(0, pooled.shape[axis], factor), axis=axis)
    return pooled


def resampling_weights(length: int, start: float, step: float, n: int) -> NDArray[np.float64]:
    """Matrix (n, length): what each voxel of a line gives to each patch voxel."""
    if step > 1:
        low, high = (start + step * np.arange(n))[:, None], (start + step * (np.arange(n) + 1))[:, None]
        voxel_low, voxel_high = np.arange(length, dtype=float), np.arange(1, length + 1, dtype=float)
        voxel_low[0], voxel_high[-1] = -np.inf, np.inf
        return np.maximum(np.minimum(high, voxel_high) - np.maximum(low, voxel_low), 0) / step
    index = start + step * (np.arange(n) + 0.5) - 0.5
    return np.stack([np.interp(index, np.arange(length), one) for one in np.eye(length)], axis=1)


def crop_resample(
    volume: NDArray, start_zyx: PointZYX, step_zyx: PointZYX, shape_zyx: IndexZYX
) -> NDArray[np.float64]:
    z, y, x = map(resampling_weights, volume.shape, start_zyx, step_zyx, shape_zyx)
    return np.einsum("kz,jy,ix,zyx->kji", z, y, x, volume.astype(np.float64))


def farthest_pair(voxels: NDArray[np.int64], spacing_mm: PointZYX) -> tuple[float, tuple[IndexZYX, IndexZYX]]:
    """All pairs of voxels in lexicographic order; the first of the longest, and its squared length in mm²."""
    best = (-1.0, ((0, 0, 0), (0, 0, 0)))
    for a, b in combinations_with_replacement(voxels.tolist(), 2):
        dy, dx = (b[1] - a[1]) * spacing_mm[1], (b[2] - a[2]) * spacing_mm[2]
        if dy * dy + dx * dx > best[0]:
            best = (dy * dy + dx * dx, (tuple(a), tuple(b)))
    return best


def marker_endpoints(marker: NDArray, spacing_mm: PointZYX) -> list[tuple[int, tuple[IndexZYX, IndexZYX]]]:
    labels = [int(label) for label in np.unique(marker) if label != 0]
    return [(label, farthest_pair(np.argwhere(marker == label), spacing_mm)[1]) for label in labels]


def label_boxes(labels: NDArray, n_labels: int) -> NDArray[np.int64]:
    boxes = np.zeros((n_labels + 1, 2, 3), np.int64)
    for label in range(n_labels + 1):
        if len(voxels := np.argwhere(labels == label)):
            boxes[label] = voxels.min(axis=0), voxels.max(axis=0) + 1
    return boxes


def largest_piece(labels: NDArray, label: int) -> tuple[NDArray[np.bool_], int]:
    pieces, n_pieces = ndimage.label(labels == label, np.ones((3, 3, 3)))
    if not n_pieces:
        return np.zeros(labels.shape, np.bool_), 0
    sizes = np.bincount(pieces.ravel())[1:]
    numbers, firsts = np.unique(pieces, return_index=True)
    # SciPy does not say in which order it counts pieces
    number = min(range(1, n_pieces + 1), key=lambda n: (-sizes[n - 1], firsts[numbers == n][0]))
    return pieces == number, n_pieces


def mean_nearby(grey: NDArray, where: NDArray[np.bool_], sigma: NDArray) -> tuple[NDArray, NDArray]:
    """Mean of the voxels `where`, weighted by a bell about each voxel; and the sum of the weights."""
    weights = ndimage.gaussian_filter(where.astype(np.float32), sigma)
    return ndimage.gaussian_filter(np.where(where, grey, np.float32(0)), sigma) / np.maximum(
        weights, 1e-6
    ), weights


def snap_to_edge(
    mask: NDArray, other: NDArray, grey: NDArray, spacing_mm: PointZYX, reach_mm: float, local_mm: float
) -> NDArray[np.bool_]:
    mask, other, grey, spacing = mask != 0, other != 0, grey.astype(np.float32), np.asarray(spacing_mm)
    if not mask.any() or mask.all():
        return mask  # SciPy has no distances then
    outwards = ndimage.distance_transform_edt(~mask, sampling=spacing)
    inwards = ndimage.distance_transform_edt(mask, sampling=spacing)
    core = inwards > min(reach_mm, 0.6 * inwards.max())
    shell = (outwards > 0.5 * reach_mm) & (outwards < 2 * reach_mm) & ~other
    band = (outwards <= reach_mm) & (inwards <= reach_mm) & ~other
    if not (core.any() and shell.any() and band.any()):
        return mask
    sigma = np.maximum(local_mm, 1.5 * reach_mm) / spacing
    inside, _ = mean_nearby(grey, core, sigma)
    sides = [mean_nearby(grey, shell & side, sigma) for side in (grey < inside, grey >= inside)]
    around = np.where(grey < inside, *(mean for mean, _ in sides))
    noise = float(np.sqrt((np.var((grey - inside)[core]) + np.var((grey - around)[shell])) / 2))
    weight = sides[0][1] + sides[1][1]
    to_darker, to_brighter = (
        np.where(share > 0.15 * weight, np.abs(mean - inside), np.float32(0)) for mean, share in sides
    )
    contrast = np.maximum(to_darker, to_brighter)
    sure = band & (contrast > 2 * noise)
    if not sure.any():
        return mask
    blur = min(2 * noise / max(float(np.median(contrast[band])), 1e-6), 1.2)
    above = ndimage.gaussian_filter(grey, blur * spacing[1:].min() / spacing) - inside
    nearer = ((to_darker == 0) | (above > -to_darker / 2)) & ((to_brighter == 0) | (above < to_brighter / 2))
    snapped = np.where(sure, nearer, mask) | core
    neighbours = np.zeros((3, 3, 3), np.uint8)
    neighbours[1] = neighbours[::2, 1, 1] = 1
    inside_here = ndimage.correlate(snapped.astype(np.uint8), neighbours)
    alike = np.where(snapped, inside_here, neighbours.sum() - inside_here) - 1
    snapped = (snapped ^ (sure & (alike < 4))) | core
    pieces, _ = ndimage.label(snapped, np.ones((3, 3, 3)))
    return np.isin(pieces, np.unique(pieces[core]))


def logit_map(shape_zyx: IndexZYX, tumor: Tumor) -> NDArray[np.float64]:
    """Full-size trilinear logits of one tumor, minus infinity outside its box."""
    _, logits, start_zyx, step_zyx, content_zyx = tumor
    content = logits[tuple(map(slice, content_zyx))].astype(np.float64)
    edges = np.indices(shape_zyx) + 0.5
    start, step, n = (np.reshape(v, (3, 1, 1, 1)) for v in (start_zyx, step_zyx, content_zyx))
    values = ndimage.map_coordinates(content, (edges - start) / step - 0.5, order=1, mode="nearest")
    is_inside = ((edges >= start) & (edges < start + n * step)).all(axis=0)
    return np.where(is_inside, values, -np.inf)


def logit_maps(shape_zyx: IndexZYX, tumors: list[Tumor], threshold: float) -> NDArray[np.float64]:
    """The threshold, then each tumor's map: what the voxels choose from."""
    background = np.full(shape_zyx, float(threshold))
    return np.stack([background, *(logit_map(shape_zyx, tumor) for tumor in tumors)])


def paint(shape_zyx: IndexZYX, tumors: list[Tumor], threshold: float) -> NDArray[np.uint16]:
    winners = logit_maps(shape_zyx, tumors, threshold).argmax(axis=0)  # the first of equals
    return np.array([0, *(tumor[0] for tumor in tumors)], np.uint16)[winners]


def sphere(own: NDArray, center_zyx: PointZYX, radius_mm: float, spacing_mm: PointZYX) -> NDArray[np.bool_]:
    """Voxels within the radius where the tumor has logits; if there are none, the nearest that has."""
    offsets = np.indices(own.shape) - np.reshape(center_zyx, (3, 1, 1, 1))
    squared_mm = ((offsets * np.reshape(spacing_mm, (3, 1, 1, 1))) ** 2).sum(axis=0)
    squared_mm[np.isneginf(own)] = np.inf
    inside = squared_mm <= radius_mm**2
    if not inside.any():
        inside.flat[squared_mm.argmin()] = True
    return inside


def recover_missing_tumor(
    labels: NDArray[np.uint16],
    tumors: list[Tumor],
    missing: int,
    inside: NDArray[np.bool_],
    threshold: float,
    max_rounds: int,
) -> tuple[int, float, int] | None:
    """Change `labels` as the kernel does, for a known sphere; None if there is no room."""
    maps = dict(
        zip([0, *(tumor[0] for tumor in tumors)], logit_maps(labels.shape, tumors, threshold), strict=True)
    )
    own = maps.pop(missing)
    bar = np.max(list(maps.values()), axis=0)

    def argbest(places: NDArray[np.bool_], logits: NDArray[np.float64]) -> int:
        return int(np.where(places, logits, -np.inf).argmax())

    for rounds in range(1, max_rounds + 1):
        won = inside & (own + 2.0**rounds - 1 > bar)
        for competitor in np.unique(labels[won]):
            if competitor and not (labels[~won] == competitor).any():
                won.flat[argbest(won & (labels == competitor), maps[competitor])] = False
        if won.any():
            labels[won] = missing
            return rounds, 2.0**rounds - 1, int(won.sum())
    free = inside & (labels == 0)
    if not free.any():
        free = inside & (np.bincount(labels.ravel(), minlength=65536)[labels] > 1)
    if not free.any():
        return None
    labels.flat[argbest(free, own)] = missing
    return max_rounds, 2.0**max_rounds - 1, 1


def short_axis_mm(voxels: NDArray[np.int64], ends: tuple[IndexZYX, IndexZYX], spacing_mm: PointZYX) -> float:
    """How far all lines between two voxels spread across the diameter, at each voxel's height along it."""
    in_mm = ((voxels - ends[0]) * spacing_mm)[:, 1:]
    line = ((np.array(ends[1]) - ends[0]) * spacing_mm)[1:]
    if not line.any():
        return 0.0
    line = line / np.hypot(*line)
    along, across = in_mm @ line, in_mm @ [-line[1], line[0]]
    first, second = np.triu_indices(len(voxels))
    longest = 0.0
    for height in along:
        low, high = np.minimum(along[first], along[second]), np.maximum(along[first], along[second])
        crossing = (low <= height) & (height <= high) & (high > low)
        a, b = first[crossing], second[crossing]
        share = (height - along[a]) / (along[b] - along[a])
        spread = np.append(across[a] + share * (across[b] - across[a]), across[along == height])
        longest = max(longest, np.ptp(spread))
    return longest

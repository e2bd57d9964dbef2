"""The reference of the benchmarks: the same network, written the way such tools are usually written.

nibabel's `get_fdata` (an .npz: NumPy's `load`), the whole volume scaled and pooled in torch, the logits of every tumour
enlarged to the full size, argmax, unique. Run by `whole_process.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
import torch.nn.functional as F

from lite_ensam.core.recist import RecistMark
from lite_ensam.engines.backend import WEIGHTS
from lite_ensam.model.checkpoint import load_weights

SIDE = 64


def cube_around(mark: RecistMark, spacing: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """First voxel and size of the cube around a line, which may reach out of the volume."""
    size = np.maximum(np.rint(factor * mark.length_mm(tuple(spacing)) / spacing), 2).astype(int)
    return np.rint(np.array(mark.midpoint_zyx) - size / 2).astype(int), size


def read(ct: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxels (z, y, x) in float64, spacing (z, y, x) and affine."""
    if ct.endswith(".npz"):
        arrays = np.load(ct)
        spacing = arrays["spacing"][::-1]
        arrays["recist"]  # the lines: read, though the benchmark's come from a file
        return arrays["imgs"].astype(float), spacing, np.diag([*spacing[::-1], 1.0])
    image = nib.load(ct)
    spacing = np.array(image.header.get_zooms()[:3][::-1], dtype=float)
    return image.get_fdata().transpose(2, 1, 0).copy(), spacing, image.affine


@torch.inference_mode()
def main(ct: str, marks: str, mask: str) -> None:
    """Segment as plainly as possible: it is timed, not scored."""
    scan, spacing, affine = read(ct)
    volume = torch.from_numpy(scan)
    volume = (volume - volume.min()) / (volume.max() - volume.min())
    volume = volume.float()[None, None]
    F.max_pool3d(volume, 2)  # the paper's pooled scan, which its crop is taken from
    model = load_weights(WEIGHTS / "lite_ensam.safetensors").model
    n_channels = model.config.in_channels
    scores = [torch.zeros(volume.shape[2:])]
    for entry in json.loads(Path(marks).read_text())["marks"]:
        mark = RecistMark(entry["label"], entry["endpoints_zyx"])
        start, size = cube_around(mark, spacing, 2.5)
        shape = np.array(volume.shape[2:])
        low, high = np.maximum(start, 0), np.minimum(start + size, shape)
        crop = volume[..., low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        patch = F.interpolate(crop, (SIDE,) * 3, mode="trilinear").expand(1, n_channels, -1, -1, -1)
        ends = (torch.tensor(mark.endpoints_zyx) + 0.5 - torch.from_numpy(low)) / torch.from_numpy(high - low)
        logits = model(patch.contiguous(), (ends * SIDE - 0.5)[None].float())
        full = torch.full(volume.shape[2:], -100.0)
        full[low[0] : high[0], low[1] : high[1], low[2] : high[2]] = F.interpolate(
            logits, tuple(int(n) for n in high - low), mode="trilinear"
        )[0, 0]
        scores.append(full)
    labels = torch.stack(scores).argmax(dim=0).numpy().astype(np.uint8)
    print("labels", np.unique(labels))
    nib.save(nib.Nifti1Image(labels.transpose(2, 1, 0), affine), mask)


if __name__ == "__main__":
    main(*sys.argv[1:])

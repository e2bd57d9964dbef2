"""FLARE's .npz files out of made-up cases."""

from pathlib import Path

import numpy as np

from lite_ensam.core.case import Case
from tests.phantoms import ellipsoid_case


def write_flare(folder: Path, name: str, case: Case, recist: bool = False) -> None:
    """A FLARE file of the case: windowed to 0-255, with the reference and perhaps the drawn lines."""
    grey = np.clip((case.ct + 160.0) * 255 / 400, 0, 255).astype(np.uint8)
    arrays = {"imgs": grey, "gts": case.reference, "spacing": np.array(case.grid.spacing_mm[::-1])}
    if recist:
        lines = np.zeros_like(case.reference)
        for mark in case.marks:
            (z, y, x), (_, last_y, last_x) = np.rint(mark.endpoints_zyx).astype(int)
            lines[z, [y, last_y], [x, last_x]] = mark.label
        arrays["recist"] = lines
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / f"{name}.npz", **arrays)


def write_flare_folder(root: Path, n_patients: int = 2) -> Path:
    """`train_npz` with a case of each of some patients in two sources."""
    for n in range(n_patients):
        write_flare(root / "train_npz", f"CT_Lesion_{n:06d}_01_01_001-022", ellipsoid_case(seed=n))
        write_flare(root / "train_npz", f"CT_Lesion_FLARE23Ts_{n:04d}", ellipsoid_case(seed=100 + n))
    return root

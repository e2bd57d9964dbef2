"""A tiny cohort on disk, and what is compared of two runs of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow.parquet as parquet

from lite_ensam.cohort import CohortCase, Limits, Parameters, write_cohort_manifest
from lite_ensam.io import write_ct, write_marks, write_mask
from tests.phantoms import TWO_TUMORS, ellipsoid_case

PLAIN = Parameters()
LIMITS = Limits(seconds=120, memory_mb=1500, backoff_s=0.01)
N_GOOD = 5
CORRUPT = "corrupt"


def write_cohort(folder: Path, n_good: int = N_GOOD) -> Path:
    """A manifest of so many good scans and, among them, one whose file is cut off."""
    rows = []
    for seed in range(n_good):
        case = ellipsoid_case(tumors=TWO_TUMORS[: 1 + seed % 2], seed=seed)
        place = folder / f"scan_{seed}"
        place.mkdir(parents=True)
        ct, marks, labels = place / "ct.nii.gz", place / "marks.json", place / "labels.nii.gz"
        write_ct(ct, case.ct, case.grid)
        write_marks(marks, case.marks, case.grid)
        assert case.reference is not None
        write_mask(labels, case.reference, case.grid)
        rows.append(
            CohortCase(
                f"scan_{seed}",
                str(ct),
                str(marks),
                str(labels),
                f"patient {seed // 2}",
                f"2026-01-0{seed + 1}",
            )
        )
    bad = folder / CORRUPT / "ct.nii.gz"
    bad.parent.mkdir()
    bad.write_bytes(Path(rows[0].ct).read_bytes()[:-2000])
    rows.insert(1, CohortCase(CORRUPT, str(bad), rows[0].marks))
    write_cohort_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def outcome(folder: Path) -> dict[str, object]:
    """All that must be the same whatever happened on the way: tables and masks, and nothing half-written."""
    tables = {name: (folder / f"{name}.csv").read_text() for name in ("cases", "tumors")}
    columns = {name: parquet.read_table(folder / f"{name}.parquet").to_pydict() for name in tables}
    masks = {
        path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("cases/*/mask.nii.gz")
    }
    return {"tables": tables, "columns": columns, "masks": masks, "halves": sorted(folder.rglob("*.tmp"))}

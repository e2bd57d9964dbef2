"""Every reader of files, each with a good file that it reads: what is fuzzed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

from lite_ensam.cohort import CohortCase, read_cohort_manifest
from lite_ensam.cohort.page import write_page
from lite_ensam.cohort.parameters import Task
from lite_ensam.cohort.tables import write_tables
from lite_ensam.core.case import Case
from lite_ensam.core.errors import ArgumentError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import (
    open_scan,
    read_case,
    read_ct,
    read_labels,
    read_marks,
    read_report,
    write_ct,
    write_marks,
    write_mask,
)
from lite_ensam.io.dicom import build_report, build_segmentation, read_ct_series, write_dataset
from lite_ensam.measurements import measure
from lite_ensam.reporting import read_study
from lite_ensam.widgets import RecistViewer
from lite_ensam.widgets.marks_trait import marks_to_json
from tests.fuzz.mutations import Strategy, inside_gzip, inside_zip, mutated
from tests.phantoms import Ellipsoid, ellipsoid_case
from tests.unit.cohort import test_records as records
from tests.unit.io.dicom import files as dicom
from tests.unit.io.dicom import test_marks as sr

ROW = CohortCase("a", "x")
MARK = RecistMark(1, ((2, 3, 3), (2, 3, 9)))
STUDY = (
    "patient,date,target,organ,diameter_mm,node,volume_ml,diameter_sd_mm,volume_sd_ml,new_lesion\n"
    "A,20250131,liver 1,liver,30,no,12.5,1,0.5,\nA,2025-03-28,liver 1,liver,20,no,6,1,0.5,yes\n"
    "A,2025-03-28,liver 1,liver,too small,,,,,\n"
)


@dataclass(frozen=True)
class Reader:
    """A reader and what it is fed.

    Parameters
    ----------
    file : good, in a folder with all that the reader needs beside it
    read : reads the file or raises a `LiteEnsamError`
    strategy : how the file is changed
    """

    file: Path
    read: Callable[[Path], object]
    strategy: Strategy = mutated


def make_readers(folder: Path) -> dict[str, Reader]:
    """All readers, by name."""
    return dict([*_volumes(folder), *_texts(folder), *_dicom(folder), *_messages(folder)])


def _volumes(folder: Path) -> Iterator[tuple[str, Reader]]:
    case = ellipsoid_case(shape_zyx=(6, 12, 14), tumors=[Ellipsoid(1, (3, 6, 7), (6.0, 3.0, 4.0))])
    assert case.reference is not None
    drawn = np.zeros(case.ct.shape, np.uint8)
    drawn[2, 3, 3:10] = 1
    for suffix, strategy in ((".nii", mutated), (".nii.gz", inside_gzip)):
        ct, labels = folder / f"ct{suffix}", folder / f"labels{suffix}"
        write_ct(ct, case.ct, case.grid)
        write_mask(labels, case.reference, case.grid)
        yield f"scan{suffix}", Reader(ct, read_ct, strategy)
        yield f"labels{suffix}", Reader(labels, read_labels, strategy)
        yield f"crops{suffix}", Reader(ct, _read_crop, strategy)
        marker = folder / f"marker{suffix}"
        write_mask(marker, drawn, case.grid)
        yield f"marker{suffix}", Reader(marker, lambda path: read_marks(path, case.grid), strategy)
    for suffix in (".nrrd", ".mha"):
        write_ct(folder / f"ct{suffix}", case.ct, case.grid)
        yield f"scan{suffix}", Reader(folder / f"ct{suffix}", read_ct)
        write_mask(folder / f"labels{suffix}", case.reference, case.grid)
        yield f"labels{suffix}", Reader(folder / f"labels{suffix}", read_labels)
    (folder / "voxels.raw").write_bytes(case.ct.tobytes())
    headers = {
        "scan.nhdr": "NRRD0004\ntype: short\ndimension: 3\nspace: LPS\nsizes: 14 12 6\nencoding: raw\nendian: little\n"
        "space directions: (0.8,0,0) (0,0.8,0) (0,0,3)\nspace origin: (0,0,0)\ndata file: voxels.raw\n",
        "scan.mhd": "NDims = 3\nDimSize = 14 12 6\nElementType = MET_SHORT\nElementSpacing = 0.8 0.8 3\n"
        "Offset = 0 0 0\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nHeaderSize = 0\nElementDataFile = voxels.raw\n",
    }
    for name, text in headers.items():
        (folder / name).write_text(text)
        yield name, Reader(folder / name, read_ct)
    npz = folder / "case.npz"
    arrays = {
        "imgs": np.clip(case.ct, 0, 255).astype(np.uint8),
        "recist": drawn,
        "gts": case.reference,
    }
    np.savez_compressed(
        npz, **arrays, spacing=np.array([0.8, 0.8, 3.0]), origin=np.zeros(3), direction=np.eye(3).ravel()
    )
    yield "npz", Reader(npz, read_case, inside_zip)


def _read_crop(path: Path) -> Case:
    scan = open_scan(path)
    z, y, x = (min(n, 4) for n in scan.source.grid.shape_zyx)
    return scan.read_case((MARK,), [((0, 0, 0), (z, y, x))])


def _texts(folder: Path) -> Iterator[tuple[str, Reader]]:
    grid = Grid.from_spacing((6, 12, 14), (3, 1, 1))
    write_marks(folder / "marks.json", [MARK, RecistMark(2, ((4, 3, 3), (4, 8, 9)), "node", "1.2.3")], grid)
    yield "marks.json", Reader(folder / "marks.json", lambda path: read_marks(path, grid))
    texts = {
        "lines.mrk.json": '{"markups": [{"type": "Line", "coordinateSystem": "LPS", "coordinateUnits": "mm", '
        '"controlPoints": [{"label": "a-1", "position": [3.0, 3, 6]}, {"label": "a-2", "position": [9, 3, 6]}]}]}',
        "marks.csv": "label,z0,y0,x0,z1,y1,x1\n1,2,3,3,2,3,9\n2,4,3,3,4,8,9\n",
        "marks_mm.csv": "label,x0_mm,y0_mm,z0_mm,x1_mm,y1_mm,z1_mm\n1,-3,-3,6,-9,-3,6\n",
        "DL_info.csv": "File_name,Measurement_coordinates,Key_slice_index,Slice_range\n"
        '000001_01_01_002.png,"3.0, 3.0, 9.0, 3.0, 5, 2, 5, 6",2,"1, 6"\n',
        "study.csv": STUDY,
        "manifest.csv": "case,ct,marks,date\na,ct.nii.gz,marks.json,2026-01-02\nb,ct.nii,marks.csv,\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    for name in ("lines.mrk.json", "marks.csv", "marks_mm.csv", "DL_info.csv"):
        yield name, Reader(folder / name, lambda path: read_marks(path, grid, "000001_01_01_001-006.nii.gz"))
    yield "study.csv", Reader(folder / "study.csv", read_study)
    yield "manifest.csv", Reader(folder / "manifest.csv", read_cohort_manifest)
    pyarrow.parquet.write_table(
        pyarrow.table({"case": ["a", "b"], "ct": ["a.npz", "b.npz"]}), folder / "manifest.parquet"
    )
    yield "manifest.parquet", Reader(folder / "manifest.parquet", read_cohort_manifest)
    targets = '"targets": [{"name": "l", "organ": "liver"}]'
    sizes = ('{"diameter_mm": 31}', '[{"diameter_mm": 8, "volume_ml": 0.3}, {"diameter_mm": "too small"}]')
    visits = [f'{{"date": {56 * n}, "targets": {{"l": {size}}}}}' for n, size in enumerate(sizes)]
    study = f'{{"patient": "A", "non_targets": "no", {targets}, "visits": [{", ".join(visits)}]}}'
    (folder / "study.json").write_text(study)
    yield "study.json", Reader(folder / "study.json", read_study)
    (folder / "report.json").write_text(
        '{"tumors": [{"label": 1, "volume_ml": 2.5e0}], "notes": ["\\u00e4"]}'
    )
    yield "report.json", Reader(folder / "report.json", read_report)
    records.done(Task(ROW, str(folder)), records.tumor())
    yield "record.json", Reader(folder / "cases" / ROW.case / "record.json", _use_record)


def _use_record(path: Path) -> None:
    """Make tables and page of a record: whatever is taken for one must do for them."""
    write_tables([ROW], path.parents[2])
    write_page([ROW], path.parents[2])


def _dicom(folder: Path) -> Iterator[tuple[str, Reader]]:
    place = folder / "series"
    dicom.write_series(place, dicom.stored_volume())
    volume, source = read_ct_series(place)
    yield "slice.dcm", Reader(place / dicom.name_of_slice(2), lambda path: read_ct_series(path.parent))
    line = sr.number(sr.LONG, sr.scoord(sr.uid_of(source, 2), [3.5, 4.5, 9.5, 4.5]))
    objects = {
        "sr.dcm": lambda path: sr.write_sr(path, sr.group(line, name="liver 1", uid="1.2.3")),
        "gsps.dcm": lambda path: sr.write_gsps(path, source, [[5.5, 2.5, 5.5, 6.5], [2.5, 4.5, 9.5, 4.5]]),
        "rtstruct.dcm": lambda path: dicom.write_rtstruct(
            path, {"node": [dicom.contour(source.grid, 2, dicom.box_yx(3, 8))]}
        ),
    }
    for name, write in objects.items():
        write(folder / name)
        yield name, Reader(folder / name, lambda path: read_marks(path, source))
    contours = folder / "contours.dcm"
    contours.write_bytes((folder / "rtstruct.dcm").read_bytes())
    yield "contours.dcm", Reader(contours, lambda path: read_labels(path, source))
    labels = np.zeros(volume.shape, np.uint8)
    labels[1:4, 3:8, 3:9] = 1
    mark = RecistMark(1, ((2, 3, 3), (2, 3, 8)))
    segmentation = build_segmentation(labels, source, [mark])
    write_dataset(folder / "seg.dcm", segmentation)
    write_dataset(
        folder / "tid1500.dcm",
        build_report(segmentation, source, [mark], measure(labels, [mark], source.grid.spacing_mm)),
    )
    yield "seg.dcm", Reader(folder / "seg.dcm", lambda path: read_labels(path, source))
    yield "tid1500.dcm", Reader(folder / "tid1500.dcm", lambda path: read_marks(path, source))


def _messages(folder: Path) -> Iterator[tuple[str, Reader]]:
    """What the browser sends to the viewer, as text."""
    viewer = RecistViewer(np.zeros((6, 12, 14), np.int16), (3.0, 1.0, 1.0), auto_segment=False)
    state = {
        "marks": marks_to_json([MARK]),
        "cursor_zyx": [1, 2, 3],
        "window": [-100, 300.5],
        "colors": {"1": "#a0b1c2"},
        "threshold": 0.5,
    }
    slices = {"kind": "slices", "id": "a", "window": [0, 1], "wants": [[0, 2, True], [2, 3, False]]}
    messages = {
        "state.msg": {"method": "update", "state": state, "buffer_paths": []},
        "slices.msg": {"method": "custom", "content": slices},
        "value.msg": {"method": "custom", "content": {"kind": "value", "zyx": [1, 2, 3]}},
    }
    for name, message in messages.items():
        (folder / name).write_text(json.dumps(message))
        yield name, Reader(folder / name, lambda path: _hear(viewer, path))


def _hear(viewer: RecistViewer, path: Path) -> None:
    """Let the viewer have a message that came through as JSON; what it says of it is raised."""
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return  # ends in the channel
    viewer.error = ""
    viewer._handle_msg({"content": {"data": data}, "buffers": []})
    assert "unforeseen" not in viewer.error
    if viewer.error:
        raise ArgumentError(viewer.error)

import itertools
import json
import os
from datetime import date

import nibabel as nib
import numpy as np
import pytest

from lite_ensam.core.errors import MarkError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark, notes_of
from lite_ensam.core.scan_source import ScanSource
from lite_ensam.io import read_ct, read_marks, write_marks
from lite_ensam.io.mark_forms import parse_marks
from tests.unit.io import files

GRID = Grid.from_affine((20, 30, 40), files.AFFINE)
LINE = [[4, 10, 12], [4, 20, 12]]
MARK = RecistMark(1, LINE)


@pytest.fixture
def write(tmp_path):
    """Write a text file of marks and return its path."""

    def write_text(content, name="marks.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write_text


def entry(**changes):
    return {"marks": [{"label": 1, "endpoints_zyx": LINE} | changes]}


def marker_file(path, marker_zyx, affine=files.AFFINE):
    nib.save(nib.Nifti1Image(marker_zyx.T, affine), path)
    return path


class TestJson:
    def test_indices(self, write):
        assert read_marks(write(entry(length_mm=9.5, name="node")), GRID) == (RecistMark(1, LINE, "node"),)

    def test_a_drawn_short_axis_comes_back_in_the_files_order(self, write, tmp_path):
        file_grid = ScanSource.from_file_affine((20, 40, 30), files.AFFINE[:, [2, 0, 1, 3]])
        mark = RecistMark(1, LINE, "node", "1.2.3", [[4, 14, 9], [4, 14, 15]])
        for name, grid in (("plain.json", GRID), ("permuted.json", file_grid)):
            write_marks(tmp_path / name, (mark,), grid)
            assert read_marks(tmp_path / name, grid) == (mark,)
        with pytest.raises(MarkError, match="mark number 1: short_axis_zyx must be two points"):
            read_marks(write(entry(short_axis_zyx=[1, 2])), GRID)

    def test_a_label_may_be_a_whole_float(self, write):
        assert read_marks(write(entry(label=1.0)), GRID) == (MARK,)

    def test_millimetres_are_the_affines_world(self, write):
        ends_mm = GRID.voxel_to_mm(LINE).tolist()
        (mark,) = read_marks(write({"marks": [{"label": 1, "endpoints_mm": ends_mm}]}), GRID)
        np.testing.assert_allclose(mark.endpoints_zyx, LINE, atol=1e-9)

    def test_millimetres_on_an_oblique_scan_are_moved_onto_the_slice(self, write):
        grid = Grid.from_affine((20, 30, 40), files.oblique_affine())
        ends_mm = grid.voxel_to_mm([[4.3, 10, 12], [3.8, 20, 12]]).tolist()
        (mark,) = read_marks(write({"marks": [{"label": 1, "endpoints_mm": ends_mm}]}), grid)
        np.testing.assert_allclose(mark.endpoints_zyx, LINE, atol=1e-9)

    def test_millimetres_across_slices_are_refused(self, write):
        ends_mm = GRID.voxel_to_mm([[4, 10, 12], [7, 20, 12]]).tolist()
        with pytest.raises(MarkError, match=r"slices z = 4 and z = 7"):
            read_marks(write({"marks": [{"label": 1, "endpoints_mm": ends_mm}]}), GRID)

    def test_two_hundred(self, write):
        marks = read_marks(
            write(
                {"marks": [{"label": n, "endpoints_zyx": [[4, 1, 2], [4, n / 10, 9]]} for n in range(1, 201)]}
            ),
            GRID,
        )
        assert [mark.label for mark in marks] == list(range(1, 201))

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "not a JSON file"),
            ("{", "not a JSON file"),
            ("[]", "must be"),
            ({}, "must be"),
            ({"marks": 3}, "must be"),
            ({"marks": [3]}, "must be"),
            ({"marks": []}, "no mark given"),
            ({"marks_in": "lps"} | entry(), "'marks_in' stands beside the marks and is not read"),
            (entry() | {"coordinateSystem": "LPS"}, 'or in LPS with marks_in="lps"'),
            (entry() | {"one_based": True}, "counted from 0"),
            (entry() | {"units": "cm"}, "'units' stands beside the marks"),
            (entry() | {"convention": "LPS"}, "'convention' stands beside the marks"),
            (entry() | {"convention": "xyz"}, "'convention' stands beside the marks"),
            (entry() | {"unit": "mm"}, "'unit' stands beside the marks"),
            (entry() | {"scale": 0.5}, "'scale' stands beside the marks"),
            (entry() | {"offset": 1}, "'offset' stands beside the marks"),
            (entry() | {"order": "xyz"}, "'order' stands beside the marks"),
            ({"marks": [{"endpoints_zyx": LINE}, *entry()["marks"]]}, "mark number 1 needs a label"),
            ({"marks": [{"label": 1, "points": LINE}]}, "needs either endpoints_zyx or endpoints_mm"),
            (entry(nmae="node"), "mark number 1: 'nmae' is not read; a mark has label, endpoints_zyx"),
            (entry(endpoints_mm=LINE), "either endpoints_zyx or endpoints_mm"),
            (entry(endpoints_zyx=[[1, 2], [1, 3]]), "endpoints_zyx must be two points"),
            (entry(endpoints_zyx=[[1, 2, 3], [1, 3]]), "two points"),
            (entry(endpoints_zyx=[[1, 2, None], [1, 3, 3]]), "two points"),
            (entry(endpoints_zyx="here"), "two points"),
            (entry(endpoints_zyx=[[1, 2, True], [1, 3, 3]]), "two points"),
            (entry(endpoints_zyx=[[1, 2, "3"], [1, 3, 3]]), "two points"),
            (entry(endpoints_zyx={"a": 1}), "two points"),
            (entry(endpoints_zyx=[[1] * 5000, [2]]), r"two points .{,160}$"),
            (entry(endpoints_zyx=[[1, 1e308, 1], [1, 2, 2]]), "outside"),
            (entry(endpoints_zyx=[[1e308, 1, 1], [1e308, 2, 2]]), "outside"),
            (
                '{"marks": [{"label": 1, "endpoints_mm": [[1e308, 1e308, 1e308], [1, 1, 1]]}]}',
                "mark number 1",
            ),
            (entry(name=["a"]), "name must be a text"),
            (entry(label="x" * 5000), r"1 to 65535.{,120}$"),
            (
                '{"marks": [{"label": 1, "label": 2, "endpoints_zyx": [[1, 2, 3], [1, 3, 3]]}]}',
                "'label' .*twice",
            ),
            ('{"marks": [], "marks": []}', "the key 'marks' comes twice"),
            ('{"marks": ' + "9" * 5001 + "}", "not a JSON file"),
            ("[" * 100_000, "too deeply nested"),
            (entry(endpoints_zyx=[[1, 2, 10**400], [1, 3, 3]]), "two points"),
            ('{"marks": [{"label": 1, "endpoints_zyx": [[1, 2, NaN], [1, 2, 3]]}]}', "finite"),
            (entry(label=0), "1 to 65535, got 0"),
            (entry(label=1.5), "1 to 65535, got 1.5"),
            (entry(label="1"), "1 to 65535, got '1'"),
            (entry(label=None), "1 to 65535"),
            ({"marks": entry()["marks"] * 2}, "label 1 comes 2 times"),
            (entry(endpoints_zyx=[[4, 10, 12], [5, 20, 12]]), "slices z = 4 and z = 5"),
            (entry(endpoints_zyx=[[4, 10, 12], [4, 10, 12]]), "length zero"),
            (entry(endpoints_zyx=[[4, 10, 12], [4, 10, 40]]), "outside the volume of \\(20, 30, 40\\)"),
            (entry(endpoints_zyx=[[20, 10, 12], [20, 10, 20]]), "outside"),
            (entry(endpoints_zyx=[[4, -500, 12], [4, 500, 12]]), "outside"),
        ],
    )
    def test_bad_ones_are_refused_with_file_and_reason(self, write, content, message):
        with pytest.raises(MarkError, match=rf"marks\.json: .*{message}"):
            read_marks(write(content), GRID)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"first_slice": 9}, "first_slice 9 lies after the line's slice z = 4"),
            (
                {"short_axis_zyx": [[5, 9, 12], [5, 12, 12]]},
                "its short axis lies on slice z = 5, the line on z = 4",
            ),
            ({"short_axis_zyx": [[4, 9, 12], [4, 9, 12]]}, "short axis: both endpoints are "),
        ],
    )
    def test_a_bad_mark_is_named_once(self, write, wrong, message):
        with pytest.raises(MarkError, match=rf"marks\.json: mark number 1: {message}"):
            read_marks(write(entry(endpoints_zyx=[[4, 10, 12], [4, 20, 12]], **wrong)), GRID)

    def test_bytes_that_are_no_text(self, tmp_path):
        (tmp_path / "marks.json").write_bytes(b"\xff\xfe\x00\x01")
        with pytest.raises(MarkError, match="not a JSON file"):
            read_marks(tmp_path / "marks.json", GRID)


class TestCsv:
    header = "label,z0,y0,x0,z1,y1,x1\n"

    def test_indices(self, write):
        text = self.header + "1,4,10,12,4,20,12\n\n7, 5, 1.5, 2, 5, 9, 2\n"
        assert read_marks(write(text, "marks.csv"), GRID) == (MARK, RecistMark(7, ((5, 1.5, 2), (5, 9, 2))))

    @pytest.mark.parametrize("separator", [";", "\t"])
    def test_other_separators(self, write, separator):
        text = (self.header + "1,4,10,12,4,20,12\n").replace(",", separator)
        assert read_marks(write(text, "marks.csv"), GRID) == (MARK,)

    def test_columns_in_any_order_with_more_of_them_and_a_bom(self, write):
        text = "\ufeffname,x1,y1,z1,x0,y0,z0,label,reader\nnode,12,20,4,12,10,4,1.0,AB\n"
        assert read_marks(write(text, "MARKS.CSV"), GRID) == (RecistMark(1, LINE, "node"),)

    def test_millimetres(self, write):
        ends_mm = GRID.voxel_to_mm(LINE).ravel().tolist()
        text = "label,x0_mm,y0_mm,z0_mm,x1_mm,y1_mm,z1_mm\n1," + ",".join(map(repr, ends_mm)) + "\n"
        (mark,) = read_marks(write(text, "marks.csv"), GRID)
        np.testing.assert_allclose(mark.endpoints_zyx, LINE, atol=1e-9)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "must name the columns"),
            ("1,4,10,12,4,20,12\n", "must name the columns label,z0"),
            ("label,z0,y0\n1,2,3\n", "must name the columns"),
            (header, "no mark given"),
            (header + "1,4,10,12,4,20\n", "line 2 has no value for the column x1"),
            (header + "1,4,10,12,4,20,\n", "line 2, column x1: '' is not a number"),
            (header + "1,4,10,12,4,20,12\nb,4,10,12,4,20,12\n", "line 3, column label: 'b' is not a number"),
            (header + "0,4,10,12,4,20,12\n", "line 2: .*1 to 65535, got 0"),
            (header + "1,4,10,12,5,20,12\n", "line 2: .*slices z = 4 and z = 5"),
            (header + "1,4,10,nan,4,20,12\n", "line 2: .*finite"),
            (header + "1,4,10,12,4,20,12\n" * 2, "label 1 comes 2 times"),
            (header + '"1,4\n', "not a CSV file"),
            (header + "1,4,10.5,12,4,20,12,5\n", "line 2 has 8 cells, the headings 7"),
            (header.strip() + ",x1\n1,4,10,12,4,20,12,12\n", "column 'x1' comes twice"),
            (header.strip() + ",x0_mm\n1,4,10,12,4,20,12,12\n", "of indices and of millimetres"),
            (header.replace(",", ";") + "1;4;10;12,5;4;20;12\n", "line 2, column x0: '12,5' is not a number"),
            (header + f"1,4,10,12,4,20,{'x' * 5000}\n", r"line 2.{,120}is not a number$"),
        ],
    )
    def test_bad_ones_are_refused_with_their_line(self, write, text, message):
        with pytest.raises(MarkError, match=rf"marks\.csv: .*{message}"):
            read_marks(write(text, "marks.csv"), GRID)

    @pytest.mark.parametrize(
        ("column", "words"),
        [
            ("Label", "did you mean label"),
            ("labels", "did you mean label"),
            ("First_Slice", "did you mean first_slice"),
            ("lastslice", "did you mean last_slice"),
            ("Short_Z0", "did you mean short_z0"),
            ("short_x0_mm", "a short axis is given as the ends are, as short_z0"),
            ("inside_zyx", "give points in JSON"),
            ("Outside_mm", "give points in JSON"),
        ],
    )
    def test_a_column_that_would_be_lost_is_refused(self, write, column, words):
        names, cells = "z0,y0,x0,z1,y1,x1", "4,10,12,4,20,12"
        with pytest.raises(MarkError, match=f"column '{column}' is not read: {words}"):
            read_marks(write(f"{names},{column}\n{cells},2\n", "marks.csv"), GRID)
        table = dict(zip([*names.split(","), column], [*map(int, cells.split(",")), 2], strict=True))
        for form in (table, [table], {name: [cell] for name, cell in table.items()}):
            with pytest.raises(MarkError, match=f"column '{column}' is not read: {words}"):
                parse_marks(form, GRID)

    def test_columns_of_any_row_are_looked_at_and_numbers_are_no_uids(self):
        row = dict(zip(("z0", "y0", "x0", "z1", "y1", "x1"), (4, 10, 12, 4, 20, 12), strict=True))
        with pytest.raises(MarkError, match="column 'frist_slice' is not read"):
            parse_marks([{**row, "label": 1}, {**row, "x1": 13, "label": 2, "frist_slice": 3}], GRID)
        with pytest.raises(MarkError, match=r"row 1, column tracking_uid: 1\.25 must be a text"):
            parse_marks([{**row, "tracking_uid": 1.25}], GRID)
        (mark,) = parse_marks([{**row, "name": 12.0, "tracking_uid": float("nan")}], GRID)
        assert (mark.name, mark.tracking_uid) == ("12", "")
        (mark,) = parse_marks([{**row, "name": date(2025, 1, 31)}], GRID)
        assert mark.name == "2025-01-31"

    def test_other_columns_are_named(self, write):
        more = ["age", "short_axis_mm", "fname", "tracking_id", "finding_site", "f", "g"]
        text = f"{self.header.strip()},tracking_uid,{','.join(more)}\n1,4,10,12,4,20,12,1.2.3{',5' * 7}\n"
        marks = read_marks(write(text, "marks.csv"), GRID)
        assert marks == (RecistMark(1, LINE, "", "1.2.3"),)
        assert notes_of(marks) == (
            "columns not read: 'age, short_axis_mm, fname, tracking_id, finding_site' and 2 more",
        )

    @pytest.mark.parametrize(
        "column", ["case", "File_name", "image", "PatientID", "SeriesInstanceUID", "visit"]
    )
    def test_lines_of_several_scans_are_refused(self, write, column):
        lines = ["1,4,10,12,4,20,12,p0", "2,4,10,22,4,20,22,p1", "3,4,10,32,4,20,32,"]
        text = "\n".join([f"{self.header.strip()},{column}", *lines])
        words = f"column '{column}' has 2 different values, expected one: these are lines of several scans"
        with pytest.raises(MarkError, match=rf"marks\.csv: {words}") as refused:
            read_marks(write(text, "marks.csv"), GRID)
        assert "p0" not in str(refused.value)
        names = [*self.header.strip().split(","), column]
        rows = [
            dict(zip(names, [*map(int, cells[:-1]), cells[-1]], strict=True))
            for cells in (line.split(",") for line in lines)
        ]
        for form in (rows, {name: [row[name] for row in rows] for name in names}):
            with pytest.raises(MarkError, match=words):
                parse_marks(form, GRID)
        (mark,) = read_marks(write("\n".join([text.splitlines()[0], lines[0]]), "marks.csv"), GRID)
        assert mark == MARK

    @pytest.mark.parametrize("column", ["image_uid", "image_id", "ImageInstanceUID", "SOPInstanceUID"])
    def test_lines_on_several_slices_are_of_one_scan(self, write, column):
        text = f"{self.header.strip()},{column}\n1,4,10,12,4,20,12,1.2\n2,5,10,22,5,20,22,1.3\n"
        marks = read_marks(write(text, "marks.csv"), GRID)
        assert [mark.label for mark in marks] == [1, 2]
        assert notes_of(marks) == (f"columns not read: '{column}'",)

    def test_empty_columns_of_a_spreadsheet_are_passed_over(self, write):
        text = self.header.strip() + ",,\n1,4,10,12,4,20,12,,\n"
        assert read_marks(write(text, "marks.csv"), GRID) == (MARK,)


class TestMarkerVolume:
    def marker(self):
        marker = np.zeros((20, 30, 40), dtype=np.uint8)
        marker[4, 10:21, 12] = 1
        return marker

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
    @pytest.mark.parametrize("name", ["marks.nii", "marks.nii.gz"])
    def test_nifti(self, tmp_path, name, dtype):
        assert read_marks(marker_file(tmp_path / name, self.marker().astype(dtype)), GRID) == (MARK,)

    def test_npz_without_a_place(self, tmp_path):
        np.savez(tmp_path / "marks.npz", recist=self.marker())
        assert read_marks(tmp_path / "marks.npz", GRID) == (MARK,)

    def test_an_empty_one_has_no_mark(self, tmp_path):
        with pytest.raises(MarkError, match="no mark given"):
            read_marks(marker_file(tmp_path / "marks.nii.gz", 0 * self.marker()), GRID)

    def test_another_shape_is_refused_with_both(self, tmp_path):
        path = marker_file(tmp_path / "marks.nii.gz", self.marker()[1:])
        with pytest.raises(MarkError, match=r"marks\.nii\.gz: .*\(19, 30, 40\), the CT \(20, 30, 40\)"):
            read_marks(path, GRID)

    @pytest.mark.parametrize("moved_mm", [0.5, -0.8])
    def test_another_place_is_refused_with_both_affines(self, tmp_path, moved_mm):
        affine = files.AFFINE.copy()
        affine[0, 3] += moved_mm
        path = marker_file(tmp_path / "marks.nii.gz", self.marker(), affine)
        with pytest.raises(
            MarkError,
            match=rf"marker volume has another affine than the CT: .*{30 + moved_mm}.*, the CT's .*30\.0",
        ):
            read_marks(path, GRID)

    def test_a_lost_affine_is_refused(self, tmp_path):
        path = marker_file(tmp_path / "marks.nii.gz", self.marker(), np.eye(4))
        with pytest.raises(MarkError, match="another affine than the CT"):
            read_marks(path, GRID)

    def test_a_label_on_two_slices_is_refused(self, tmp_path):
        marker = self.marker()
        marker[5, 10, 12] = 1
        with pytest.raises(MarkError, match=r"marks\.nii\.gz: marker volume: .*4.*5"):
            read_marks(marker_file(tmp_path / "marks.nii.gz", marker), GRID)

    def test_labels_that_are_none_are_refused_once(self, tmp_path):
        path = marker_file(tmp_path / "marks.nii.gz", self.marker().astype(np.float32) * 1.5)
        with pytest.raises(MarkError, match=r"^\S*marks\.nii\.gz: labels must be whole numbers"):
            read_marks(path, GRID)

    def test_an_npz_without_recist(self, tmp_path):
        np.savez(tmp_path / "marks.npz", gts=self.marker())
        with pytest.raises(MarkError, match=r"marks\.npz: has no array 'recist'; it holds .*gts"):
            read_marks(tmp_path / "marks.npz", GRID)


class TestFileOrder:
    """Indices in a file of marks are the CT file's own (k, j, i), however its axes lie."""

    @pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
    def test_a_permuted_scan(self, tmp_path, write, axes):
        ends_ijk = np.array([[1, 2, 3], [4, 3, 1]])
        ends_ijk[1, axes.index(2)] = ends_ijk[0, axes.index(2)]  # the file's axis along the body
        path = files.save_nifti(tmp_path / "ct.nii.gz", affine=files.AFFINE[:, [*axes, 3]])
        ct, grid = read_ct(path)
        stored = files.voxels()
        content = {"marks": [{"label": 1, "endpoints_zyx": ends_ijk[:, ::-1].tolist()}]}
        (mark,) = read_marks(write(content), grid)
        values = [ct[tuple(int(p) for p in point)] for point in mark.endpoints_zyx]
        assert sorted(values) == sorted(stored[tuple(ijk)] for ijk in ends_ijk)

        write_marks(tmp_path / "copy.json", (mark,), grid)
        assert read_marks(tmp_path / "copy.json", grid) == (mark,)
        written = json.loads((tmp_path / "copy.json").read_text())["marks"][0]["endpoints_zyx"]
        assert sorted(written) == sorted(ends_ijk[:, ::-1].tolist())

        image = nib.load(path)
        marker = np.zeros(image.shape, dtype=np.uint8)
        for ijk in ends_ijk:
            marker[tuple(ijk)] = 1
        nib.save(nib.Nifti1Image(marker, image.affine), tmp_path / "marker.nii.gz")
        assert read_marks(tmp_path / "marker.nii.gz", grid) == (mark,)


@pytest.mark.parametrize("name", ["marks.json", "marks.csv", "marks.nii.gz", "marks.npz"])
def test_no_such_file(tmp_path, name):
    with pytest.raises(MarkError, match=rf"{name}: no such file"):
        read_marks(tmp_path / name, GRID)


@pytest.mark.parametrize("suffix", [".json", ".csv", ".nii", ".nii.gz", ".npz"])
def test_names_of_no_regular_file(tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(MarkError, match=rf"pipe{suffix}: is not a regular file"):
        read_marks(tmp_path / f"pipe{suffix}", GRID)
    with pytest.raises(MarkError, match="too long"):
        read_marks(tmp_path / ("a" * 300 + suffix), GRID)
    with pytest.raises(MarkError, match=r"a\\x00.*: is not a valid file name"):
        read_marks(tmp_path / f"a\0{suffix}", GRID)


def test_odd_names_of_marks_become_printable(write):
    (mark,) = read_marks(
        write(
            r'{"marks": [{"label": 1, "endpoints_zyx": [[1, 2, 3], [1, 3, 3]],'
            r' "name": "\ud800\n\u001b[31m Größe"}]}'
        ),
        GRID,
    )
    assert mark.name == r"\ud800\n\x1b[31m Größe"
    assert mark.name.encode()


def test_an_unknown_format(write):
    with pytest.raises(MarkError, match=r"marks\.txt: marks must be a file of type \.json, \.csv, \.nii"):
        read_marks(write("1 2 3", "marks.txt"), GRID)


def test_the_shared_marks_read(shared_data):
    for path in sorted(shared_data.glob("val/*/*/marks.json")):
        _, source = read_ct(path.with_name("ct.nii.gz"))
        given = json.loads(path.read_text())["marks"]
        for mark, expected in zip(read_marks(path, source), given, strict=True):
            assert mark.length_mm(source.grid.spacing_mm) == pytest.approx(expected["length_mm"], abs=0.01)


PROMPTED = RecistMark(
    1, LINE, "node", short_axis_zyx=((4, 15, 9), (4, 15, 15)), first_slice=2, last_slice=7,
    inside_zyx=((3, 14, 12.5),), outside_zyx=((9, 14, 12), (4, 1, 1)),
)  # fmt: skip


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_slices_and_points_come_back_whatever_the_files_axis_order(tmp_path, axes):
    affine = files.AFFINE.copy()
    affine[:, :3] = affine[:, list(axes)]
    shape_ijk = tuple(np.array((40, 30, 20))[list(axes)])
    source = ScanSource.from_file_affine(shape_ijk, affine)
    assert source.grid.shape_zyx == (20, 30, 40)
    write_marks(tmp_path / "marks.json", [PROMPTED], source)
    assert read_marks(tmp_path / "marks.json", source) == (PROMPTED,)
    written = json.loads((tmp_path / "marks.json").read_text())["marks"][0]
    assert (written["first_slice"], written["last_slice"]) == (2, 7)
    stored = np.array(written["inside_zyx"][0])
    np.testing.assert_array_equal(source.points_to_file([[3, 14, 12.5]])[0], stored)


@pytest.mark.parametrize("frame", ["ras", "lps"])
def test_a_file_of_3d_slicer_says_its_frame_itself(write, frame):
    points = [{"position": [1.0, 2.0, 3.0]}, {"position": [9.0, 2.0, 3.0]}]
    content = {"markups": [{"type": "Line", "coordinateSystem": "LPS", "controlPoints": points}]}
    for given in (write(json.dumps(content), "lines.mrk.json"), content):
        with pytest.raises(
            MarkError, match=f'3D Slicer knows where its lines lie: leave marks_in="{frame}" out'
        ):
            parse_marks(given, GRID, frame)


def test_points_may_be_given_in_millimetres(write):
    in_mm = GRID.voxel_to_mm([[4, 12, 12], [4, 15, 9], [4, 15, 15]]).tolist()
    (mark,) = read_marks(write(entry(inside_mm=in_mm[:1], short_axis_mm=in_mm[1:])), GRID)
    np.testing.assert_allclose(mark.inside_zyx, [(4, 12, 12)], atol=1e-9)
    np.testing.assert_allclose(mark.short_axis_zyx, [(4, 15, 9), (4, 15, 15)], atol=1e-9)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"first_slice": "three"}, "first_slice must be the whole number of a slice"),
        ({"last_slice": 7.5}, "last_slice must be the whole number of a slice"),
        ({"inside_zyx": [4, 12, 12]}, "inside_zyx must be a list of points of three finite numbers"),
        ({"outside_zyx": [[4, 12, True]]}, "outside_zyx must be a list of points"),
        ({"inside_zyx": [[4, 12, 12]], "inside_mm": [[0, 0, 0]]}, "has both inside_zyx and inside_mm"),
        ({"first_slice": 30}, "first_slice 30 lies after the line's slice"),
        ({"last_slice": 30}, "last_slice 30 lies outside the volume"),
    ],
)
def test_bad_slices_and_points_are_named(write, given, words):
    with pytest.raises(MarkError, match=words):
        read_marks(write(entry(**given)), GRID)


def test_csv_columns_of_slices_and_short_axis_may_be_empty(write):
    columns = (
        "label,z0,y0,x0,z1,y1,x1,first_slice,last_slice,short_z0,short_y0,short_x0,short_z1,short_y1,short_x1"
    )
    rows = ["1,4,10,12,4,20,12,2,,4,15,9,4,15,15", "2,4,10,14,4,20,14,,7.0,,,,,,"]
    first, second = read_marks(write("\n".join([columns, *rows]), "marks.csv"), GRID)
    assert (first.first_slice, first.last_slice) == (2, None)
    assert first.short_axis_zyx == ((4, 15, 9), (4, 15, 15))
    assert (second.first_slice, second.last_slice, second.short_axis_zyx) == (None, 7, None)
    half = write("\n".join([columns, "1,4,10,12,4,20,12,,,4,15,,,,"]), "half.csv")
    with pytest.raises(MarkError, match=r"line 2: a short axis needs all of .*; short_x0 is empty"):
        read_marks(half, GRID)

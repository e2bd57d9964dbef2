"""No command writes over or into what it reads, whatever the file is called there."""

import os

import pytest

from lite_ensam.core.errors import OutputError
from lite_ensam.io.outputs import check_outputs, refuse_inputs
from lite_ensam.io.report_files import write_report


@pytest.fixture
def series(tmp_path):
    """A folder of slices, one of them a link to a file elsewhere."""
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "019.dcm").write_bytes(b"slice")
    (tmp_path / "elsewhere.dcm").write_bytes(b"slice")
    (folder / "020.dcm").symlink_to(tmp_path / "elsewhere.dcm")
    return folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("series", "it is one of the inputs"),
        ("series/019.dcm", "it lies inside the input folder"),
        ("series/new/mask.dcm", "it lies inside the input folder"),
        ("link_to_series/mask.dcm", "it lies inside the input folder"),
        ("elsewhere.dcm", r"it is .*series/020\.dcm, a file of an input folder"),
        ("hard_link.dcm", r"it is .*series/019\.dcm, a file of an input folder"),
        ("link.dcm", "it lies inside the input folder"),
    ],
)
def test_an_input_folder_is_left_alone(tmp_path, series, name, message):
    (tmp_path / "link_to_series").symlink_to(series)
    (tmp_path / "link.dcm").symlink_to(series / "019.dcm")
    os.link(series / "019.dcm", tmp_path / "hard_link.dcm")
    with pytest.raises(OutputError, match=rf"cannot write .*{name}: {message}"):
        refuse_inputs([tmp_path / name], [None, series])


@pytest.mark.parametrize("name", ["lines.mrk.json", "A.MRK.JSON"])
def test_no_json_is_written_under_3d_slicers_suffix(tmp_path, name):
    message = r"cannot write .*: \.mrk\.json is 3D Slicer's format, which is only read; name the file \.json"
    with pytest.raises(OutputError, match=message):
        check_outputs([(tmp_path / name, (".json",))])
    with pytest.raises(OutputError, match=message):
        write_report(tmp_path / name, {"a": 1})
    assert list(tmp_path.iterdir()) == []


def test_other_places_may_be_written(tmp_path, series):
    (tmp_path / "series.nii.gz").write_bytes(b"old")
    (tmp_path / "marks.json").write_bytes(b"{}")
    outputs = [("series.nii.gz", (".nii.gz",)), ("series2.json", (".json",)), (None, ())]
    check_outputs(
        [(name and tmp_path / name, suffixes) for name, suffixes in outputs],
        [series, tmp_path / "marks.json", tmp_path / "nowhere"],
        overwrite=True,
    )


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_an_input_under_another_name_is_an_input(tmp_path, link):
    (tmp_path / "ct.nii.gz").write_bytes(b"scan")
    link(tmp_path / "ct.nii.gz", tmp_path / "mask.nii.gz")
    with pytest.raises(OutputError, match=r"mask\.nii\.gz: it is one of the inputs"):
        check_outputs([(tmp_path / "mask.nii.gz", ())], [tmp_path / "ct.nii.gz"], overwrite=True)


@pytest.mark.parametrize(
    "names", [("x.dcm", "x.dcm"), ("x.dcm", "X.DCM"), ("x.dcm", "there/x.dcm"), ("a", "b")]
)
def test_two_outputs_are_two_files(tmp_path, names):
    (tmp_path / "there").symlink_to(tmp_path)
    (tmp_path / "a").write_bytes(b"")
    os.link(tmp_path / "a", tmp_path / "b")
    with pytest.raises(OutputError, match=rf"{names[1]}: it is the same file as the output .*{names[0]}"):
        check_outputs([(tmp_path / name, ()) for name in names], overwrite=True)


def test_a_name_that_no_file_can_have_is_said(tmp_path):
    with pytest.raises(OutputError, match="is not a valid file name"):
        check_outputs([(tmp_path / "a\0b", ())], [tmp_path])

import errno
import io
import os
import shutil
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from lite_ensam.core.errors import ArgumentError, OutputError
from lite_ensam.core.grid import Grid
from lite_ensam.core.recist import RecistMark
from lite_ensam.io import atomic, check_output, make_folder, write_ct, write_marks, write_mask, write_report
from lite_ensam.io.atomic import atomic_folder, atomic_write, sweep_leftovers

GRID = Grid.from_spacing((8, 64, 64), (1, 1, 1))
NOISE = np.random.default_rng(0).integers(0, 60000, GRID.shape_zyx).astype(np.uint16)

WRITERS = {
    "mask.nii": lambda path, **kw: write_mask(path, NOISE, GRID, **kw),
    "mask.nii.gz": lambda path, **kw: write_mask(path, NOISE, GRID, **kw),
    "mask.npz": lambda path, **kw: write_mask(path, NOISE, GRID, **kw),
    "ct.nii.gz": lambda path, **kw: write_ct(path, NOISE, GRID, **kw),
    "marks.json": lambda path, **kw: write_marks(
        path, [RecistMark(n, ((1, 2, n / 50), (1, 9, 3))) for n in range(1, 1001)], GRID, **kw
    ),
    "report.json": lambda path, **kw: write_report(path, {"numbers": list(range(30000))}, **kw),
}


@pytest.fixture(params=WRITERS)
def writer(request):
    """Name of a file, and what writes it."""
    return request.param, WRITERS[request.param]


class FullDisk(io.FileIO):
    """A new file on a disk with room for 1,000 bytes."""

    room = 1000

    def write(self, content):
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(memoryview(content)[: self.room])
        self.room -= written
        return written


class TestWriters:
    @pytest.mark.parametrize("path", [5, None, b"mask.nii.gz"])
    def test_what_is_no_path_is_named(self, writer, path):
        with pytest.raises(ArgumentError, match="path must be a text or a path"):
            writer[1](path)

    def test_only_true_replaces_a_file(self, tmp_path, writer):
        name, write = writer
        (tmp_path / name).write_bytes(b"old")
        with pytest.raises(ArgumentError, match="overwrite must be True or False, got 'no'"):
            write(tmp_path / name, overwrite="no")
        assert (tmp_path / name).read_bytes() == b"old"

    def test_a_full_disk_leaves_nothing(self, tmp_path, monkeypatch, writer):
        name, write = writer
        monkeypatch.setattr(atomic, "_create", lambda path: io.BufferedWriter(FullDisk(path, "x")))
        with pytest.raises(OutputError, match=rf"cannot write .*{name}: the disk is full"):
            write(tmp_path / name)
        assert not list(tmp_path.iterdir())

    def test_a_full_disk_leaves_the_old_file(self, tmp_path, monkeypatch, writer):
        name, write = writer
        (tmp_path / name).write_bytes(b"old")
        monkeypatch.setattr(atomic, "_create", lambda path: io.BufferedWriter(FullDisk(path, "x")))
        with pytest.raises(OutputError, match="the disk is full"):
            write(tmp_path / name, overwrite=True)
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_bytes() == b"old"

    def test_a_really_full_disk(self, tmp_path, writer):
        name, write = writer
        disk = tmp_path / "disk"
        disk.mkdir()
        if (
            not shutil.which("mount")
            or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], capture_output=True, check=False
            ).returncode
        ):
            pytest.skip("a tiny disk cannot be mounted here")
        try:
            with pytest.raises(OutputError, match="the disk is full"):
                write(disk / name)
            assert not list(disk.iterdir())
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_a_missing_folder(self, tmp_path, writer):
        name, write = writer
        with pytest.raises(OutputError, match=rf"cannot write .*{name}: the folder .*nowhere does not exist"):
            write(tmp_path / "nowhere" / name)

    def test_a_file_in_place_of_the_folder(self, tmp_path, writer):
        name, write = writer
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(OutputError, match="is not a folder"):
            write(tmp_path / "file" / name)

    def test_an_existing_file_is_kept(self, tmp_path, writer):
        name, write = writer
        (tmp_path / name).write_bytes(b"old")
        with pytest.raises(
            OutputError, match=rf"^\S*{name} exists; it is replaced only with overwrite=True$"
        ):
            write(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"old"
        write(tmp_path / name, overwrite=True)
        assert len((tmp_path / name).read_bytes()) > 3

    def test_only_the_file_itself_appears(self, tmp_path, writer):
        name, write = writer
        write(tmp_path / name)
        assert [path.name for path in tmp_path.iterdir()] == [name]


class TestAtomicWrite:
    def test_an_exception_inside_leaves_nothing(self, tmp_path):
        def interrupted():
            with atomic_write(tmp_path / "a") as file:
                file.write(b"half")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert not list(tmp_path.iterdir())

    def test_the_target_appears_only_when_whole(self, tmp_path):
        with atomic_write(tmp_path / "a") as file:
            file.write(b"half")
            file.flush()
            assert not (tmp_path / "a").exists()
        assert (tmp_path / "a").read_bytes() == b"half"

    def test_a_file_that_appears_meanwhile_is_kept(self, tmp_path):
        def overtaken():
            with atomic_write(tmp_path / "a") as file:
                file.write(b"ours")
                (tmp_path / "a").write_bytes(b"theirs")

        with pytest.raises(OutputError, match="exists"):
            overtaken()
        assert (tmp_path / "a").read_bytes() == b"theirs"
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_read_only_folder(self, tmp_path, monkeypatch):
        # Root may write everywhere, so the folder is only said to be read-only.
        monkeypatch.setattr(atomic.os, "access", lambda *_: False)
        with pytest.raises(OutputError, match=r"cannot write .*a\.nii: the folder .* is read-only"):
            check_output(tmp_path / "a.nii")

    @pytest.mark.parametrize(
        ("number", "words"),
        [(errno.EROFS, "read-only"), (errno.EACCES, "no permission"), (errno.EIO, "rror")],
    )
    def test_what_the_system_says_is_said_plainly(self, tmp_path, monkeypatch, number, words):
        def refuse(path):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(atomic, "_create", refuse)
        with pytest.raises(OutputError, match=words), atomic_write(tmp_path / "a"):
            pass

    def test_a_rename_that_fails_leaves_nothing(self, tmp_path, monkeypatch):
        def refuse(source, target):
            raise PermissionError(errno.EACCES, "no")

        monkeypatch.setattr(atomic.os, "replace", refuse)
        with pytest.raises(OutputError, match="no permission"), atomic_write(tmp_path / "a") as file:
            file.write(b"x")
        assert not list(tmp_path.iterdir())

    def test_a_folder_is_no_file(self, tmp_path):
        (tmp_path / "a").mkdir()
        with pytest.raises(OutputError, match="it is a folder"):
            check_output(tmp_path / "a", overwrite=True)

    def test_a_name_too_long(self, tmp_path):
        with pytest.raises(OutputError, match="name is too long"):
            check_output(tmp_path / ("a" * 300))

    def test_a_long_name_that_fits(self, tmp_path):
        with atomic_write(tmp_path / ("a" * 250)) as file:
            file.write(b"x")
        assert len(list(tmp_path.iterdir())) == 1

    def test_a_link_is_followed(self, tmp_path):
        (tmp_path / "real").write_bytes(b"old")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        with atomic_write(tmp_path / "link", overwrite=True) as file:
            file.write(b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_bytes() == b"new"

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_what_is_no_file_is_never_replaced(self, tmp_path, overwrite):
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "to_pipe").symlink_to("pipe")
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "dangling").symlink_to("nowhere")
        (tmp_path / "folder").mkdir()
        (tmp_path / "to_folder").symlink_to("folder")
        before = sorted(tmp_path.iterdir())
        for name, message in {
            "pipe": "is not a regular file",
            "to_pipe": "is not a regular file",
            "loop": "link that leads to itself",
            "dangling": "link that leads nowhere",
            "to_folder": "it is a folder",
        }.items():
            for write in (check_output, lambda *args: atomic_write(*args).__enter__()):
                with pytest.raises(OutputError, match=rf"^cannot write .*{name}: .*{message}"):
                    write(tmp_path / name, overwrite)
        assert sorted(tmp_path.iterdir()) == before
        assert (tmp_path / "dangling").is_symlink()

    def test_a_link_to_a_file_needs_overwrite_too(self, tmp_path):
        (tmp_path / "real").write_bytes(b"old")
        (tmp_path / "link").symlink_to("real")
        with pytest.raises(OutputError, match="link exists"):
            check_output(tmp_path / "link")

    def test_a_name_that_is_none(self, tmp_path):
        for name in ("a\0b", "a\ud800"):
            with pytest.raises(OutputError, match=r"a\\(x00b|ud800): it is not a valid file name"):
                check_output(tmp_path / name)

    def test_others_may_read_it_as_the_umask_says(self, tmp_path):
        old = os.umask(0o022)
        try:
            with atomic_write(tmp_path / "a") as file:
                file.write(b"x")
        finally:
            os.umask(old)
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o644

    def test_suffixes_are_checked_first(self, tmp_path):
        check_output(tmp_path / "A.NII.GZ", suffixes=(".nii", ".nii.gz"))
        with pytest.raises(OutputError, match=r"must end in \.nii or \.nii\.gz"):
            check_output(tmp_path / "nowhere" / "a.txt", suffixes=(".nii", ".nii.gz"))


class TestLeftovers:
    WRITE_AND_DIE = """
import os, sys
from pathlib import Path
from lite_ensam.io import atomic_write
with atomic_write(Path(sys.argv[1]) / "a") as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), 9)
"""

    def leave(self, folder):
        """What a killed process leaves, old enough for its lock to count."""
        subprocess.run([sys.executable, "-c", self.WRITE_AND_DIE, folder], check=False)
        (left,) = folder.glob(".lite-ensam-*.tmp")
        os.utime(left, (time.time() - 2,) * 2)
        return left

    def test_what_a_killed_process_left_is_swept_by_the_next_that_writes(self, tmp_path):
        self.leave(tmp_path)
        with atomic_write(tmp_path / "b") as file:
            file.write(b"x")
        assert [path.name for path in tmp_path.iterdir()] == ["b"]

    def test_a_file_that_is_being_written_stays(self, tmp_path):
        with atomic_write(tmp_path / "a") as file:
            file.write(b"x")
            file.flush()
            (mine,) = tmp_path.iterdir()
            os.utime(mine, (time.time() - 7200,) * 2)
            sweep_leftovers(tmp_path)
            assert mine.exists()

    def test_files_of_another_machine_and_of_other_programs_stay_for_an_hour_and_for_ever(self, tmp_path):
        theirs, old, other = (
            tmp_path / name
            for name in (".lite-ensam-00000000-1.tmp", ".lite-ensam-00000000-2.tmp", "notes.tmp")
        )
        for path, age in ((theirs, 600), (old, 7200), (other, 7200)):
            path.write_bytes(b"x")
            os.utime(path, (time.time() - age,) * 2)
        sweep_leftovers(tmp_path)
        assert sorted(tmp_path.iterdir()) == [theirs, other]
        sweep_leftovers(tmp_path, alone=True)
        assert list(tmp_path.iterdir()) == [other]


class TestFolders:
    def test_whole_or_not_at_all(self, tmp_path):
        with atomic_folder(tmp_path / "made") as folder:
            (folder / "a").write_text("1")
            assert not (tmp_path / "made").exists()
        assert [path.name for path in (tmp_path / "made").iterdir()] == ["a"]
        with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "failed") as folder:
            (folder / "none" / "a").write_text("1")
        assert [path.name for path in tmp_path.iterdir()] == ["made"]

    def test_what_is_there_stays(self, tmp_path):
        (tmp_path / "there").symlink_to(tmp_path / "nowhere")
        (tmp_path / "nowhere").mkdir()
        (tmp_path / "nowhere" / "theirs").touch()
        with (
            pytest.raises(OutputError, match=r"cannot write .*there: it exists"),
            atomic_folder(tmp_path / "there"),
        ):
            pass
        with pytest.raises(OutputError, match="none"), atomic_folder(tmp_path / "none" / "made"):
            pass
        with pytest.raises(OutputError, match="made"), atomic_folder(tmp_path / "made"):
            shutil.copytree(tmp_path / "nowhere", tmp_path / "made")  # by somebody else, meanwhile
        assert (tmp_path / "made" / "theirs").is_file()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "nowhere", "there"]

    @pytest.mark.skipif(atomic.fcntl is None, reason="Windows has no locks of folders")
    def test_those_of_killed_processes_are_swept_others_are_not(self, tmp_path):
        name = atomic._temporary(tmp_path / "x").name
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
        with atomic_folder(tmp_path / "made") as folder:
            for one in (folder, tmp_path / name):
                os.utime(one, (time.time() - 60,) * 2)
            sweep_leftovers(tmp_path)
            assert folder.is_dir()
            assert not (tmp_path / name).exists()
        assert (tmp_path / "made").is_dir()


class TestMadeFolders:
    def test_new_ones_are_named_the_deepest_first(self, tmp_path):
        assert make_folder(tmp_path / "a" / "b") == [tmp_path / "a" / "b", tmp_path / "a"]
        assert (tmp_path / "a" / "b").is_dir()
        assert make_folder(tmp_path / "a" / "b") == []
        assert make_folder(str(tmp_path / "a" / "c"), parents=False) == [tmp_path / "a" / "c"]

    @pytest.mark.parametrize(
        ("name", "parents", "reason"),
        [
            ("file", True, "a file of this name is there"),
            ("file/folder", True, "a part of its path is a file"),
            ("new/folder", False, "No such file or directory"),
            ("n" * 300, True, "the file name is too long"),
            (f"new/{'n' * 300}", True, "the file name is too long"),
            ("null\0", True, "null"),
        ],
    )
    def test_those_that_cannot_be_are_refused_with_the_reason(self, tmp_path, name, parents, reason):
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match=f"cannot make the folder .*: .*{reason}"):
            make_folder(tmp_path / name, parents=parents)
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from lite_ensam.engines import graph_cache, load_backend
from lite_ensam.engines.openvino_backend import OpenVinoBackend

needs_owners = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no owners and modes like these"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return graph_cache.cache_folder()


def test_what_is_written_is_read_and_damage_is_nothing(folder: Path) -> None:
    assert graph_cache.read("a") is None
    graph_cache.write("a", b"compiled")
    assert graph_cache.read("a") == b"compiled"
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"D")
    assert graph_cache.read("a") is None
    file.write_bytes(b"")
    assert graph_cache.read("a") is None


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")
    graph_cache.write("a", b"compiled")
    assert graph_cache.read("a") is None


@needs_owners
def test_the_folder_is_the_users_alone(folder: Path) -> None:
    graph_cache.write("a", b"compiled")
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@needs_owners
@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_may_write_is_not_read(folder: Path, mode: int) -> None:
    graph_cache.write("a", b"compiled")
    folder.chmod(mode)
    assert graph_cache.read("a") is None
    folder.chmod(0o755)
    assert graph_cache.read("a") == b"compiled"


@needs_owners
@pytest.mark.parametrize("mode", [0o660, 0o602])
def test_a_file_that_others_may_write_is_not_read(folder: Path, mode: int) -> None:
    graph_cache.write("a", b"compiled")
    (file,) = folder.iterdir()
    file.chmod(mode)
    assert graph_cache.read("a") is None


@needs_owners
def test_what_belongs_to_somebody_else_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph_cache.write("a", b"compiled")
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    assert graph_cache.read("a") is None


@needs_owners
def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    graph_cache.write("a", b"compiled")
    (file,) = folder.iterdir()
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert graph_cache.read("a") is None
    file.unlink()
    elsewhere.rename(file)
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    assert graph_cache.read("a") is None


def test_one_graph_is_not_taken_for_another(folder: Path) -> None:
    graph_cache.write("a", b"compiled")
    (file,) = folder.iterdir()
    file.rename(folder / file.name.replace("a", "b", 1))
    assert graph_cache.read("b") is None


def test_the_newest_graphs_stay(folder: Path) -> None:
    for n in range(20):
        graph_cache.write(f"graph{n:02}", b"compiled")
    assert len(list(folder.iterdir())) == 16
    assert graph_cache.read("graph19") == b"compiled"


def test_the_key_changes_with_every_fact() -> None:
    assert len({graph_cache.key_of(facts) for facts in ((1, 2), (2, 1), (1, 2, 3), (12,))}) == 4


def test_a_kept_graph_gives_the_same_logits_and_rubbish_is_compiled_anew(folder: Path) -> None:
    shape = (1, len(load_backend("openvino").manifest.patch.channels), 8, 8, 8)
    values = np.random.default_rng(0).random(shape, dtype=np.float32)
    ends = np.array([[[4, 1, 1], [4, 6, 6]]], np.float32)
    compiled = load_backend("openvino").logits(values, ends)
    (file,) = folder.glob("*.openvino")
    np.testing.assert_array_equal(load_backend("openvino").logits(values, ends), compiled)
    graph_cache.write(file.stem, b"not what openvino wrote")
    backend = load_backend("openvino")
    assert isinstance(backend, OpenVinoBackend)
    np.testing.assert_array_equal(backend.logits(values, ends), compiled)


def test_a_kept_graph_for_other_patches_is_compiled_anew(folder: Path) -> None:
    def logits(side: int) -> np.ndarray:
        backend = load_backend("openvino")
        values = np.zeros((1, len(backend.manifest.patch.channels), side, side, side), np.float32)
        return backend.logits(values, np.array([[[4, 1, 1], [4, 6, 6]]], np.float32))

    logits(8)
    (small,) = folder.iterdir()
    right = logits(16)
    (large,) = set(folder.iterdir()) - {small}
    graph_cache.write(large.stem, graph_cache.read(small.stem) or b"")
    np.testing.assert_array_equal(logits(16), right)

from pathlib import Path

import numpy as np
import pytest

from lite_ensam.core.patch_config import LINE_CHANNELS
from lite_ensam.engines import graph_cache as model_cache
from lite_ensam.engines import load_backend
from lite_ensam.engines.openvino_backend import OpenVinoBackend


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return model_cache.cache_folder()


def test_what_is_written_is_read_and_damage_is_nothing(folder: Path) -> None:
    assert model_cache.read("a") is None
    model_cache.write("a", b"compiled")
    assert model_cache.read("a") == b"compiled"
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-1] + b"D")
    assert model_cache.read("a") is None
    file.write_bytes(b"")
    assert model_cache.read("a") is None


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")
    model_cache.write("a", b"compiled")
    assert model_cache.read("a") is None


def test_the_newest_graphs_stay(folder: Path) -> None:
    for n in range(20):
        model_cache.write(f"graph{n:02}", b"compiled")
    assert len(list(folder.iterdir())) == 16
    assert model_cache.read("graph19") == b"compiled"


def test_the_key_changes_with_every_fact() -> None:
    assert len({model_cache.key_of(facts) for facts in ((1, 2), (2, 1), (1, 2, 3), (12,))}) == 4


def test_a_kept_graph_gives_the_same_logits_and_rubbish_is_compiled_anew(folder: Path) -> None:
    values = np.random.default_rng(0).random((1, len(LINE_CHANNELS), 8, 8, 8), dtype=np.float32)
    ends = np.array([[[4, 1, 1], [4, 6, 6]]], np.float32)
    compiled = load_backend("openvino").logits(values, ends)
    (file,) = folder.glob("*.openvino")
    np.testing.assert_array_equal(load_backend("openvino").logits(values, ends), compiled)
    model_cache.write(file.stem, b"not what openvino wrote")
    backend = load_backend("openvino")
    assert isinstance(backend, OpenVinoBackend)
    np.testing.assert_array_equal(backend.logits(values, ends), compiled)

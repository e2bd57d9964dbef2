"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# Other work may share the machine: a slow example is no failure.
settings.register_profile("lite-ensam", deadline=None)
settings.load_profile("lite-ensam")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real scans beside the repository; tests that need it are skipped without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real scans are not here: no folder {folder}")
    return folder


def _with_shapes() -> list[str]:
    """Modules whose array annotations are checked at every call; a config checks its own values."""
    package = Path(__file__).resolve().parents[1] / "python" / "lite_ensam"
    files = [file for part in ("model", "training") for file in sorted((package / part).glob("*.py"))]
    return [
        f"lite_ensam.{file.parent.name}.{file.stem}"
        for file in files
        if file.stem not in ("__init__", "config")
    ]


# Before any test imports them: a module that is already loaded stays unchecked.
install_import_hook(_with_shapes(), "beartype.beartype")

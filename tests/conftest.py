"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

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

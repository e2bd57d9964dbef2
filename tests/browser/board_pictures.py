"""Pictures of the tumour board's page for docs/guide/trials.md: of the example study, and of three segmented visits.

python -m tests.browser.board_pictures
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.jupyter_server import CHROMIUM_ARGUMENTS, chromium

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
N_SLICES = 100


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run("-m", "lite_ensam", "demo", folder / "study", "--study")
        run(ROOT / "benchmarks" / "visits_to_tables.py", folder, N_SLICES)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
            page = browser.new_page(viewport={"width": 900, "height": 1000})
            for board, image in (("study", "board.png"), ("out", "board_slices.png")):
                page.goto((folder / board / "board.html").as_uri())
                page.locator("section.sheet").first.screenshot(path=IMAGES / image)
            browser.close()


def run(*command: object) -> None:
    subprocess.run([sys.executable, *map(str, command)], check=True)


if __name__ == "__main__":
    main()

"""What the documents point to is there: links, and the files that the paper's sections are mapped to."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = (ROOT / "python" / "lite_ensam", ROOT / "rust" / "kernels" / "src")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_files_named_beside_the_papers_sections_exist() -> None:
    text = (ROOT / "docs" / "paper_to_code.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+(?:\.py|\.rs|/))`", text)
    assert named
    assert [name for name in named if not any((folder / name).exists() for folder in SOURCES)] == []

"""A newcomer's fifteen questions are answered within two clicks from the README and from the site's home page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MOST_CLICKS = 2

ANSWERS = {
    "How do I install it without Rust?": ("start/install.md", "From a wheel: no Rust", "pip install"),
    "Which formats does it read and write?": ("guide/inputs.md", "Scans as files", "NIfTI"),
    "How do I give a line?": ("guide/marks.md", "Where lines come from", "--line"),
    "In which coordinates?": ("guide/marks.md", "Coordinates", "counted from 0"),
    "My scan is a nibabel image. How do I use it?": ("guide/inputs.md", "Scans in Python", "nibabel"),
    "How accurate is it for liver?": ("explanation/accuracy.md", "Liver and other organs", "not measured"),
    "What does a flag mean?": ("guide/measuring.md", "Flags", "touches_edge"),
    "How do I correct a mask?": ("guide/corrections.md", "In the viewer", "not tumour"),
    "How do I get a DICOM SEG into my PACS?": ("guide/pacs.md", "Results into the archive", "--to"),
    "How is response computed, and which rules did you choose?": (
        "guide/response.md",
        "Rules",
        "smallest sum",
    ),
    "How do I run 10,000 scans?": ("guide/cohorts.md", "Cohorts", "lite-ensam cohort"),
    "How do I train on my data?": ("guide/training.md", "Data", "labels.nii.gz"),
    "How do I use my weights?": ("guide/weights.md", "Use your own weights", "--weights"),
    "What leaves my machine?": ("explanation/privacy.md", "Data that leaves your machine", "Nothing"),
    "May I use it on patients?": ("explanation/model_card.md", "Model card", "not a medical device"),
}
"""Page, heading and a piece of the text below it, for each question as the FAQ asks it."""


def section(page: Path, heading: str) -> str:
    """The text from a heading to the next one."""
    parts = re.split(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return next(text for name, text in zip(parts[1::2], parts[2::2], strict=True) if name.startswith(heading))


def anchor(heading: str) -> str:
    """As the site's table of contents makes it."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def links(text: str, folder: Path) -> Iterator[Path]:
    """Pages that a page links to."""
    for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+\.md)", text):
        yield (folder / target).resolve()


def navigation() -> dict[str, list[Path]]:
    """Pages of each tab of the site, in their order; a list within a tab is folded and not counted."""
    block = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    tabs: dict[str, list[Path]] = {}
    for indent, name, page in re.findall(r"^( +)- (?:([^:\n]+):)? ?(\S+\.md)?$", block, flags=re.MULTILINE):
        if len(indent) == 2:
            tab = tabs.setdefault(name or page, [])
        if page and len(indent) in (2, 6):
            tab.append(DOCS / page)
    return tabs


def one_click(page: Path) -> set[Path]:
    """Pages that one click leads to: links, and on the site its tabs and the list beside the page."""
    reached = set(links(page.read_text(encoding="utf-8"), page.parent))
    if page.is_relative_to(DOCS):
        for tab in navigation().values():
            reached |= set(tab if page in tab else tab[:1])
    return {one for one in reached if one.exists()}


@pytest.mark.parametrize("start", ["README.md", "docs/index.md"])
def test_every_answer_is_two_clicks_away(start: str) -> None:
    clicks = {ROOT / start: 0}
    for n in range(1, MOST_CLICKS + 1):
        for page in [one for one, before in clicks.items() if before == n - 1]:
            clicks |= dict.fromkeys(one_click(page) - clicks.keys(), n)
    assert [question for question, (page, *_) in ANSWERS.items() if DOCS / page not in clicks] == []


@pytest.mark.parametrize("question", ANSWERS)
def test_the_answer_is_below_its_heading_and_the_faq_leads_there(question: str) -> None:
    page, heading, words = ANSWERS[question]
    assert words in section(DOCS / page, heading)
    title = (DOCS / page).read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    address = page if title.startswith(heading) else f"{page}#{anchor(heading)}"
    assert f"]({address})" in section(DOCS / "faq.md", question)


def test_the_navigation_is_read() -> None:
    """Or else the clicks above were counted without it."""
    tabs: dict[str, Any] = navigation()
    assert DOCS / "guide/training.md" in tabs["User guide"]
    assert tabs["FAQ"] == [DOCS / "faq.md"]
    developers = tabs["Developers"]
    assert developers[0] == DOCS / "developer/index.md"
    assert not [page for page in developers if "decisions" in page.parts], "these are not answers"

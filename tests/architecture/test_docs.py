"""What the documents point to is there: links, and the files that the paper's sections are mapped to."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from lite_ensam.cohort.tables import CASES, TIMING, TUMORS
from lite_ensam.datasets.manifest_table import MANIFEST_COLUMNS
from lite_ensam.evaluation.scores import MaskScore, TumorScore
from lite_ensam.measurements import measure
from tests.phantoms import ellipsoid_case

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
GALLERY = ROOT / "docs" / "gallery"
TESTS = ROOT / "tests"
SOURCES = (ROOT / "python" / "lite_ensam", ROOT / "rust" / "kernels" / "src")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    # pages of the gallery are made from the notebooks when the site is built
    made = {GALLERY / f"{notebook.stem}.md" for notebook in (ROOT / "notebooks").glob("*.ipynb")}
    there = [
        link
        for link in links
        if (document.parent / link).exists() or (document.parent / link).resolve() in made
    ]
    assert [link for link in links if link not in there] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_sources_that_a_document_names_exist(document: Path) -> None:
    named = re.findall(r"`([\w/]+/\w+\.(?:py|rs|js))(?:::\w+)?`", document.read_text(encoding="utf-8"))
    folders = (ROOT, *SOURCES, TESTS)
    assert [name for name in named if not any((folder / name).exists() for folder in folders)] == []


def test_files_named_beside_the_papers_sections_exist() -> None:
    text = (ROOT / "docs" / "developer" / "paper_to_code.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+(?:\.py|\.rs|/))`", text)
    assert named
    assert [name for name in named if not any((folder / name).exists() for folder in (*SOURCES, TESTS))] == []


def columns_of_measure() -> set[str]:
    case = ellipsoid_case()
    assert case.reference is not None
    return set(measure(case.reference, case.marks, case.grid.spacing_mm, case.ct)[0].all_numbers())


@pytest.mark.parametrize(
    ("document", "columns"),
    [
        ("cohorts.md", {*CASES, *TUMORS, *TIMING}),
        ("cohorts.md", set(MANIFEST_COLUMNS) - {"source", "split"}),
        ("measuring.md", columns_of_measure()),
        ("evaluation.md", {one.name for kind in (TumorScore, MaskScore) for one in fields(kind)} - {"score"}),
    ],
)
def test_every_column_of_a_table_is_explained(document: str, columns: set[str]) -> None:
    lines = (ROOT / "docs" / "guide" / document).read_text(encoding="utf-8").splitlines()
    named = {
        name
        for line in lines
        if line.startswith("| ")
        for cell in line.split(" | ")[:2]
        for name in re.findall(r"`(\w+)`", cell)
    }
    assert columns - named == set()


def test_every_row_of_the_paper_names_tests_that_are_there() -> None:
    text = (
        (ROOT / "docs" / "developer" / "paper_to_code.md").read_text(encoding="utf-8").partition("\n## ")[0]
    )
    rows = [row.split("|") for row in text.splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        proofs = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", row[4])
        assert proofs, row[2]
        for file, name in proofs:
            source = (TESTS / file).read_text(encoding="utf-8")
            assert not name or re.search(rf"^(def|class) {name}\b", source, re.MULTILINE), name


def test_every_hyper_parameter_and_table_of_the_paper_has_a_row() -> None:
    text = (
        (ROOT / "docs" / "developer" / "paper_to_code.md").read_text(encoding="utf-8").partition("\n## ")[0]
    )
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| ")]
    parameters = ("batch size", "patch size", "total epochs", "optimizer", "initial learning rate", "loss function",
                  "number of model parameters", "number of flops")  # fmt: skip
    boxes = ("image encoder", "prompt encoder", "cross-attention", "mask decoder")
    wanted = [f"Table 2, {name}" for name in parameters] + [f"Figure 1: {name}" for name in boxes]
    for name in (*wanted, "Figure 2", "Table 3", "Table 4", "2.2", "2.3"):
        assert any(name in row for row in rows), name
    for name in ("Table 1", "training time", "CO2"):
        assert name in text

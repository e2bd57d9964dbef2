"""The check of docs/reference sees names that no page shows, and what a docstring leaves out."""

from pathlib import Path

import griffe
import pytest

from tests.lint import reference

WHOLE = '''
"""A module."""
from dataclasses import dataclass

@dataclass
class Line:
    """A line.

    Parameters
    ----------
    ends : tuple[int, int]
        Both ends.
    """

    ends: tuple[int, int]

    def length(self, spacing_mm: float) -> float:
        """Length in mm.

        Parameters
        ----------
        spacing_mm : float
            Voxel size in mm.

        Returns
        -------
        float
            The length.
        """
'''


NO_SPACING = "m.Line.length: parameter spacing_mm has no type or no description"
NO_LENGTH = "m.Line.length: the returned value has no type or no description"


@pytest.mark.parametrize(
    ("part", "damaged", "found"),
    [
        ("", "", []),
        ("            Voxel size in mm.\n", "", [NO_SPACING]),
        ("spacing_mm : float\n", "spacing : float\n", [NO_SPACING]),
        ("            The length.\n", "", [NO_LENGTH]),
        ("Returns\n        -------", "Examples\n        --------", [NO_LENGTH]),
        ("        Both ends.\n", "", ["m.Line.ends: attribute without a type or a description"]),
        (
            "    ends: tuple",
            "    name: str\n    ends: tuple",
            ["m.Line.name: attribute without a type or a description"],
        ),
        (WHOLE, "class Line: ...", ["m.Line: no docstring"]),
    ],
)
def test_a_damaged_docstring_is_found(part: str, damaged: str, found: list[str]) -> None:
    text = WHOLE.replace(part, damaged, 1)
    with griffe.temporary_visited_module(text, module_name="m", docstring_parser="numpy") as module:
        assert list(reference.undocumented(module["Line"])) == found


def test_a_name_without_a_page_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = reference.load()
    assert list(reference.unlisted(package)) == []
    for page in reference.PAGES.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        shorter = text.replace("::: lite_ensam.evaluation.evaluate.evaluate\n", "")
        (tmp_path / page.name).write_text(shorter, encoding="utf-8")
    monkeypatch.setattr(reference, "PAGES", tmp_path)
    assert list(reference.unlisted(package)) == [
        "lite_ensam.evaluation.evaluate.evaluate is public, and docs/reference does not list it"
    ]

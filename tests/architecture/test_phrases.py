"""The count of banned phrases sees what users read, and leaves code and quotations alone."""

from pathlib import Path

import pytest

from tests.lint.phrases import findings


@pytest.mark.parametrize(
    ("name", "content", "n_found"),
    [
        ("a.md", "A spacing of 0.0007 mm is none of a CT.", 1),
        ("a.md", 'The error said "is none of a CT", and `x is none` is code.', 0),
        ("a.md", "Text.\n\n    this block is no prose\n\n```\nx is none of y\n```\n", 0),
        ("a.md", "    code is none\n\nAfter it a result hangs on the line.\n", 1),
        ("a.md", "What is read is checked. What is a flag?", 1),
        ("a.md", "One\nis none of\nthem; none of the files is damaged.", 1),
        ("a.py", 'raise ValueError(f"{x} is no number")\n# it is no comment\ny = x is None\n', 1),
        ("a.py", '"""Lines are drawn anew."""\n', 1),
        ("a.js", 'show("there is no line"); // it is no comment\n', 1),
        ("a.html", "<p title='x'>A result hangs on the line.</p>", 1),
    ],
)
def test_phrases_are_counted_where_users_read(tmp_path: Path, name: str, content: str, n_found: int) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    assert len(findings(file)) == n_found

"""A page that is one file: text is escaped, pictures are inside, nothing is fetched."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from lite_ensam.core.about import DISCLAIMER

__all__ = ["facts", "group", "heading", "page", "paragraph", "picture", "pictures", "section", "table"]

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; margin: 2rem auto; max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 0 .2rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
.use { background: #fff3cd; border: 1px solid #e0c36a; padding: .4rem .8rem; display: inline-block }
table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .7rem; text-align: right; vertical-align: top;
  white-space: pre-line }
th { border-bottom: 2px solid #888; font-weight: 600 }
th:first-child, td:first-child, td.text, th.text, table.pictures th { text-align: left }
img, svg { max-width: 100%; height: auto } svg { display: block }
table.pictures img { width: 10rem } dt { font-weight: 600 } dd { margin: 0 0 .3rem 1rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem }
@page { size: A4; margin: 14mm }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 11px } * { print-color-adjust: exact }
  table.pictures img { width: 33mm } svg { max-width: 150mm }
  h1, h2, h3, dt, thead { break-after: avoid } svg, table + p { break-before: avoid }
  table, svg, img, tr, dl, div.group { break-inside: avoid } section.sheet { break-before: page }
  th, td { padding: .2rem .4rem } }
"""
# A policy that lets nothing be fetched, should a name ever get through unescaped.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def page(title: str, parts: Iterable[str]) -> str:
    """A whole HTML document; `parts` are what the other functions give."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        f'<p class="use">{escape(DISCLAIMER)}</p>\n' + "\n".join(parts) + "\n</body></html>\n"
    )


def section(title: str, *parts: str, starts_sheet: bool = False) -> str:
    """A title and what belongs to it; when printed it may begin a sheet of paper."""
    kind = ' class="sheet"' if starts_sheet else ""
    return f"<section{kind}><h2>{escape(title)}</h2>\n" + "\n".join(parts) + "</section>"


def group(*parts: str) -> str:
    """Parts that stay on one sheet of paper if they fit."""
    return '<div class="group">' + "\n".join(parts) + "</div>"


def heading(text: str) -> str:
    """A heading within a section."""
    return f"<h3>{escape(text)}</h3>"


def paragraph(text: str) -> str:
    """Plain text."""
    return f"<p>{escape(text)}</p>"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], text_columns: Sequence[int] = ()) -> str:
    """Cells are plain text, numbers to the right; the first column and `text_columns` to the left."""

    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=text' if n in text_columns else ''}>{escape(cell)}</{tag}>"
            for n, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{row(cells, 'td')}</tr>\n" for cells in rows)
    return f"<table><thead><tr>{row(headings, 'th')}</tr></thead><tbody>\n{body}</tbody></table>"


def facts(items: Mapping[str, str]) -> str:
    """Names with what they are."""
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in items.items()) + "</dl>"


def picture(png: bytes, says: str) -> str:
    """A PNG inside the page; `says` is for those who cannot see it."""
    return f'<img alt="{escape(says)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def pictures(headings: Sequence[str], rows: Iterable[tuple[str, Sequence[bytes | None]]], says: str) -> str:
    """Small PNGs in a table, each row with its name.

    Parameters
    ----------
    headings : Sequence[str]
        The first is that of the names.
    rows : Iterable[tuple[str, Sequence[bytes | None]]]
        A name and a picture for each further heading, None for an empty cell.
    says : str
        What the pictures show, for those who cannot see them.
    """
    body = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(
            f"<td>{'-' if png is None else picture(png, f'{name}, {heading}: {says}')}</td>"
            for heading, png in zip(headings[1:], pngs, strict=True)
        )
        + "</tr>\n"
        for name, pngs in rows
    )
    head = "".join(f"<th>{escape(one)}</th>" for one in headings)
    return f'<table class="pictures"><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>'

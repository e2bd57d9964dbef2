"""The browser's half of the viewer: files of `static/`, joined into the one ES module that anywidget wants.

The files are parts of one module and share its scope: none imports, only the last exports. There is no bundler, and
nothing that would have to be fetched: a module given as text works in JupyterLab, Notebook, VS Code and behind
JupyterHub's proxies alike, wherever the page's own address is.
"""

from pathlib import Path

__all__ = ["CSS", "ESM", "PARTS"]

PARTS = (
    "elements",
    "drawing",
    "slice_store",
    "mark_list",
    "line_edit",
    "plane_view",
    "plane_mouse",
    "lesion_table",
    "bars",
    "marker",
)
"""Files `static/*.js`; constants and classes come before what uses them."""

_STATIC = Path(__file__).resolve().parent / "static"

ESM = "\n".join((_STATIC / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)
CSS = (_STATIC / "marker.css").read_text(encoding="utf-8")

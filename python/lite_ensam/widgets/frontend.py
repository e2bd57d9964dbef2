"""The browser's half of the viewer, as text: modules of `static/` bundled from `widget.js` on, and the styles.

A module given as text works in JupyterLab, Notebook, VS Code and behind JupyterHub's proxies alike, wherever the
page's own address is. It is bundled here, at import, from the modules that node and the type checker read: no file of
a build can be missing from the package or be older than its sources.
"""

from pathlib import Path

from lite_ensam.widgets.bundle import bundle

__all__ = ["CSS", "ESM"]

_STATIC = Path(__file__).resolve().parent / "static"

ESM = bundle(_STATIC / "widget.js")
CSS = (_STATIC / "viewer.css").read_text(encoding="utf-8")

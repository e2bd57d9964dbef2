"""How long a viewer keeps its scan: as long as a variable holds it, or the output of the cell that shows it.

ipywidgets and the channel to the browser hold each widget until it is closed or the kernel ends, so that fifty viewers
in a notebook, forty-nine of them gone from the page, would hold fifty scans. Here they hold them weakly: a page that is
loaded again still finds all that live, wherever they are shown. The output of a cell is held under the cell's name
instead, until the cell is run again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakMethod, proxy

from ipywidgets import Widget
from ipywidgets.widgets.widget import _instances as _registry

__all__ = ["close_with_parts", "hold_weakly", "keep_while_shown", "weakly"]

_shown: dict[str, tuple[str, list[Widget]]] = {}
"""By cell: the run of it that showed widgets, and these."""

_watched_shells: set[int] = set()


def hold_weakly(widget: Widget) -> None:
    """Leave a widget to those who use it: neither the registry nor the channel to the browser keep it any more."""
    _register_weakly(widget)
    widget.comm.on_msg(weakly(widget._handle_msg))


def _register_weakly(widget: Widget) -> None:
    """A page that is loaded again asks the registry for all widgets; a proxy shows it this one and does not keep it."""
    name = widget.model_id
    _registry[name] = proxy(widget, lambda _: _registry.pop(name, None))


def weakly(method: Callable[..., Any]) -> Callable[..., None]:
    """A callback that does not keep the method's object, and does nothing once that is gone."""
    reference = WeakMethod(method)

    def call(*arguments: Any) -> None:
        if (alive := reference()) is not None:
            alive(*arguments)

    return call


def keep_while_shown(widget: Widget) -> None:
    """Hold a widget until the cell that shows it is run again. Outside a notebook nobody sees or holds it."""
    shell = _shell()
    if shell is None or widget.comm is None:
        return
    if id(shell) not in _watched_shells:
        _watched_shells.add(id(shell))
        shell.events.register("pre_run_cell", _forget_old_output)
    cell, run = _running_cell(shell)
    _registry[widget.model_id] = widget
    _, widgets = _shown.setdefault(cell, (run, []))
    if not any(shown is widget for shown in widgets):
        widgets.append(widget)


def close_with_parts(widget: Widget) -> None:
    """Close a widget and all that it is made of: children, layouts, styles, the objects of a 3D plot."""
    if widget.comm is None:
        return
    values = [
        *widget._trait_values.values(),
        getattr(widget, "objects", ()),
    ]  # those of a k3d plot are no trait
    Widget.close(widget)
    for value in values:
        for part in value if isinstance(value, list | tuple) else (value,):
            if isinstance(part, Widget):
                close_with_parts(part)


def _forget_old_output(_: Any = None) -> None:
    """Release the previous output of the running cell, which is gone from the page: neither we nor IPython keep it."""
    shell = _shell()
    if shell is None:
        return
    cell, run = _running_cell(shell)
    if cell not in _shown or _shown[cell][0] == run:
        return
    _, widgets = _shown.pop(cell)
    elsewhere = [kept for _, others in _shown.values() for kept in others]
    for widget in widgets:
        if any(kept is widget for kept in elsewhere):
            continue
        if widget.comm is not None:
            _register_weakly(widget)
        _forget_in_history(shell, widget)


def _forget_in_history(shell: Any, widget: Widget) -> None:
    """IPython keeps each cell's value: as `Out[n]` and `_n`, the last three as `_`, `__` and `___`, too."""
    history, hook = shell.user_ns.get("_oh", {}), shell.displayhook
    for n in [n for n, value in history.items() if value is widget]:
        del history[n]
    for names in (shell.user_ns, shell.user_ns_hidden):
        for name in [name for name, value in names.items() if value is widget and _is_history(name)]:
            names[name] = ""
    for name in ("_", "__", "___"):
        if getattr(hook, name, None) is widget:
            setattr(hook, name, "")


def _is_history(name: str) -> bool:
    return name in ("_", "__", "___") or (name.startswith("_") and name[1:].isdigit())


def _shell() -> Any:
    """The notebook's shell, if there is one."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell if hasattr(shell, "get_parent") else None


def _running_cell(shell: Any) -> tuple[str, str]:
    """Name of the cell that runs, its text where the notebook gives it none, and name of this run of it."""
    request: dict[str, Any] = shell.get_parent() or {}
    cell = request.get("metadata", {}).get("cellId") or request.get("content", {}).get("code", "")
    return cell, request.get("header", {}).get("msg_id", "")

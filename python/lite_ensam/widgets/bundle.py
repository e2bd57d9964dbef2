"""ES modules joined into one, for hosts that take a module's text and give it no address to import others from.

Each module but the entry becomes a function that runs once and returns what the module exports, so names that it does
not export stay its own. These forms are known, from the first column on; others are refused, because the browser must
run what node tests:

    import { name, other as alias } from "./file.js";
    export const name = ...    export function name(...) ...    export class name ...
    export default ...         in the entry, and nowhere else
"""

import re
from pathlib import Path

__all__ = ["bundle"]

_DOC_COMMENT = re.compile(r"^[ \t]*/\*\*.*?\*/\n", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|(?:async )?function\*?|class) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default ", re.MULTILINE)
_OTHER = re.compile(r"^[ \t]*(?:import|export)\b.*|\bimport *[(.].*", re.MULTILINE)
_NAME = re.compile(r"\s*(\w+)(?: as (\w+))?\s*")


def bundle(entry: Path) -> str:
    """Text of one module that does what an entry and its imports do.

    Parameters
    ----------
    entry : Path
        File `name.js`; the modules that it imports lie in the same folder.

    Returns
    -------
    str
        An ES module without imports and without doc comments. It exports the entry's default.

    Raises
    ------
    ValueError
        If a module uses another form or imports a name that is not exported, or if modules import each other in a
        circle.
    FileNotFoundError
        If an imported file does not exist.
    """
    exports: dict[str, list[str]] = {}
    parts: list[str] = []

    def add(name: str, importers: tuple[str, ...]) -> None:
        """Append a module, after those that it imports."""
        if name in importers:
            raise ValueError(f"modules import each other in a circle: {' -> '.join((*importers, name))}")
        if name in exports:
            return
        source = _DOC_COMMENT.sub("", (entry.parent / f"{name}.js").read_text(encoding="utf-8"))
        is_entry = not importers
        _refuse_other_forms(name, source, is_entry)
        for found in _IMPORT.finditer(source):
            add(found[2], (*importers, name))
        exports[name] = _EXPORT.findall(source)
        code = _EXPORT.sub("", _IMPORT.sub(lambda found: _bind(name, found, exports), source)).strip()
        returned = f"return {{ {', '.join(exports[name])} }};"
        parts.append(code if is_entry else f"const {name}_js = (() => {{\n{code}\n\n{returned}\n}})();")

    add(entry.stem, ())
    return "\n\n".join(parts) + "\n"


def _refuse_other_forms(name: str, source: str, is_entry: bool) -> None:
    rest = _EXPORT.sub("", _IMPORT.sub("", source))
    if is_entry:
        rest = _DEFAULT.sub("", rest)
    if other := _OTHER.search(rest):
        raise ValueError(
            f"{name}.js: cannot bundle {other[0].strip()!r}; use a form that widgets/bundle.py lists"
        )


def _bind(importer: str, found: re.Match[str], exports: dict[str, list[str]]) -> str:
    """An import as a statement that takes names from the object that the module's function returned."""
    names, module = found.groups()
    bound = []
    for item in names.strip().removesuffix(",").split(","):
        name = _NAME.fullmatch(item)
        if name is None or name[1] not in exports[module]:
            known = ", ".join(exports[module])
            raise ValueError(
                f"{importer}.js imports {item.strip()!r} from {module}.js, which exports {known}"
            )
        bound.append(f"{name[1]}: {name[2]}" if name[2] else name[1])
    return f"const {{ {', '.join(bound)} }} = {module}_js;"

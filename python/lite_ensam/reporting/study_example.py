"""The JSON Schema of study files, and a small made-up study that shows what they can say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lite_ensam.core.types import PathLike
from lite_ensam.io import check_output, make_folder, write_text
from lite_ensam.io.reading import read_json

__all__ = ["response_schema", "study_schema", "write_example_study"]

_FOLDER = Path(__file__).parent
_SCHEMA, _EXAMPLE = _FOLDER / "study.schema.json", _FOLDER / "example" / "study.json"
_RESPONSE_SCHEMA = _FOLDER / "response.schema.json"


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of study files in JSON; see `read_study`.

    The schema does not express the rules of RECIST 1.1: a third target in one organ, for example, passes the schema
    and is refused by `read_study`.

    Returns
    -------
    dict[str, Any]
        The schema, JSON-ready.
    """
    schema: dict[str, Any] = read_json(_SCHEMA)
    return schema


def response_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the output of `lite-ensam respond --report`.

    Returns
    -------
    dict[str, Any]
        The schema, JSON-ready.
    """
    schema: dict[str, Any] = read_json(_RESPONSE_SCHEMA)
    return schema


def write_example_study(folder: PathLike, overwrite: bool = False) -> tuple[Path, Path]:
    """Write an example with four synthetic patients in two cohorts (study.json), and study.schema.json.

    Parameters
    ----------
    folder : PathLike
        Folder to write to; it is made if it is missing.
    overwrite : bool, default False
        Whether files that exist may be replaced.

    Returns
    -------
    tuple[Path, Path]
        Paths of the study and of the schema.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    place = Path(folder)
    paths = place / _EXAMPLE.name, place / _SCHEMA.name
    make_folder(place)
    for path in paths:
        check_output(path, overwrite, (".json",))
    for path, source in zip(paths, (_EXAMPLE, _SCHEMA), strict=True):
        write_text(path, source.read_text(encoding="utf-8"), overwrite)
    return paths

"""Names of lesions, organs and patients, compared as people read them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

__all__ = ["name_key", "organ_key", "repeated_names"]

_SIDES = frozenset({"left", "right", "lt", "rt"})


def name_key(name: str) -> str:
    """Normalise a name: case, extra spaces and invisible characters are ignored.

    Parameters
    ----------
    name : str
        Any name.

    Returns
    -------
    str
        The key.

    Examples
    --------
    >>> name_key(" Lymph  Node") == name_key("lymph node")
    True
    """
    visible = (one for one in unicodedata.normalize("NFKC", name) if unicodedata.category(one) != "Cf")
    return " ".join("".join(visible).split()).casefold()


def organ_key(organ: str) -> str:
    """Normalise an organ: as `name_key`, and both organs of a pair are one.

    RECIST 1.1 counts targets an organ (section 4.2); two lungs are read as one organ, as are kidneys and adrenals.

    Examples
    --------
    >>> organ_key("Right Lung") == organ_key("lung, left") == organ_key("lung")
    True
    """
    key = name_key(organ)
    words = re.findall(r"[^\s,;()]+", key)
    rest = [word for word in words if word not in _SIDES]
    return key if not rest or rest == words else " ".join(rest)


def repeated_names(names: Iterable[str]) -> list[str]:
    """Find names that occur more than once, in the order of their first occurrence.

    Parameters
    ----------
    names : Iterable[str]
        Any names.

    Returns
    -------
    list[str]
        Keys of names that occur more than once.

    Examples
    --------
    >>> repeated_names(["liver 1", "lung", "Liver  1"])
    ['liver 1']
    """
    return [key for key, count in Counter(map(name_key, names)).items() if count > 1]

"""Names of lesions, organs and patients, compared as people read them."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

__all__ = ["name_key", "repeated_names"]


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

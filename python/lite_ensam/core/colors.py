"""Colours of lesions: the same in the viewer, in DICOM SEG and in RTSTRUCT."""

__all__ = ["PALETTE", "color_of", "rgb_of"]

PALETTE = ("#ff9d2e", "#56b4e9", "#2fd6a3", "#f15bb5", "#f0e442", "#b892ff", "#ff6b5e", "#9fe870")
"""Light enough for grey slices; the first hues are Okabe and Ito's (2008), lightened. With protanopia, deuteranopia or
tritanopia any two of the first six stay 10 or more apart (CIE76); tests/browser/test_accessible.py computes it."""


def color_of(label: int) -> str:
    """Colour "#rrggbb" of a label from 1 on.

    Parameters
    ----------
    label : int
        Label of the tumour, from 1.

    Examples
    --------
    >>> color_of(1) == color_of(len(PALETTE) + 1) == PALETTE[0]
    True
    """
    return PALETTE[(label - 1) % len(PALETTE)]


def rgb_of(label: int) -> tuple[int, int, int]:
    """The same as three numbers from 0 to 255.

    Parameters
    ----------
    label : int
        Label of the tumour, from 1.

    Examples
    --------
    >>> rgb_of(1)
    (255, 157, 46)
    """
    red, green, blue = bytes.fromhex(color_of(label)[1:])
    return red, green, blue

"""Random arguments for the kernels: small arrays of every dtype, as views of every kind, and tumors."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

VOXEL_DTYPES = (np.int16, np.uint16, np.uint8, np.float32)
MARKER_DTYPES = (np.uint8, np.uint16, np.int16, np.int32)
LABEL_DTYPES = (np.uint8, np.uint16, np.bool_)


def shapes(min_side: int = 0, max_side: int = 9) -> st.SearchStrategy[tuple[int, int, int]]:
    return hnp.array_shapes(min_dims=3, max_dims=3, min_side=min_side, max_side=max_side)


@st.composite
def views(draw: st.DrawFn, array: NDArray) -> NDArray:
    """The array as it is, or with axes exchanged, reversed or skipped; its values are those of some other order."""
    if not draw(st.booleans()):
        return array
    view = array.transpose(draw(st.permutations(range(3))))
    return view[tuple(slice(None, None, draw(st.sampled_from([1, -1, 2]))) for _ in range(3))]


@st.composite
def arrays(
    draw: st.DrawFn,
    dtypes: tuple[type[np.generic], ...],
    elements: st.SearchStrategy | None = None,
    min_side: int = 0,
) -> NDArray:
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    if elements is None:
        elements = hnp.from_dtype(dtype, allow_nan=False, allow_infinity=False)
    return draw(views(draw(hnp.arrays(dtype, draw(shapes(min_side)), elements=elements))))


def volumes(min_side: int = 0) -> st.SearchStrategy[NDArray]:
    """Grey values of every dtype."""
    return arrays(VOXEL_DTYPES, min_side=min_side)


def few_labels(
    dtypes: tuple[type[np.generic], ...] = LABEL_DTYPES, min_side: int = 0
) -> st.SearchStrategy[NDArray]:
    """Label maps that are mostly background."""
    return arrays(dtypes, st.sampled_from([0, 0, 0, 1, 1]), min_side) | arrays(
        tuple(dtype for dtype in dtypes if dtype is not np.bool_),
        st.sampled_from([0, 0, 0, 1, 2, 3]),
        min_side,
    )


def triples(numbers: st.SearchStrategy) -> st.SearchStrategy[tuple]:
    return st.tuples(numbers, numbers, numbers)


def spacings() -> st.SearchStrategy[tuple[float, float, float]]:
    return triples(st.sampled_from([0.5, 0.7, 1.0, 2.5]) | st.floats(0.3, 5.0))


def crop_starts() -> st.SearchStrategy[float]:
    """Edge coordinates in and around a small volume."""
    return st.sampled_from([-2.0, -0.5, 0.0, 0.5, 1.0, 3.0]) | st.floats(-6, 14)


def crop_steps() -> st.SearchStrategy[float]:
    return st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0, 4.0]) | st.floats(0.05, 6)


@st.composite
def boxes(draw: st.DrawFn, shape_zyx: tuple[int, int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Start and stop inside a volume; may be empty."""
    ends = [sorted(draw(st.tuples(st.integers(0, side), st.integers(0, side)))) for side in shape_zyx]
    return tuple(low for low, _ in ends), tuple(high for _, high in ends)


@st.composite
def tumors(draw: st.DrawFn, on_grid: bool = False, min_size: int = 0) -> list[tuple]:
    """Up to four tumors around the origin; `on_grid`: patch voxels are volume voxels, logits whole, ties likely."""
    labels = draw(st.lists(st.sampled_from([1, 2, 3, 65535]), min_size=min_size, max_size=4, unique=True))
    whole = st.integers(-4, 4).map(float)
    starts, steps = (
        (st.integers(-3, 5).map(float), st.just(1.0)) if on_grid else (crop_starts(), crop_steps())
    )
    elements = whole if on_grid else whole | st.floats(-4, 4, width=32)
    return [
        (
            label,
            logits := draw(arrays((np.float32,), elements, min_side=1)),
            draw(triples(starts)),
            draw(triples(steps)),
            tuple(draw(st.integers(1, side)) for side in logits.shape),
        )
        for label in labels
    ]

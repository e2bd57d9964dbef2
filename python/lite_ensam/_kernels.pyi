"""Types and documentation of the compiled kernels (rust/bindings), one section for each file of rust/kernels/src.

The docstrings are those of the compiled functions, word for word: tests/architecture/test_stub.py compares them,
tests/kernels/test_examples.py runs their examples.
"""

from collections.abc import Sequence
from typing import Any, Final, Self, TypeAlias, TypeVar, final

import numpy as np
from numpy.typing import NDArray

_Voxel = TypeVar("_Voxel", np.int16, np.uint16, np.uint8, np.float32)
_Volume: TypeAlias = NDArray[np.int16] | NDArray[np.uint16] | NDArray[np.uint8] | NDArray[np.float32]
_Labels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.bool_]
_Mask: TypeAlias = NDArray[np.uint8] | NDArray[np.bool_]
_Marker: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int16] | NDArray[np.int32]
_IndexZYX: TypeAlias = tuple[int, int, int]
_PointZYX: TypeAlias = tuple[float, float, float]
_Tumor: TypeAlias = tuple[int, NDArray[np.float32], _PointZYX, _PointZYX, _IndexZYX]

__all__ = [
    "Deflater",
    "ValueRange",
    "__version__",
    "build_profile",
    "crop_max_pool",
    "crop_resample",
    "has_avx2",
    "in_plane_diameters",
    "label_boxes",
    "label_counts",
    "largest_piece",
    "marker_endpoints",
    "min_max",
    "paint",
    "read_boxes",
    "read_labelled",
    "recover_missing_tumor",
    "resample_box",
    "snap_to_edge",
    "usable_cpus",
    "value_range",
]

__version__: Final[str]
build_profile: Final[str]

# ---- normalize.rs ----------------------------------------------------------------------------------------------

@final
class ValueRange:
    """Smallest and largest grey value of a scan that arrives slab by slab along z.

    Nothing of a slab is kept but its two extremes, so the scan need never be in memory as a whole.

    Attributes
    ----------
    low, high : float or None
        Extremes so far; None before the first voxel.
    n_slices : int
        Slices seen so far.

    Examples
    --------
    >>> values = ValueRange()
    >>> values.update(np.array([[[-1000, 40]]], dtype=np.int16))
    >>> values.update(np.array([[[300, 0]]], dtype=np.int16))
    >>> values.low, values.high, values.n_slices
    (-1000.0, 300.0, 2)
    """

    def __new__(cls) -> Self: ...
    def update(self, slab: _Volume) -> None:
        """Take the next slab in; a slab that is refused changes nothing.

        Parameters
        ----------
        slab : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
            The next slices; any strides.

        Raises
        ------
        ValueError
            If a voxel is NaN or infinite: names the first one, z counted over all slabs so far.

        Examples
        --------
        >>> values = ValueRange()
        >>> values.update(np.zeros((2, 1, 1), dtype=np.float32))
        >>> values.update(np.full((1, 1, 1), np.nan, dtype=np.float32))
        Traceback (most recent call last):
        ValueError: voxel (z, y, x) = (2, 0, 0) is NaN
        """
    @property
    def low(self) -> float | None:
        """Smallest value so far; None before the first voxel."""
    @property
    def high(self) -> float | None:
        """Largest value so far; None before the first voxel."""
    @property
    def n_slices(self) -> int:
        """Slices seen so far."""

def value_range(volume: _Volume) -> tuple[float, float]:
    """Smallest and largest grey value of a whole volume.

    Parameters
    ----------
    volume : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
        Any strides; read once, nothing is copied.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If the volume is empty, or a voxel is NaN or infinite (names the first one).

    Examples
    --------
    >>> value_range(np.array([[[-1024, 3071]]], dtype=np.int16))
    (-1024.0, 3071.0)
    """

def min_max(volume: _Volume, low: float, high: float) -> NDArray[np.float32]:
    """Scale grey values to [0, 1]: (v - low) / (high - low), clipped.

    Never decreases where the voxel grows: pooling before or after it gives the same bits.

    Parameters
    ----------
    volume : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
        Any strides. A NaN stays NaN.
    low, high : float
        Values that become 0 and 1. If they are equal the result is all zeros.

    Returns
    -------
    ndarray of the same shape, float32, C order. The only allocation.

    Raises
    ------
    ValueError
        If low > high, or one of them (or their difference) is not finite.

    Examples
    --------
    >>> min_max(np.array([[[-160, 40, 900]]], dtype=np.int16), -160.0, 240.0)
    array([[[0. , 0.5, 1. ]]], dtype=float32)
    """

# ---- max_pool.rs -----------------------------------------------------------------------------------------------

def crop_max_pool(
    volume: NDArray[_Voxel], start_zyx: _IndexZYX, stop_zyx: _IndexZYX, factor_zyx: _IndexZYX
) -> NDArray[_Voxel]:
    """Largest value in each block of a box, in one pass over the box.

    A block cut short by the box's edge is pooled over the voxels it has; nothing is padded, so no invented
    value can win.

    Parameters
    ----------
    volume : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
        Any strides; finite.
    start_zyx, stop_zyx : tuple of int
        First voxel of the box and one past its last. An empty box gives an empty array.
    factor_zyx : tuple of int
        Block size in voxels, each at least 1.

    Returns
    -------
    ndarray of shape ceil((stop - start) / factor), dtype of `volume`, C order. The only allocation.

    Raises
    ------
    ValueError
        If the box leaves the volume or stop < start, or a factor is 0.

    Examples
    --------
    >>> volume = np.arange(8, dtype=np.int16).reshape(1, 2, 4)
    >>> crop_max_pool(volume, (0, 0, 1), (1, 2, 4), (1, 2, 2))
    array([[[6, 7]]], dtype=int16)
    """

# ---- resample.rs -----------------------------------------------------------------------------------------------

def crop_resample(
    volume: _Volume,
    start_zyx: _PointZYX,
    step_zyx: _PointZYX,
    shape_zyx: _IndexZYX,
    origin_zyx: _IndexZYX | None = None,
    whole_shape_zyx: _IndexZYX | None = None,
) -> NDArray[np.float32]:
    """Cut a box out of a volume and resample it to a patch of fixed shape.

    Along an axis with step > 1 a patch voxel is the exact average of the volume over
    [start + i step, start + (i + 1) step), partly covered voxels weighted by their share. With step <= 1 it is
    the linear interpolation at the centre start + (i + 0.5) step. Outside the volume the nearest edge voxel is
    repeated. Only the voxels that the patch needs are read.

    Parameters
    ----------
    volume : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
        Any strides; at least one voxel.
    start_zyx : tuple of float
        Edge coordinate (voxel i covers [i, i + 1)) of the patch's corner; may lie outside the volume.
    step_zyx : tuple of float
        Volume voxels per patch voxel, each > 0; < 1 enlarges.
    shape_zyx : tuple of int
        Shape of the patch, each at least 1.
    origin_zyx, whole_shape_zyx : tuple of int
        If `volume` is only a part of the volume that the coordinates mean: its first voxel in the whole, and the
        whole's shape. The patch is the same bit for bit.

    Returns
    -------
    ndarray of shape `shape_zyx`, float32, C order

    Raises
    ------
    ValueError
        If the volume is empty, a coordinate is not finite, a step is not positive or a side is 0, or a part lacks
        voxels that the patch needs (`resample_box` says which).
    MemoryError
        If the patch does not fit into memory.

    Examples
    --------
    >>> volume = np.array([[[0, 10, 20, 30]]], dtype=np.int16)
    >>> crop_resample(volume, (0.0, 0.0, 0.0), (1.0, 1.0, 2.0), (1, 1, 2))
    array([[[ 5., 25.]]], dtype=float32)
    >>> crop_resample(volume, (0.0, 0.0, 0.0), (1.0, 1.0, 0.5), (1, 1, 4))
    array([[[ 0. ,  2.5,  7.5, 12.5]]], dtype=float32)
    """

def resample_box(
    volume_shape_zyx: _IndexZYX, start_zyx: _PointZYX, step_zyx: _PointZYX, shape_zyx: _IndexZYX
) -> tuple[_IndexZYX, _IndexZYX]:
    """The voxels of a volume that `crop_resample` reads for a patch.

    Parameters
    ----------
    volume_shape_zyx : tuple of int
        Shape of the volume.
    start_zyx, step_zyx, shape_zyx
        As in `crop_resample`.

    Returns
    -------
    start, stop : tuple of int
        Half-open box of voxel indices (z, y, x), inside the volume and not empty.

    Raises
    ------
    ValueError
        As `crop_resample`.
    MemoryError
        If the patch does not fit into memory.

    Examples
    --------
    >>> resample_box((9, 9, 9), (-2.0, 3.0, 7.5), (2.0, 1.0, 0.5), (3, 3, 3))
    ((0, 3, 7), (4, 6, 9))
    """

# ---- endpoints.rs ----------------------------------------------------------------------------------------------

def marker_endpoints(marker: _Marker, spacing_mm: _PointZYX) -> list[tuple[int, tuple[_IndexZYX, _IndexZYX]]]:
    """Ends of the RECIST lines of a marker volume: the farthest pair of voxels of each label.

    Exact for lines and for filled regions of any size. Ties go to the lexicographically smallest pair.

    Parameters
    ----------
    marker : ndarray of shape (z, y, x), uint8, uint16, int16 or int32
        0 where nothing is marked, else the label of the line; any strides.
    spacing_mm : tuple of float
        Voxel size (z, y, x) in mm.

    Returns
    -------
    list of (label, (endpoint, endpoint)), labels ascending; an endpoint is a voxel index (z, y, x), the two in
    lexicographic order. A marker without labels gives an empty list.

    Raises
    ------
    ValueError
        If a label is negative, has a single voxel or lies on several slices (names label and slices), or a
        spacing is not positive and finite.

    Examples
    --------
    >>> marker = np.zeros((2, 4, 4), dtype=np.uint8)
    >>> marker[1, [0, 1, 2], [3, 2, 1]] = 5
    >>> marker_endpoints(marker, (2.5, 0.7, 0.7))
    [(5, ((1, 0, 3), (1, 2, 1)))]
    """

# ---- labels.rs -------------------------------------------------------------------------------------------------

def label_counts(labels: _Labels, n_labels: int) -> NDArray[np.uint64]:
    """Voxels of each label 0, 1, .., n_labels.

    Parameters
    ----------
    labels : ndarray of shape (z, y, x), uint8, uint16 or bool
        Any strides.
    n_labels : int
        Largest label allowed, 0 to 65535.

    Returns
    -------
    ndarray of shape (n_labels + 1,), uint64

    Raises
    ------
    ValueError
        If a label exceeds n_labels: names the smallest such label.

    Examples
    --------
    >>> label_counts(np.array([[[0, 2, 2, 0, 0]]], dtype=np.uint8), 3)
    array([3, 0, 2, 0], dtype=uint64)
    """

def label_boxes(labels: _Labels, n_labels: int) -> NDArray[np.int64]:
    """Bounding box of each label 0, 1, .., n_labels.

    Parameters
    ----------
    labels : ndarray of shape (z, y, x), uint8, uint16 or bool
        Any strides.
    n_labels : int
        Largest label allowed, 0 to 65535.

    Returns
    -------
    ndarray of shape (n_labels + 1, 2, 3), int64
        Start and stop (half open) voxel index (z, y, x) of each label, the background's too; zeros for a label
        without voxels.

    Raises
    ------
    ValueError
        If a label exceeds n_labels: names the smallest such label.

    Examples
    --------
    >>> label_boxes(np.array([[[0, 1, 1, 0]]], dtype=np.uint8), 1)[1]
    array([[0, 0, 1],
           [1, 1, 3]])
    """

# ---- paint.rs, tumor.rs ----------------------------------------------------------------------------------------

def paint(
    shape_zyx: _IndexZYX, tumors: list[_Tumor], threshold: float = 0.0, origin_zyx: _IndexZYX | None = None
) -> NDArray[np.uint16]:
    """Paint the logits of all tumors into one label map of the full volume.

    A tumor speaks for the voxels whose centre (index + 0.5) lies in its box [start, start + content step).
    There its logits are interpolated trilinearly with half-pixel centres, repeated at the patch's border. The
    highest logit wins if it exceeds the threshold: background wins ties, then the tumor that comes first. Scratch
    memory is one slice for each thread.

    Parameters
    ----------
    shape_zyx : tuple of int
        Shape of the volume.
    tumors : list of (label, logits, start_zyx, step_zyx, content_zyx)
        label, 1 to 65535, each one once; logits, finite float32 (z, y, x) on the patch, any strides; edge
        coordinate of the patch's corner; volume voxels per patch voxel, > 0; patch voxels per axis that come
        from the volume, at least 1 (the rest is padding at the end, not looked at).
    threshold : float
        Logit that a voxel has to exceed.
    origin_zyx : tuple of int
        First voxel, if only a part of the volume is to be painted: the one of `shape_zyx` that begins there.

    Returns
    -------
    ndarray of shape `shape_zyx`, uint16, C order. The only full-size allocation.

    Raises
    ------
    ValueError
        If a tumor is not as described (names its label), two share a label, or the threshold is not finite.
    MemoryError
        If the label map does not fit into memory.

    Examples
    --------
    >>> logits = np.array([[[-1, 1, 3]]], dtype=np.float32)
    >>> tumor = (7, logits, (0.0, 0.0, 0.0), (1.0, 1.0, 2.0), (1, 1, 2))
    >>> paint((1, 1, 6), [tumor])
    array([[[0, 0, 7, 7, 0, 0]]], dtype=uint16)
    """

# ---- sphere.rs -------------------------------------------------------------------------------------------------

def recover_missing_tumor(
    labels: NDArray[np.uint16],
    tumors: list[_Tumor],
    missing: int,
    center_zyx: _PointZYX,
    radius_mm: float,
    spacing_mm: _PointZYX,
    threshold: float = 0.0,
    max_rounds: int = 16,
) -> tuple[int, float, int]:
    """Give a tumor that has no voxel in a label map at least one voxel of its RECIST sphere (paper, 2.3).

    In round n = 1, 2, .. the tumor's logits inside the sphere grow by 2^n - 1; it wins a voxel where they then
    exceed the threshold and the logit of every other tumor. The first round with a win is the last, and all
    voxels won are written. A competitor never loses its last voxel: it keeps the one where its own logit is best. If
    max_rounds do not suffice, the sphere's voxel of the best own logit is assigned: of the background's voxels,
    else of those whose holder has another one. Ties go to the first voxel in (z, y, x) order.

    The sphere's voxels are those with a centre within the radius, in the volume and in the tumor's box; if there
    are none, the nearest voxel that is in both.

    Parameters
    ----------
    labels : ndarray of shape (z, y, x), uint16
        Label map, as from `paint` with the same tumors and threshold; changed in place, any strides.
    tumors : list of (label, logits, start_zyx, step_zyx, content_zyx)
        As in `paint`.
    missing : int
        Label of the tumor that has no voxel; one of `tumors`.
    center_zyx : tuple of float
        Centre of the sphere, voxel index with fractions: the midpoint of the RECIST line.
    radius_mm : float
        Half the length of the RECIST line, at least 0.
    spacing_mm : tuple of float
        Voxel size (z, y, x) in mm.
    threshold : float
        Logit that a voxel has to exceed.
    max_rounds : int
        Rounds before a voxel is assigned, 0 to 64.

    Returns
    -------
    rounds : int
        Rounds of raising; max_rounds if a voxel was assigned.
    offset : float
        2^rounds - 1.
    voxels : int
        Voxels that the tumor has got, at least 1.

    Raises
    ------
    ValueError
        If an argument is not as described, the tumor's box holds no voxel of the volume, or each voxel of the
        sphere is the last one of another tumor. `labels` is then unchanged.

    Examples
    --------
    >>> logits = np.array([[[-9, -2, -9]]], dtype=np.float32)
    >>> tumor = (1, logits, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1, 1, 3))
    >>> labels = paint((1, 1, 3), [tumor])
    >>> recover_missing_tumor(labels, [tumor], 1, (0.0, 0.0, 1.0), 1.0, (1.0, 1.0, 1.0))
    (2, 3.0, 1)
    >>> labels
    array([[[0, 1, 0]]], dtype=uint16)
    """

# ---- pieces.rs --------------------------------------------------------------------------------------------------

def largest_piece(labels: _Labels, label: int) -> tuple[NDArray[np.bool_], int]:
    """The largest piece of one label, where voxels that share a face, an edge or a corner belong together.

    Parameters
    ----------
    labels : ndarray of shape (z, y, x), uint8, uint16 or bool
        Any strides; True counts as label 1.
    label : int
        Label to look at, 1 to 65535.

    Returns
    -------
    mask : ndarray of the shape of `labels`, bool, C order
        Voxels of the piece that has most; of equal pieces the one whose first voxel comes first in (z, y, x) order.
    n_pieces : int
        How many pieces the label has; 0 if it is absent.

    Raises
    ------
    ValueError
        If label is not 1 to 65535.

    Examples
    --------
    >>> largest_piece(np.array([[[1, 0, 1, 1]]], dtype=np.uint8), 1)
    (array([[[False, False,  True,  True]]]), 2)
    """

# ---- edge.rs, distance.rs, bell.rs -----------------------------------------------------------------------------

def snap_to_edge(
    mask: _Mask, other: _Mask, grey: _Volume, spacing_mm: _PointZYX, reach_mm: float, local_mm: float
) -> NDArray[np.bool_]:
    """The mask of a tumour with its border moved to the half-maximum between inside and outside.

    A voxel of a band, `reach_mm` to both sides of the border, is inside if its grey value is nearer to the mean of the
    mask's core than to the mean of the surroundings. Darker and brighter surroundings have a mean each: a voxel that is
    darker than the core is compared with the darker ones. Where core and surroundings differ by less than twice the
    noise, the border stays. Voxels that most of their neighbours disagree with are turned over; pieces that are not
    connected with the core are left out. A mask without core, surroundings or visible border comes back as it is.

    Means are taken under Gaussian bells. Bells of 8 voxels and more are averaged on blocks of at most a quarter of
    their standard deviation: single voxels, at the border, may differ from those of exact bells.

    Parameters
    ----------
    mask : ndarray of shape (z, y, x), uint8 or bool
        The tumour, not 0 inside; any strides.
    other : ndarray of shape (z, y, x), uint8 or bool
        Voxels that the tumour must not take, and that do not count as its surroundings.
    grey : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
        Grey values; finite.
    spacing_mm : tuple of float
        Voxel size (z, y, x) in mm.
    reach_mm : float
        How far the border may move.
    local_mm : float
        Standard deviation of the bells; at least 1.5 times `reach_mm` is taken.

    Returns
    -------
    ndarray of the shape of `mask`, bool, C order

    Raises
    ------
    ValueError
        If the arrays differ in shape, or a spacing or distance is not positive and finite.
    MemoryError
        If the work does not fit into memory: 64 bytes a voxel.

    Examples
    --------
    >>> grey = np.array([[[0, 1, 60, 61, 59, 60, 61, 60, 1, 0, 1, 0]]], dtype=np.int16)
    >>> mask = np.array([[[0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]]], dtype=np.uint8)
    >>> snap_to_edge(mask, np.zeros_like(mask), grey, (1.0, 1.0, 1.0), 2.0, 3.0).astype(int)
    array([[[0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]]])
    """

# ---- diameter.rs, hull.rs --------------------------------------------------------------------------------------

def in_plane_diameters(
    labels: _Labels, label: int, spacing_mm: _PointZYX
) -> tuple[float, tuple[_IndexZYX, _IndexZYX], float, tuple[_PointZYX, _PointZYX]] | None:
    """Longest in-plane diameter of one label, and the short axis perpendicular to it on the same slice.

    Of all axial slices the one counts whose two farthest voxel centres are farthest apart in mm (the first of
    equals). The short axis is the longest chord of that slice's convex hull perpendicular to the diameter.
    Lengths run from voxel centre to voxel centre: a single voxel measures 0. Exact, in the time of a convex hull.

    Parameters
    ----------
    labels : ndarray of shape (z, y, x), uint8, uint16 or bool
        Any strides; True counts as label 1.
    label : int
        Label to measure, 1 to 65535.
    spacing_mm : tuple of float
        Voxel size (z, y, x) in mm.

    Returns
    -------
    None if the label has no voxel, else a tuple of

    longest_mm : float
        Length of the longest diameter.
    endpoints : pair of voxel indices (z, y, x), int
        Its two ends in lexicographic order; of equal pairs the smallest.
    short_mm : float
        Length of the short axis.
    short_endpoints : pair of voxel indices (z, y, x) with fractions, float
        Its two ends in lexicographic order.

    Raises
    ------
    ValueError
        If label is not 1 to 65535, or a spacing is not positive and finite.

    Examples
    --------
    >>> mask = np.zeros((1, 3, 5), dtype=bool)
    >>> mask[0, 1, :] = mask[0, :, 2] = True
    >>> in_plane_diameters(mask, 1, (5.0, 1.0, 1.0))
    (4.0, ((0, 1, 0), (0, 1, 4)), 2.0, ((0.0, 0.0, 2.0), (0.0, 2.0, 2.0)))
    """

# ---- stream.rs -------------------------------------------------------------------------------------------------

def read_boxes(
    path: str,
    offset: int,
    shape_kji: _IndexZYX,
    dtype: str,
    boxes_kji: Sequence[tuple[_IndexZYX, _IndexZYX]],
    slope: float = 1.0,
    intercept: float = 0.0,
    spare: int = ...,
) -> tuple[list[NDArray[Any]], tuple[Any, Any] | None, bool]:
    """Read a volume from a file once, slice by slice, and keep the voxels of some boxes.

    A gzipped file (of one member or several) is inflated on the way, whatever its name, and its checksums are
    checked. One slice is in memory at a time, beside the boxes.

    Parameters
    ----------
    path : str
        The file.
    offset : int
        Byte of the (inflated) file at which the voxels begin.
    shape_kji : tuple of int
        Voxels per axis in the file's order, slowest first.
    dtype : str
        As NumPy writes it: byte order, kind and bytes, such as "<i2" or ">f4".
    boxes_kji : list of (start, stop)
        Half-open boxes of voxel indices in the file's order; they may overlap.
    slope, intercept : float
        Scale factors, only for `is_whole`.
    spare : int
        Bytes that may follow the last voxel.

    Returns
    -------
    voxels : list of ndarray
        Stored values of each box, in its shape and native byte order.
    range : (low, high) or None
        Smallest and largest stored value of the whole volume; None if one is NaN.
    is_whole : bool
        Whether value * slope + intercept is a whole number for every voxel of the volume.

    Raises
    ------
    ValueError
        If a box lies outside of the volume, the volume has no voxel, or more than `spare` bytes follow it.
    EOFError
        If the file ends before its last voxel.
    gzip.BadGzipFile
        If the file is damaged.
    OSError
        If the system cannot read it.
    MemoryError
        If the boxes do not fit into memory.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "volume")
    ...     _ = path.write_bytes(np.arange(6, dtype="<i2").tobytes())
    ...     read_boxes(str(path), 0, (1, 2, 3), "<i2", [((0, 1, 0), (1, 2, 2))])
    ([array([[[3, 4]]], dtype=int16)], (0, 5), True)
    """

def read_labelled(
    path: str, offset: int, shape_kji: _IndexZYX, dtype: str, spare: int = ...
) -> tuple[NDArray[np.uint64], NDArray[Any]]:
    """Read the voxels of a volume that are not zero, slice by slice, as `read_boxes` does.

    Parameters
    ----------
    path, offset, shape_kji, dtype, spare
        As in `read_boxes`.

    Returns
    -------
    indices_kji : ndarray of shape (n, 3), uint64
        Where they are, in the file's order.
    values : ndarray of shape (n,)
        The stored values.

    Raises
    ------
    ValueError, EOFError, gzip.BadGzipFile, OSError, MemoryError
        As in `read_boxes`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "volume")
    ...     _ = path.write_bytes(bytes([0, 0, 0, 7]))
    ...     read_labelled(str(path), 0, (1, 2, 2), "|u1")
    (array([[0, 1, 1]], dtype=uint64), array([7], dtype=uint8))
    """

# ---- gzip.rs ---------------------------------------------------------------------------------------------------

@final
class Deflater:
    """A gzip stream that is compressed while it is written; no name and no time: same bytes in, same bytes out.

    Parameters
    ----------
    level : int
        0 (stored) to 9 (smallest).

    Examples
    --------
    >>> import gzip
    >>> deflater = Deflater()
    >>> stream = deflater.compress(b"label ") + deflater.compress(b"map") + deflater.finish()
    >>> gzip.decompress(stream)
    b'label map'
    """

    def __new__(cls, level: int = 1) -> Self: ...
    def compress(self, data: bytes | memoryview | NDArray[np.uint8]) -> bytes:
        """Take bytes in.

        Parameters
        ----------
        data : bytes, or any C-contiguous buffer of uint8

        Returns
        -------
        bytes
            Those of the compressed stream that are ready; often none.

        Raises
        ------
        ValueError
            After `finish`.
        """
    def compress_zeros(self, n_bytes: int) -> bytes:
        """Take zeros in; fast where many calls ask for the same number.

        Parameters
        ----------
        n_bytes : int
            How many, below 2**32.

        Returns
        -------
        bytes
            As `compress`.

        Raises
        ------
        ValueError
            After `finish`.
        """
    def finish(self) -> bytes:
        """End the stream.

        Returns
        -------
        bytes
            The rest of it, checksum and length included.

        Raises
        ------
        ValueError
            The second time.
        """

# ---- threads.rs of the bindings --------------------------------------------------------------------------------

def has_avx2() -> bool:
    """Whether an x86 CPU has AVX2, as all of them since 2013-15; True of other CPUs.

    Returns
    -------
    bool

    Examples
    --------
    >>> has_avx2() in (True, False)
    True
    """

def usable_cpus() -> int:
    """CPUs that this process may use, as far as affinity and control groups' quotas let it; at least 1.

    Kernels start as many threads at their first call.

    Returns
    -------
    int

    Examples
    --------
    >>> usable_cpus() >= 1
    True
    """

//! Kernels that read and write label maps.

use lite_ensam_kernels as kernels;
use numpy::{IntoPyArray, PyArray1, PyArray3};
use pyo3::prelude::*;

use crate::arrays::{Labels, Marker, bool_as_uint8, with_view, writable_labels};
use crate::numbers::{
    Tumor, counts, label as label_number, n_labels as number_of_labels, not_negative, real, reals,
};
use crate::threads::run;

type IndexZyx = (usize, usize, usize);
type PointZyx = (f64, f64, f64);
type Line = (i32, (IndexZyx, IndexZyx));
type Diameters = (f64, (IndexZyx, IndexZyx), f64, (PointZyx, PointZyx));

/// Ends of the RECIST lines of a marker volume: the farthest pair of voxels of each label.
///
/// Exact for lines and for filled regions of any size. Ties go to the lexicographically smallest pair.
///
/// Parameters
/// ----------
/// marker : ndarray of shape (z, y, x), uint8, uint16, int16 or int32
///     0 where nothing is marked, else the label of the line; any strides.
/// spacing_mm : tuple of float
///     Voxel size (z, y, x) in mm.
///
/// Returns
/// -------
/// list of (label, (endpoint, endpoint)), labels ascending; an endpoint is a voxel index (z, y, x), the two in
/// lexicographic order. A marker without labels gives an empty list.
///
/// Raises
/// ------
/// ValueError
///     If a label is negative, has a single voxel or lies on several slices (names label and slices), or a
///     spacing is not positive and finite.
///
/// Examples
/// --------
/// >>> marker = np.zeros((2, 4, 4), dtype=np.uint8)
/// >>> marker[1, [0, 1, 2], [3, 2, 1]] = 5
/// >>> marker_endpoints(marker, (2.5, 0.7, 0.7))
/// [(5, ((1, 0, 3), (1, 2, 1)))]
#[pyfunction]
pub(crate) fn marker_endpoints(
    py: Python<'_>,
    marker: &Bound<'_, PyAny>,
    spacing_mm: &Bound<'_, PyAny>,
) -> PyResult<Vec<Line>> {
    let marker = Marker::check("marker", marker)?;
    let spacing = reals("spacing_mm", spacing_mm)?;
    let lines = with_view!(marker, Marker[U8, U16, I16, I32], view => {
        run(py, || kernels::marker_endpoints(view, spacing))
    });
    Ok(lines?.into_iter().map(|line| (line.label, pair(line.endpoints_zyx))).collect())
}

/// Voxels of each label 0, 1, .., n_labels.
///
/// Parameters
/// ----------
/// labels : ndarray of shape (z, y, x), uint8, uint16 or bool
///     Any strides.
/// n_labels : int
///     Largest label allowed, 0 to 65535.
///
/// Returns
/// -------
/// ndarray of shape (n_labels + 1,), uint64
///
/// Raises
/// ------
/// ValueError
///     If a label exceeds n_labels: names the smallest such label.
///
/// Examples
/// --------
/// >>> label_counts(np.array([[[0, 2, 2, 0, 0]]], dtype=np.uint8), 3)
/// array([3, 0, 2, 0], dtype=uint64)
#[pyfunction]
pub(crate) fn label_counts<'py>(
    py: Python<'py>,
    labels: &Bound<'py, PyAny>,
    n_labels: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let labels = Labels::check("labels", &bool_as_uint8(labels)?)?;
    let n_labels = number_of_labels("n_labels", n_labels)?;
    with_view!(labels, Labels[U8, U16], view => run(py, || kernels::label_counts(view, n_labels)))
        .map(|counts| counts.into_pyarray(py))
}

/// Bounding box of each label 0, 1, .., n_labels.
///
/// Parameters
/// ----------
/// labels : ndarray of shape (z, y, x), uint8, uint16 or bool
///     Any strides.
/// n_labels : int
///     Largest label allowed, 0 to 65535.
///
/// Returns
/// -------
/// ndarray of shape (n_labels + 1, 2, 3), int64
///     Start and stop (half open) voxel index (z, y, x) of each label, the background's too; zeros for a label
///     without voxels.
///
/// Raises
/// ------
/// ValueError
///     If a label exceeds n_labels: names the smallest such label.
///
/// Examples
/// --------
/// >>> label_boxes(np.array([[[0, 1, 1, 0]]], dtype=np.uint8), 1)[1]
/// array([[0, 0, 1],
///        [1, 1, 3]])
#[pyfunction]
pub(crate) fn label_boxes<'py>(
    py: Python<'py>,
    labels: &Bound<'py, PyAny>,
    n_labels: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray3<i64>>> {
    let labels = Labels::check("labels", &bool_as_uint8(labels)?)?;
    let n_labels = number_of_labels("n_labels", n_labels)?;
    with_view!(labels, Labels[U8, U16], view => run(py, || kernels::label_boxes(view, n_labels)))
        .map(|boxes| boxes.into_pyarray(py))
}

/// Paint the logits of all tumors into one label map of the full volume.
///
/// A tumor speaks for the voxels whose centre (index + 0.5) lies in its box [start, start + content step).
/// There its logits are interpolated trilinearly with half-pixel centres, repeated at the patch's border. The
/// highest logit wins if it exceeds the threshold: background wins ties, then the tumor that comes first. Scratch
/// memory is one slice for each thread.
///
/// Parameters
/// ----------
/// shape_zyx : tuple of int
///     Shape of the volume.
/// tumors : list of (label, logits, start_zyx, step_zyx, content_zyx)
///     label, 1 to 65535, each one once; logits, finite float32 (z, y, x) on the patch, any strides; edge
///     coordinate of the patch's corner; volume voxels per patch voxel, > 0; patch voxels per axis that come
///     from the volume, at least 1 (the rest is padding at the end, not looked at).
/// threshold : float
///     Logit that a voxel has to exceed.
/// origin_zyx : tuple of int
///     First voxel, if only a part of the volume is to be painted: the one of `shape_zyx` that begins there.
///
/// Returns
/// -------
/// ndarray of shape `shape_zyx`, uint16, C order. The only full-size allocation.
///
/// Raises
/// ------
/// ValueError
///     If a tumor is not as described (names its label), two share a label, or the threshold is not finite.
/// MemoryError
///     If the label map does not fit into memory.
///
/// Examples
/// --------
/// >>> logits = np.array([[[-1, 1, 3]]], dtype=np.float32)
/// >>> tumor = (7, logits, (0.0, 0.0, 0.0), (1.0, 1.0, 2.0), (1, 1, 2))
/// >>> paint((1, 1, 6), [tumor])
/// array([[[0, 0, 7, 7, 0, 0]]], dtype=uint16)
#[pyfunction]
#[pyo3(signature = (shape_zyx, tumors, threshold=0.0, origin_zyx=None))]
pub(crate) fn paint<'py>(
    py: Python<'py>,
    shape_zyx: &Bound<'py, PyAny>,
    tumors: &Bound<'py, PyAny>,
    threshold: f64,
    origin_zyx: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyArray3<u16>>> {
    let shape = counts("shape_zyx", shape_zyx)?;
    let origin = origin_zyx.map_or(Ok([0; 3]), |origin| counts("origin_zyx", origin))?;
    let tumors = Tumor::list("tumors", tumors)?;
    let views = Tumor::views(&tumors);
    run(py, || kernels::paint_part(origin, shape, &views, threshold)).map(|labels| labels.into_pyarray(py))
}

/// Give a tumor that has no voxel in a label map at least one voxel of its RECIST sphere (paper, 2.3).
///
/// In round n = 1, 2, .. the tumor's logits inside the sphere grow by 2^n - 1; it wins a voxel where they then
/// exceed the threshold and the logit of every other tumor. The first round with a win is the last, and all
/// voxels won are written. A competitor never loses its last voxel: it keeps the one where its own logit is best. If
/// max_rounds do not suffice, the sphere's voxel of the best own logit is assigned: of the background's voxels,
/// else of those whose holder has another one. Ties go to the first voxel in (z, y, x) order.
///
/// The sphere's voxels are those with a centre within the radius, in the volume and in the tumor's box; if there
/// are none, the nearest voxel that is in both.
///
/// Parameters
/// ----------
/// labels : ndarray of shape (z, y, x), uint16
///     Label map, as from `paint` with the same tumors and threshold; changed in place, any strides.
/// tumors : list of (label, logits, start_zyx, step_zyx, content_zyx)
///     As in `paint`.
/// missing : int
///     Label of the tumor that has no voxel; one of `tumors`.
/// center_zyx : tuple of float
///     Centre of the sphere, voxel index with fractions: the midpoint of the RECIST line.
/// radius_mm : float
///     Half the length of the RECIST line, at least 0.
/// spacing_mm : tuple of float
///     Voxel size (z, y, x) in mm.
/// threshold : float
///     Logit that a voxel has to exceed.
/// max_rounds : int
///     Rounds before a voxel is assigned, 0 to 64.
///
/// Returns
/// -------
/// rounds : int
///     Rounds of raising; max_rounds if a voxel was assigned.
/// offset : float
///     2^rounds - 1.
/// voxels : int
///     Voxels that the tumor has got, at least 1.
///
/// Raises
/// ------
/// ValueError
///     If an argument is not as described, the tumor's box holds no voxel of the volume, or each voxel of the
///     sphere is the last one of another tumor. `labels` is then unchanged.
///
/// Examples
/// --------
/// >>> logits = np.array([[[-9, -2, -9]]], dtype=np.float32)
/// >>> tumor = (1, logits, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1, 1, 3))
/// >>> labels = paint((1, 1, 3), [tumor])
/// >>> recover_missing_tumor(labels, [tumor], 1, (0.0, 0.0, 1.0), 1.0, (1.0, 1.0, 1.0))
/// (2, 3.0, 1)
/// >>> labels
/// array([[[0, 1, 0]]], dtype=uint16)
#[pyfunction]
#[pyo3(signature = (labels, tumors, missing, center_zyx, radius_mm, spacing_mm, threshold=0.0, max_rounds=16))]
#[expect(clippy::too_many_arguments, reason = "the Python signature; most have names at the call")]
pub(crate) fn recover_missing_tumor(
    py: Python<'_>,
    labels: &Bound<'_, PyAny>,
    tumors: &Bound<'_, PyAny>,
    missing: &Bound<'_, PyAny>,
    center_zyx: &Bound<'_, PyAny>,
    radius_mm: &Bound<'_, PyAny>,
    spacing_mm: &Bound<'_, PyAny>,
    threshold: f64,
    max_rounds: i64,
) -> PyResult<(usize, f64, usize)> {
    let mut labels = writable_labels("labels", labels)?;
    let tumors = Tumor::list("tumors", tumors)?;
    let missing = label_number("missing", missing)?;
    let sphere = kernels::Sphere {
        center_zyx: reals("center_zyx", center_zyx)?,
        radius_mm: real("radius_mm", radius_mm)?,
        spacing_mm: reals("spacing_mm", spacing_mm)?,
    };
    let max_rounds = not_negative("max_rounds", max_rounds)?;
    let (mut labels, views) = (labels.as_array_mut(), Tumor::views(&tumors));
    run(py, || kernels::recover_missing_tumor(&mut labels, &views, missing, &sphere, threshold, max_rounds))
        .map(|recovered| (recovered.rounds, recovered.offset, recovered.voxels))
}

/// Longest in-plane diameter of one label, and the short axis perpendicular to it on the same slice.
///
/// Of all axial slices the one counts whose two farthest voxel centres are farthest apart in mm (the first of
/// equals). The short axis is the longest chord of that slice's convex hull perpendicular to the diameter.
/// Lengths run from voxel centre to voxel centre: a single voxel measures 0. Exact, in the time of a convex hull.
///
/// Parameters
/// ----------
/// labels : ndarray of shape (z, y, x), uint8, uint16 or bool
///     Any strides; True counts as label 1.
/// label : int
///     Label to measure, 1 to 65535.
/// spacing_mm : tuple of float
///     Voxel size (z, y, x) in mm.
///
/// Returns
/// -------
/// None if the label has no voxel, else a tuple of
///
/// longest_mm : float
///     Length of the longest diameter.
/// endpoints : pair of voxel indices (z, y, x), int
///     Its two ends in lexicographic order; of equal pairs the smallest.
/// short_mm : float
///     Length of the short axis.
/// short_endpoints : pair of voxel indices (z, y, x) with fractions, float
///     Its two ends in lexicographic order.
///
/// Raises
/// ------
/// ValueError
///     If label is not 1 to 65535, or a spacing is not positive and finite.
///
/// Examples
/// --------
/// >>> mask = np.zeros((1, 3, 5), dtype=bool)
/// >>> mask[0, 1, :] = mask[0, :, 2] = True
/// >>> in_plane_diameters(mask, 1, (5.0, 1.0, 1.0))
/// (4.0, ((0, 1, 0), (0, 1, 4)), 2.0, ((0.0, 0.0, 2.0), (0.0, 2.0, 2.0)))
#[pyfunction]
pub(crate) fn in_plane_diameters(
    py: Python<'_>,
    labels: &Bound<'_, PyAny>,
    label: &Bound<'_, PyAny>,
    spacing_mm: &Bound<'_, PyAny>,
) -> PyResult<Option<Diameters>> {
    let labels = Labels::check("labels", &bool_as_uint8(labels)?)?;
    let label = label_number("label", label)?;
    let spacing = reals("spacing_mm", spacing_mm)?;
    let found = with_view!(labels, Labels[U8, U16], view => {
        run(py, || kernels::in_plane_diameters(view, label, spacing))
    });
    Ok(found?.map(|found| {
        (found.longest_mm, pair(found.endpoints_zyx), found.short_mm, pair(found.short_endpoints_zyx))
    }))
}

/// The largest piece of one label, where voxels that share a face, an edge or a corner belong together.
///
/// Parameters
/// ----------
/// labels : ndarray of shape (z, y, x), uint8, uint16 or bool
///     Any strides; True counts as label 1.
/// label : int
///     Label to look at, 1 to 65535.
///
/// Returns
/// -------
/// mask : ndarray of the shape of `labels`, bool, C order
///     Voxels of the piece that has most; of equal pieces the one whose first voxel comes first in (z, y, x) order.
/// n_pieces : int
///     How many pieces the label has; 0 if it is absent.
///
/// Raises
/// ------
/// ValueError
///     If label is not 1 to 65535.
///
/// Examples
/// --------
/// >>> largest_piece(np.array([[[1, 0, 1, 1]]], dtype=np.uint8), 1)
/// (array([[[False, False,  True,  True]]]), 2)
#[pyfunction]
pub(crate) fn largest_piece<'py>(
    py: Python<'py>,
    labels: &Bound<'py, PyAny>,
    label: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyArray3<bool>>, usize)> {
    let labels = Labels::check("labels", &bool_as_uint8(labels)?)?;
    let label = label_number("label", label)?;
    with_view!(labels, Labels[U8, U16], view => run(py, || kernels::largest_piece(view, label)))
        .map(|found| (found.mask.into_pyarray(py), found.n_pieces))
}

fn pair<T>([first, second]: [[T; 3]; 2]) -> ((T, T, T), (T, T, T)) {
    (first.into(), second.into())
}

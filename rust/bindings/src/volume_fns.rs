//! Kernels that read grey values.

use lite_ensam_kernels as kernels;
use numpy::{IntoPyArray, PyArray3, PyArrayMethods};
use pyo3::prelude::*;

use crate::arrays::{Mask, Volume, bool_as_uint8, with_view};
use crate::errors::to_python;
use crate::numbers::{counts, real, reals};
use crate::threads::run;

type Index = (usize, usize, usize);

/// Smallest and largest grey value of a scan that arrives slab by slab along z.
///
/// Nothing of a slab is kept but its two extremes, so the scan need never be in memory as a whole.
///
/// Attributes
/// ----------
/// low, high : float or None
///     Extremes so far; None before the first voxel.
/// n_slices : int
///     Slices seen so far.
///
/// Examples
/// --------
/// >>> values = ValueRange()
/// >>> values.update(np.array([[[-1000, 40]]], dtype=np.int16))
/// >>> values.update(np.array([[[300, 0]]], dtype=np.int16))
/// >>> values.low, values.high, values.n_slices
/// (-1000.0, 300.0, 2)
#[pyclass(module = "lite_ensam._kernels")]
#[derive(Default)]
pub(crate) struct ValueRange(kernels::ValueRange);

#[pymethods]
impl ValueRange {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Take the next slab in; a slab that is refused changes nothing.
    ///
    /// Parameters
    /// ----------
    /// slab : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
    ///     The next slices; any strides.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If a voxel is NaN or infinite: names the first one, z counted over all slabs so far.
    ///
    /// Examples
    /// --------
    /// >>> values = ValueRange()
    /// >>> values.update(np.zeros((2, 1, 1), dtype=np.float32))
    /// >>> values.update(np.full((1, 1, 1), np.nan, dtype=np.float32))
    /// Traceback (most recent call last):
    /// ValueError: voxel (z, y, x) = (2, 0, 0) is NaN
    fn update(&mut self, py: Python<'_>, slab: &Bound<'_, PyAny>) -> PyResult<()> {
        let slab = Volume::check("slab", slab)?;
        with_view!(slab, Volume[I16, U16, U8, F32], view => run(py, || self.0.update(view)))
    }

    /// Smallest value so far; None before the first voxel.
    #[getter]
    fn low(&self) -> Option<f64> {
        self.0.low()
    }

    /// Largest value so far; None before the first voxel.
    #[getter]
    fn high(&self) -> Option<f64> {
        self.0.high()
    }

    /// Slices seen so far.
    #[getter]
    fn n_slices(&self) -> usize {
        self.0.n_slices()
    }
}

/// Smallest and largest grey value of a whole volume.
///
/// Parameters
/// ----------
/// volume : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
///     Any strides; read once, nothing is copied.
///
/// Returns
/// -------
/// low, high : float
///
/// Raises
/// ------
/// ValueError
///     If the volume is empty, or a voxel is NaN or infinite (names the first one).
///
/// Examples
/// --------
/// >>> value_range(np.array([[[-1024, 3071]]], dtype=np.int16))
/// (-1024.0, 3071.0)
#[pyfunction]
pub(crate) fn value_range(py: Python<'_>, volume: &Bound<'_, PyAny>) -> PyResult<(f64, f64)> {
    let volume = Volume::check("volume", volume)?;
    with_view!(volume, Volume[I16, U16, U8, F32], view => run(py, || kernels::value_range(view)))
}

/// Scale grey values to [0, 1]: (v - low) / (high - low), clipped.
///
/// Never decreases where the voxel grows: pooling before or after it gives the same bits.
///
/// Parameters
/// ----------
/// volume : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
///     Any strides. A NaN stays NaN.
/// low, high : float
///     Values that become 0 and 1. If they are equal the result is all zeros.
///
/// Returns
/// -------
/// ndarray of the same shape, float32, C order. The only allocation.
///
/// Raises
/// ------
/// ValueError
///     If low > high, or one of them (or their difference) is not finite.
///
/// Examples
/// --------
/// >>> min_max(np.array([[[-160, 40, 900]]], dtype=np.int16), -160.0, 240.0)
/// array([[[0. , 0.5, 1. ]]], dtype=float32)
#[pyfunction]
pub(crate) fn min_max<'py>(
    py: Python<'py>,
    volume: &Bound<'py, PyAny>,
    low: &Bound<'py, PyAny>,
    high: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let volume = Volume::check("volume", volume)?;
    let (low, high) = (real("low", low)?, real("high", high)?);
    // numpy's own memory: it asks the system for large pages
    let shape = with_view!(volume, Volume[I16, U16, U8, F32], view => view.dim());
    let scaled =
        py.import("numpy")?.call_method1("empty", (shape, "float32"))?.cast_into::<PyArray3<f32>>()?;
    let mut writable = scaled.readwrite();
    let out = writable.as_array_mut();
    with_view!(volume, Volume[I16, U16, U8, F32], view => run(py, || kernels::min_max(view, low, high, out)))?;
    drop(writable);
    Ok(scaled)
}

/// Largest value in each block of a box, in one pass over the box.
///
/// A block cut short by the box's edge is pooled over the voxels it has; nothing is padded, so no invented
/// value can win.
///
/// Parameters
/// ----------
/// volume : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
///     Any strides; finite.
/// start_zyx, stop_zyx : tuple of int
///     First voxel of the box and one past its last. An empty box gives an empty array.
/// factor_zyx : tuple of int
///     Block size in voxels, each at least 1.
///
/// Returns
/// -------
/// ndarray of shape ceil((stop - start) / factor), dtype of `volume`, C order. The only allocation.
///
/// Raises
/// ------
/// ValueError
///     If the box leaves the volume or stop < start, or a factor is 0.
///
/// Examples
/// --------
/// >>> volume = np.arange(8, dtype=np.int16).reshape(1, 2, 4)
/// >>> crop_max_pool(volume, (0, 0, 1), (1, 2, 4), (1, 2, 2))
/// array([[[6, 7]]], dtype=int16)
#[pyfunction]
pub(crate) fn crop_max_pool<'py>(
    py: Python<'py>,
    volume: &Bound<'py, PyAny>,
    start_zyx: &Bound<'py, PyAny>,
    stop_zyx: &Bound<'py, PyAny>,
    factor_zyx: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let volume = Volume::check("volume", volume)?;
    let (start, stop) = (counts("start_zyx", start_zyx)?, counts("stop_zyx", stop_zyx)?);
    let factor = counts("factor_zyx", factor_zyx)?;
    with_view!(volume, Volume[I16, U16, U8, F32], view => {
        run(py, || kernels::crop_max_pool(view, start, stop, factor))
            .map(|pooled| pooled.into_pyarray(py).into_any())
    })
}

/// Cut a box out of a volume and resample it to a patch of fixed shape.
///
/// Along an axis with step > 1 a patch voxel is the exact average of the volume over
/// [start + i step, start + (i + 1) step), partly covered voxels weighted by their share. With step <= 1 it is
/// the linear interpolation at the centre start + (i + 0.5) step. Outside the volume the nearest edge voxel is
/// repeated. Only the voxels that the patch needs are read.
///
/// Parameters
/// ----------
/// volume : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
///     Any strides; at least one voxel.
/// start_zyx : tuple of float
///     Edge coordinate (voxel i covers [i, i + 1)) of the patch's corner; may lie outside the volume.
/// step_zyx : tuple of float
///     Volume voxels per patch voxel, each > 0; < 1 enlarges.
/// shape_zyx : tuple of int
///     Shape of the patch, each at least 1.
/// origin_zyx, whole_shape_zyx : tuple of int
///     If `volume` is only a part of the volume that the coordinates mean: its first voxel in the whole, and the
///     whole's shape. The patch is the same bit for bit.
///
/// Returns
/// -------
/// ndarray of shape `shape_zyx`, float32, C order
///
/// Raises
/// ------
/// ValueError
///     If the volume is empty, a coordinate is not finite, a step is not positive or a side is 0, or a part lacks
///     voxels that the patch needs (`resample_box` says which).
/// MemoryError
///     If the patch does not fit into memory.
///
/// Examples
/// --------
/// >>> volume = np.array([[[0, 10, 20, 30]]], dtype=np.int16)
/// >>> crop_resample(volume, (0.0, 0.0, 0.0), (1.0, 1.0, 2.0), (1, 1, 2))
/// array([[[ 5., 25.]]], dtype=float32)
/// >>> crop_resample(volume, (0.0, 0.0, 0.0), (1.0, 1.0, 0.5), (1, 1, 4))
/// array([[[ 0. ,  2.5,  7.5, 12.5]]], dtype=float32)
#[pyfunction]
#[pyo3(signature = (volume, start_zyx, step_zyx, shape_zyx, origin_zyx=None, whole_shape_zyx=None))]
pub(crate) fn crop_resample<'py>(
    py: Python<'py>,
    volume: &Bound<'py, PyAny>,
    start_zyx: &Bound<'py, PyAny>,
    step_zyx: &Bound<'py, PyAny>,
    shape_zyx: &Bound<'py, PyAny>,
    origin_zyx: Option<&Bound<'py, PyAny>>,
    whole_shape_zyx: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyArray3<f32>>> {
    let volume = Volume::check("volume", volume)?;
    let origin = origin_zyx.map_or(Ok([0; 3]), |origin| counts("origin_zyx", origin))?;
    let whole = whole_shape_zyx.map(|shape| counts("whole_shape_zyx", shape)).transpose()?;
    let (start, step) = (reals("start_zyx", start_zyx)?, reals("step_zyx", step_zyx)?);
    let shape = counts("shape_zyx", shape_zyx)?;
    with_view!(volume, Volume[I16, U16, U8, F32], view => {
        let whole = whole.unwrap_or(view.dim().into());
        run(py, || kernels::resample_part(view, origin, whole, start, step, shape))
    })
    .map(|patch| patch.into_pyarray(py))
}

/// The voxels of a volume that `crop_resample` reads for a patch.
///
/// Parameters
/// ----------
/// volume_shape_zyx : tuple of int
///     Shape of the volume.
/// start_zyx, step_zyx, shape_zyx
///     As in `crop_resample`.
///
/// Returns
/// -------
/// start, stop : tuple of int
///     Half-open box of voxel indices (z, y, x), inside the volume and not empty.
///
/// Raises
/// ------
/// ValueError
///     As `crop_resample`.
/// MemoryError
///     If the patch does not fit into memory.
///
/// Examples
/// --------
/// >>> resample_box((9, 9, 9), (-2.0, 3.0, 7.5), (2.0, 1.0, 0.5), (3, 3, 3))
/// ((0, 3, 7), (4, 6, 9))
#[pyfunction]
pub(crate) fn resample_box(
    volume_shape_zyx: &Bound<'_, PyAny>,
    start_zyx: &Bound<'_, PyAny>,
    step_zyx: &Bound<'_, PyAny>,
    shape_zyx: &Bound<'_, PyAny>,
) -> PyResult<(Index, Index)> {
    let (start, step) = (reals("start_zyx", start_zyx)?, reals("step_zyx", step_zyx)?);
    let volume_shape = counts("volume_shape_zyx", volume_shape_zyx)?;
    kernels::resample_box(volume_shape, start, step, counts("shape_zyx", shape_zyx)?)
        .map(|(start, stop)| (start.into(), stop.into()))
        .map_err(to_python)
}

/// The mask of a tumour with its border moved to the half-maximum between inside and outside.
///
/// A voxel of a band, `reach_mm` to both sides of the border, is inside if its grey value is nearer to the mean of the
/// mask's core than to the mean of the surroundings. Darker and brighter surroundings have a mean each: a voxel that is
/// darker than the core is compared with the darker ones. Where core and surroundings differ by less than twice the
/// noise, the border stays. Voxels that most of their neighbours disagree with are turned over; pieces that are not
/// connected with the core are left out. A mask without core, surroundings or visible border comes back as it is.
///
/// Means are taken under Gaussian bells. Bells of 8 voxels and more are averaged on blocks of at most a quarter of
/// their standard deviation: single voxels, at the border, may differ from those of exact bells.
///
/// Parameters
/// ----------
/// mask : ndarray of shape (z, y, x), uint8 or bool
///     The tumour, not 0 inside; any strides.
/// other : ndarray of shape (z, y, x), uint8 or bool
///     Voxels that the tumour must not take, and that do not count as its surroundings.
/// grey : ndarray of shape (z, y, x), int16, uint16, uint8 or float32
///     Grey values; finite.
/// spacing_mm : tuple of float
///     Voxel size (z, y, x) in mm.
/// reach_mm : float
///     How far the border may move.
/// local_mm : float
///     Standard deviation of the bells; at least 1.5 times `reach_mm` is taken.
///
/// Returns
/// -------
/// ndarray of the shape of `mask`, bool, C order
///
/// Raises
/// ------
/// ValueError
///     If the arrays differ in shape, or a spacing or distance is not positive and finite.
/// MemoryError
///     If the work does not fit into memory: 64 bytes a voxel.
///
/// Examples
/// --------
/// >>> grey = np.array([[[0, 1, 60, 61, 59, 60, 61, 60, 1, 0, 1, 0]]], dtype=np.int16)
/// >>> mask = np.array([[[0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]]], dtype=np.uint8)
/// >>> snap_to_edge(mask, np.zeros_like(mask), grey, (1.0, 1.0, 1.0), 2.0, 3.0).astype(int)
/// array([[[0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]]])
#[pyfunction]
pub(crate) fn snap_to_edge<'py>(
    py: Python<'py>,
    mask: &Bound<'py, PyAny>,
    other: &Bound<'py, PyAny>,
    grey: &Bound<'py, PyAny>,
    spacing_mm: &Bound<'py, PyAny>,
    reach_mm: &Bound<'py, PyAny>,
    local_mm: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray3<bool>>> {
    let Mask::U8(mask) = Mask::check("mask", &bool_as_uint8(mask)?)?;
    let Mask::U8(other) = Mask::check("other", &bool_as_uint8(other)?)?;
    let grey = Volume::check("grey", grey)?;
    let spacing = reals("spacing_mm", spacing_mm)?;
    let (reach, local) = (real("reach_mm", reach_mm)?, real("local_mm", local_mm)?);
    let (mask, other) = (mask.as_array(), other.as_array());
    with_view!(grey, Volume[I16, U16, U8, F32], view => {
        run(py, || kernels::snap_to_edge(mask, other, view, spacing, reach, local))
    })
    .map(|snapped| snapped.into_pyarray(py))
}

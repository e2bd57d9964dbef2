//! Kernels that read and write files' bytes.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use lite_ensam_kernels as kernels;
use lite_ensam_kernels::{Inflated, Layout, StreamError, VoxelBox};
use numpy::ndarray::Array2;
use numpy::{Element, IntoPyArray};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyEOFError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::to_python;
use crate::numbers::counts;

/// Runs an expression with `$stored` as the Rust type that NumPy calls `$code`, as i2 or f4.
macro_rules! with_stored {
    ($code:expr, $stored:ident => $body:expr) => {
        with_stored!(@ $code, $stored => $body;
            "u1" = u8, "i1" = i8, "u2" = u16, "i2" = i16, "u4" = u32, "i4" = i32, "u8" = u64, "i8" = i64,
            "f4" = f32, "f8" = f64)
    };
    (@ $code:expr, $stored:ident => $body:expr; $($name:literal = $dtype:ty),*) => {
        match $code {
            $($name => {
                type $stored = $dtype;
                $body
            })*
            code => Err(PyTypeError::new_err(format!(
                "dtype must be a real number of 8 to 64 bits (u1, i2, .., f8), got {code}"
            ))),
        }
    };
}

/// Arrays, (low, high) or None, whether all values are whole.
type Read3<'py> = (Vec<Bound<'py, PyAny>>, Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>, bool);

/// Read a volume from a file once, slice by slice, and keep the voxels of some boxes.
///
/// A gzipped file (of one member or several) is inflated on the way, whatever its name, and its checksums are
/// checked. One slice is in memory at a time, beside the boxes.
///
/// Parameters
/// ----------
/// path : str
///     The file.
/// offset : int
///     Byte of the (inflated) file at which the voxels begin.
/// shape_kji : tuple of int
///     Voxels per axis in the file's order, slowest first.
/// dtype : str
///     As NumPy writes it: byte order, kind and bytes, such as "<i2" or ">f4".
/// boxes_kji : list of (start, stop)
///     Half-open boxes of voxel indices in the file's order; they may overlap.
/// slope, intercept : float
///     Scale factors, only for `is_whole`.
/// spare : int
///     Bytes that may follow the last voxel.
///
/// Returns
/// -------
/// voxels : list of ndarray
///     Stored values of each box, in its shape and native byte order.
/// range : (low, high) or None
///     Smallest and largest stored value of the whole volume; None if one is NaN.
/// is_whole : bool
///     Whether value * slope + intercept is a whole number for every voxel of the volume.
///
/// Raises
/// ------
/// ValueError
///     If a box lies outside of the volume, the volume has no voxel, or more than `spare` bytes follow it.
/// EOFError
///     If the file ends before its last voxel.
/// gzip.BadGzipFile
///     If the file is damaged.
/// OSError
///     If the system cannot read it.
/// MemoryError
///     If the boxes do not fit into memory.
///
/// Examples
/// --------
/// >>> import pathlib, tempfile
/// >>> with tempfile.TemporaryDirectory() as folder:
/// ...     path = pathlib.Path(folder, "volume")
/// ...     _ = path.write_bytes(np.arange(6, dtype="<i2").tobytes())
/// ...     read_boxes(str(path), 0, (1, 2, 3), "<i2", [((0, 1, 0), (1, 2, 2))])
/// ([array([[[3, 4]]], dtype=int16)], (0, 5), True)
#[pyfunction]
#[pyo3(signature = (path, offset, shape_kji, dtype, boxes_kji, slope=1.0, intercept=0.0, spare=1 << 26))]
#[expect(clippy::too_many_arguments, reason = "the Python signature")]
pub(crate) fn read_boxes<'py>(
    py: Python<'py>,
    path: PathBuf,
    offset: u64,
    shape_kji: &Bound<'py, PyAny>,
    dtype: &str,
    boxes_kji: Vec<[[usize; 3]; 2]>,
    slope: f64,
    intercept: f64,
    spare: u64,
) -> PyResult<Read3<'py>> {
    let (layout, code) = layout(shape_kji, dtype)?;
    let wanted = boxes_kji.into_iter().map(|[start_kji, stop_kji]| VoxelBox { start_kji, stop_kji });
    let wanted: Vec<_> = wanted.collect();
    with_stored!(code, Stored => {
        let read = |stream: &mut _| kernels::read_boxes::<Stored>(stream, layout, &wanted, (slope, intercept));
        let kernels::Boxes { voxels, range, is_whole } = over_voxels(py, &path, offset, spare, read)?;
        let range = range.map(|(low, high)| -> PyResult<_> { Ok((number(py, low)?, number(py, high)?)) });
        Ok((voxels.into_iter().map(|v| v.into_pyarray(py).into_any()).collect(), range.transpose()?, is_whole))
    })
}

/// Read the voxels of a volume that are not zero, slice by slice, as `read_boxes` does.
///
/// Parameters
/// ----------
/// path, offset, shape_kji, dtype, spare
///     As in `read_boxes`.
///
/// Returns
/// -------
/// indices_kji : ndarray of shape (n, 3), uint64
///     Where they are, in the file's order.
/// values : ndarray of shape (n,)
///     The stored values.
///
/// Raises
/// ------
/// ValueError, EOFError, gzip.BadGzipFile, OSError, MemoryError
///     As in `read_boxes`.
///
/// Examples
/// --------
/// >>> import pathlib, tempfile
/// >>> with tempfile.TemporaryDirectory() as folder:
/// ...     path = pathlib.Path(folder, "volume")
/// ...     _ = path.write_bytes(bytes([0, 0, 0, 7]))
/// ...     read_labelled(str(path), 0, (1, 2, 2), "|u1")
/// (array([[0, 1, 1]], dtype=uint64), array([7], dtype=uint8))
#[pyfunction]
#[pyo3(signature = (path, offset, shape_kji, dtype, spare=1 << 26))]
pub(crate) fn read_labelled<'py>(
    py: Python<'py>,
    path: PathBuf,
    offset: u64,
    shape_kji: &Bound<'py, PyAny>,
    dtype: &str,
    spare: u64,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let (layout, code) = layout(shape_kji, dtype)?;
    with_stored!(code, Stored => {
        let read = |stream: &mut _| kernels::read_labelled::<Stored>(stream, layout);
        let (places, values) = over_voxels(py, &path, offset, spare, read)?;
        let places = Array2::from_shape_fn((places.len(), 3), |(n, axis)| places[n][axis] as u64);
        Ok((places.into_pyarray(py).into_any(), values.into_pyarray(py).into_any()))
    })
}

/// A gzip stream that is compressed while it is written; no name and no time: same bytes in, same bytes out.
///
/// Parameters
/// ----------
/// level : int
///     0 (stored) to 9 (smallest).
///
/// Examples
/// --------
/// >>> import gzip
/// >>> deflater = Deflater()
/// >>> stream = deflater.compress(b"label ") + deflater.compress(b"map") + deflater.finish()
/// >>> gzip.decompress(stream)
/// b'label map'
#[pyclass(module = "lite_ensam._kernels")]
pub(crate) struct Deflater(Option<kernels::Deflater>);

#[pymethods]
impl Deflater {
    #[new]
    #[pyo3(signature = (level=1))]
    fn new(level: u32) -> PyResult<Self> {
        if level > 9 {
            return Err(PyValueError::new_err(format!("level must be 0 to 9, got {level}")));
        }
        Ok(Self(Some(kernels::Deflater::new(level))))
    }

    /// Take bytes in.
    ///
    /// Parameters
    /// ----------
    /// data : bytes, or any C-contiguous buffer of uint8
    ///
    /// Returns
    /// -------
    /// bytes
    ///     Those of the compressed stream that are ready; often none.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     After `finish`.
    fn compress<'py>(&mut self, py: Python<'py>, data: PyBuffer<u8>) -> PyResult<Bound<'py, PyBytes>> {
        let Some(deflater) = &mut self.0 else {
            return Err(PyValueError::new_err("the stream is finished"));
        };
        let data = data.to_vec(py)?;
        Ok(PyBytes::new(py, &py.detach(|| deflater.compress(&data))))
    }

    /// Take zeros in; fast where many calls ask for the same number.
    ///
    /// Parameters
    /// ----------
    /// n_bytes : int
    ///     How many, below 2**32.
    ///
    /// Returns
    /// -------
    /// bytes
    ///     As `compress`.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     After `finish`.
    fn compress_zeros<'py>(&mut self, py: Python<'py>, n_bytes: u32) -> PyResult<Bound<'py, PyBytes>> {
        let Some(deflater) = &mut self.0 else {
            return Err(PyValueError::new_err("the stream is finished"));
        };
        Ok(PyBytes::new(py, &py.detach(|| deflater.compress_zeros(n_bytes))))
    }

    /// End the stream.
    ///
    /// Returns
    /// -------
    /// bytes
    ///     The rest of it, checksum and length included.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     The second time.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        match self.0.take() {
            Some(deflater) => Ok(PyBytes::new(py, &py.detach(|| deflater.finish()))),
            None => Err(PyValueError::new_err("the stream is finished")),
        }
    }
}

/// "<i2" as byte order and "i2".
fn layout<'a>(shape_kji: &Bound<'_, PyAny>, dtype: &'a str) -> PyResult<(Layout, &'a str)> {
    let shape_kji = counts("shape_kji", shape_kji)?;
    match dtype.split_at_checked(1) {
        Some((order @ ("<" | ">" | "|"), code)) => Ok((Layout { shape_kji, big_endian: order == ">" }, code)),
        _ => Err(PyTypeError::new_err(format!(
            "dtype must begin with its byte order, as in '<i2', got '{dtype}'"
        ))),
    }
}

/// What a kernel reads from a file's first voxel on, without the interpreter's lock; then on to the stream's end, where
/// the checksums are.
fn over_voxels<R: Send>(
    py: Python<'_>,
    path: &Path,
    offset: u64,
    spare: u64,
    read: impl FnOnce(&mut Inflated<BufReader<File>>) -> Result<R, StreamError> + Send,
) -> PyResult<R> {
    let found = py.detach(|| {
        let mut stream = kernels::open(path)?;
        if io::copy(&mut stream.by_ref().take(offset), &mut io::sink())? < offset {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let found = read(&mut stream)?;
        if stream.check_rest(spare)? > spare { Err(StreamError::TooLong { spare }) } else { Ok(found) }
    });
    found.map_err(|error| stream_error(py, error))
}

/// A stored value as a Python number.
fn number<'py, T: Element>(py: Python<'py>, value: T) -> PyResult<Bound<'py, PyAny>> {
    vec![value].into_pyarray(py).call_method0("item")
}

fn stream_error(py: Python<'_>, error: StreamError) -> PyErr {
    let error = match error {
        StreamError::Kernel(error) => return to_python(error),
        StreamError::TooLong { .. } => return PyValueError::new_err(error.to_string()),
        StreamError::Io(error) => error,
    };
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PyEOFError::new_err("the file ends before its last voxel"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            let bad = py.import("gzip").and_then(|gzip| gzip.getattr("BadGzipFile"));
            match bad.and_then(|bad| bad.call1((error.to_string(),))) {
                Ok(bad) => PyErr::from_value(bad),
                Err(other) => other,
            }
        }
        _ => error.into(),
    }
}

//! Array arguments: dtype, dimensions and strides are checked, then seen through a view. Nothing is copied.

use numpy::{
    Element, PyArray3, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray3, PyReadwriteArray3,
    PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// Declares an enum of read-only 3D arrays, one variant for each dtype, with a `check` that names the argument.
macro_rules! array_argument {
    ($(#[$docs:meta])* $name:ident, $dtypes:literal, $($variant:ident: $dtype:ty),+) => {
        $(#[$docs])*
        pub(crate) enum $name<'py> {
            $($variant(PyReadonlyArray3<'py, $dtype>)),+
        }

        impl<'py> $name<'py> {
            pub(crate) fn check(name: &str, argument: &Bound<'py, PyAny>) -> PyResult<Self> {
                let array = untyped(name, argument, $dtypes)?;
                $(if let Some(array) = typed::<$dtype>(name, array)? {
                    return Ok(Self::$variant(array.try_readonly().map_err(|e| in_use(name, e))?));
                })+
                Err(wrong_dtype(name, array, $dtypes))
            }
        }
    };
}

array_argument! {
    /// Grey values.
    Volume, "int16, uint16, uint8 or float32", I16: i16, U16: u16, U8: u8, F32: f32
}
array_argument! {
    /// A marker volume.
    Marker, "uint8, uint16, int16 or int32", U8: u8, U16: u16, I16: i16, I32: i32
}
array_argument! {
    /// A label map.
    Labels, "uint8, uint16 or bool", U8: u8, U16: u16
}
array_argument! {
    /// A mask.
    Mask, "uint8 or bool", U8: u8
}
array_argument! {
    /// Logits of a patch.
    Logits, "float32", F32: f32
}

/// Evaluates an expression on the view behind such an enum, once for each dtype.
macro_rules! with_view {
    ($array:expr, $name:ident[$($variant:ident),+], $view:ident => $body:expr) => {
        match &$array {
            $($name::$variant(array) => {
                let $view = array.as_array();
                $body
            })+
        }
    };
}
pub(crate) use with_view;

/// A uint16 label map to write into.
pub(crate) fn writable_labels<'py>(
    name: &str,
    argument: &Bound<'py, PyAny>,
) -> PyResult<PyReadwriteArray3<'py, u16>> {
    let array = untyped(name, argument, "uint16")?;
    let array = typed::<u16>(name, array)?.ok_or_else(|| wrong_dtype(name, array, "uint16"))?;
    array.try_readwrite().map_err(|e| in_use(name, e))
}

/// The same bytes as uint8 where the array is bool. (A Rust `bool` must be 0 or 1; NumPy does not promise that.)
pub(crate) fn bool_as_uint8<'py>(argument: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match argument.cast::<PyUntypedArray>() {
        Ok(array) if array.dtype().is_equiv_to(&dtype::<bool>(argument.py())) => {
            argument.call_method1("view", (dtype::<u8>(argument.py()),))
        }
        _ => Ok(argument.clone()),
    }
}

fn untyped<'a, 'py>(
    name: &str,
    argument: &'a Bound<'py, PyAny>,
    dtypes: &str,
) -> PyResult<&'a Bound<'py, PyUntypedArray>> {
    argument.cast::<PyUntypedArray>().map_err(|_| {
        let got = argument.get_type();
        PyTypeError::new_err(format!("{name} must be a NumPy array of {dtypes}, got {got}"))
    })
}

/// The array if it has this dtype; an error if it has, but is not 3D or not aligned.
fn typed<'py, T: Element>(
    name: &str,
    array: &Bound<'py, PyUntypedArray>,
) -> PyResult<Option<Bound<'py, PyArray3<T>>>> {
    if !array.dtype().is_equiv_to(&dtype::<T>(array.py())) {
        return Ok(None);
    }
    if array.ndim() != 3 {
        let shape = array.getattr("shape")?;
        return Err(PyValueError::new_err(format!("{name} must be 3D (z, y, x), got shape {shape}")));
    }
    // Also rules out strides that are no multiple of the item's size (a field of a record array)
    if !array.is_aligned() {
        return Err(PyValueError::new_err(format!(
            "{name} must be aligned in memory, got an unaligned array"
        )));
    }
    Ok(Some(array.cast::<PyArray3<T>>()?.clone()))
}

fn wrong_dtype(name: &str, array: &Bound<'_, PyUntypedArray>, dtypes: &str) -> PyErr {
    PyTypeError::new_err(format!("{name} must be of dtype {dtypes}, got {}", array.dtype()))
}

fn in_use(name: &str, error: numpy::BorrowError) -> PyErr {
    PyValueError::new_err(match error {
        numpy::BorrowError::NotWriteable => format!("{name} must be writable, got a read-only array"),
        _ => format!("{name} is being changed by another call"),
    })
}

//! Kernel errors become Python errors here and nowhere else.

use lite_ensam_kernels::KernelError;
use pyo3::PyErr;
use pyo3::exceptions::{PyMemoryError, PyValueError};

pub(crate) fn to_python(error: KernelError) -> PyErr {
    match error {
        KernelError::TooLarge { .. } => PyMemoryError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

//! Python module `lite_ensam._kernels`. Each function takes three steps: check and convert the arguments, call the
//! kernel with the GIL released, map its error. Arithmetic is not done here.

mod arrays;
mod errors;
mod label_fns;
mod numbers;
mod stream_fns;
mod threads;
mod volume_fns;

use pyo3::prelude::*;

/// Compiled voxel kernels of lite-ensam; private, use the functions of the package.
#[pymodule]
mod _kernels {
    use pyo3::exceptions::PyRuntimeWarning;
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::label_fns::{
        in_plane_diameters, label_boxes, label_counts, largest_piece, marker_endpoints, paint,
        recover_missing_tumor,
    };
    #[pymodule_export]
    use crate::stream_fns::{Deflater, read_boxes, read_labelled};
    #[pymodule_export]
    use crate::threads::{has_avx2, usable_cpus};
    #[pymodule_export]
    use crate::volume_fns::{
        ValueRange, crop_max_pool, crop_resample, min_max, resample_box, snap_to_edge, value_range,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let is_debug = cfg!(debug_assertions);
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("build_profile", if is_debug { "debug" } else { "release" })?;
        if is_debug {
            let advice = c"lite_ensam._kernels is a debug build, many times slower: build it with --release";
            PyErr::warn(module.py(), &module.py().get_type::<PyRuntimeWarning>(), advice, 1)?;
        }
        Ok(())
    }
}

//! What CPUs there are, and the kernels' threads on them. A forked child inherits a pool's memory but not its
//! threads, and would wait for them for ever: each process starts its own.

use std::num::NonZero;
use std::process;
use std::thread::available_parallelism;

use lite_ensam_kernels::KernelError;
use once_cell::race::OnceBox;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::to_python;

/// Pools of this process and of those that it was forked from, oldest first. No lock guards them: another thread
/// could hold it at the moment of a fork.
static POOLS: OnceBox<Pool> = OnceBox::new();

struct Pool {
    process_id: u32,
    threads: ThreadPool,
    next: OnceBox<Pool>,
}

/// Run a kernel on this process's threads, with the GIL released.
///
/// # Errors
/// The kernel's own, or RuntimeError if the system grants no threads.
pub(crate) fn run<R: Send>(
    py: Python<'_>,
    kernel: impl FnOnce() -> Result<R, KernelError> + Send,
) -> PyResult<R> {
    py.detach(|| own_pool()?.install(kernel).map_err(to_python))
}

/// CPUs that this process may use, as far as affinity and control groups' quotas let it; at least 1.
///
/// Kernels start as many threads at their first call.
///
/// Returns
/// -------
/// int
///
/// Examples
/// --------
/// >>> usable_cpus() >= 1
/// True
#[pyfunction]
pub(crate) fn usable_cpus() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// Whether an x86 CPU has AVX2, as all of them since 2013-15; True of other CPUs.
///
/// Returns
/// -------
/// bool
///
/// Examples
/// --------
/// >>> has_avx2() in (True, False)
/// True
#[pyfunction]
pub(crate) fn has_avx2() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return is_x86_feature_detected!("avx2");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    return true;
}

fn own_pool() -> PyResult<&'static ThreadPool> {
    let process_id = process::id();
    let mut place = &POOLS;
    loop {
        let pool = place.get_or_try_init(|| start(process_id))?;
        if pool.process_id == process_id {
            return Ok(&pool.threads);
        }
        place = &pool.next;
    }
}

fn start(process_id: u32) -> PyResult<Box<Pool>> {
    // As many threads as `RAYON_NUM_THREADS` says, else as `usable_cpus`
    let threads = ThreadPoolBuilder::new()
        .thread_name(|n| format!("lite-ensam-{n}"))
        .build()
        .map_err(|error| PyRuntimeError::new_err(format!("no threads could be started: {error}")))?;
    Ok(Box::new(Pool { process_id, threads, next: OnceBox::new() }))
}

//! Sums of weighted voxels, one axis after another: what resampling and blurring come down to.

use ndarray::{Array3, ArrayView1, ArrayView2, ArrayView3, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::voxel::{room_for, zeros};
use crate::{KernelError, Voxel};

/// The voxels that one voxel of the result is made of, along one axis: `weights` of voxels `first`, `first + 1`, ...
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tap {
    pub(crate) first: usize,
    pub(crate) weights: Vec<f64>,
}

impl Tap {
    /// A voxel as it is.
    pub(crate) fn one(voxel: usize) -> Self {
        Self { first: voxel, weights: vec![1.0] }
    }
}

/// The volume whose voxel (k, j, i) is the sum over the taps k, j and i of the axes z, y and x.
///
/// Sums are in `f64`, the slices between the passes in `f32`.
///
/// # Errors
/// [`KernelError::TooLarge`].
pub(crate) fn weighted_sums<T: Voxel>(
    volume: ArrayView3<'_, T>,
    [z, y, x]: [&[Tap]; 3],
) -> Result<Array3<f32>, KernelError> {
    let shape_zyx = [z.len(), y.len(), x.len()];
    // The result, its slices of the volume, and the sums of each thread, which are as large as a slice
    let slice = shape_zyx[1].saturating_mul(shape_zyx[2]);
    let n_slices = (shape_zyx[0] + volume.len_of(Axis(0))).saturating_add(2 * rayon::current_num_threads());
    room_for(slice.saturating_mul(n_slices).saturating_mul(size_of::<f32>()), shape_zyx)?;
    let mut result = zeros::<f32>(shape_zyx)?;

    // Slices of the volume that already have the result's rows and columns
    let mut slices = zeros::<f32>([volume.len_of(Axis(0)), shape_zyx[1], shape_zyx[2]])?;
    slices
        .axis_iter_mut(Axis(0))
        .into_par_iter()
        .zip(volume.axis_iter(Axis(0)))
        .for_each_init(Vec::new, |sums, (out, slice)| sum_slice(slice, out, y, x, sums));
    result.axis_iter_mut(Axis(0)).into_par_iter().zip(z).for_each_init(Vec::new, |sums, (mut out, tap)| {
        sums.clear();
        sums.resize(shape_zyx[1] * shape_zyx[2], 0.0);
        for (slice, &weight) in slices.outer_iter().skip(tap.first).zip(&tap.weights) {
            let slice = slice.to_slice().expect("allocated here, in C order");
            sums.iter_mut().zip(slice).for_each(|(sum, &v)| *sum += weight * f64::from(v));
        }
        out.iter_mut().zip(&*sums).for_each(|(out, &sum)| *out = sum as f32);
    });
    Ok(result)
}

/// Rows first (whole rows add up, which vectorises), then columns of the few rows that are left.
fn sum_slice<T: Voxel>(
    slice: ArrayView2<'_, T>,
    mut out: ArrayViewMut2<'_, f32>,
    y: &[Tap],
    x: &[Tap],
    sums: &mut Vec<f64>,
) {
    for (tap, mut out_row) in y.iter().zip(out.rows_mut()) {
        sums.clear();
        sums.resize(slice.ncols(), 0.0);
        for (row, &weight) in slice.outer_iter().skip(tap.first).zip(&tap.weights) {
            add_row(sums, row, weight);
        }
        for (tap, out) in x.iter().zip(&mut out_row) {
            *out = sums[tap.first..].iter().zip(&tap.weights).map(|(v, w)| v * w).sum::<f64>() as f32;
        }
    }
}

fn add_row<T: Voxel>(sums: &mut [f64], row: ArrayView1<'_, T>, weight: f64) {
    match row.as_slice() {
        Some(row) => sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += weight * v.to_f64()),
        None => sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += weight * v.to_f64()),
    }
}

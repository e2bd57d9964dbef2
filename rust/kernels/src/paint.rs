//! Logits back onto the CT's voxels, slice by slice, straight into one label map.

use ndarray::{Array3, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::KernelError;
use crate::tumor::{Footprint, TumorLogits, check_tumors};
use crate::voxel::zeros;

/// Label map of a volume: each voxel goes to the tumor whose trilinear logit is highest, if above `threshold`.
///
/// A tumor speaks for the voxels whose centre lies in its box `[start, start + content step)`; there its logits
/// are interpolated with half-pixel centres, repeated at the patch's border. Background wins ties against
/// tumors, the tumor that comes first in the list wins ties among them. Scratch memory is one slice a thread.
///
/// # Errors
/// What [`TumorLogits`] asks for is not kept, two tumors share a label, `threshold` is not finite, or
/// [`KernelError::TooLarge`].
pub fn paint(
    shape_zyx: [usize; 3],
    tumors: &[TumorLogits<'_>],
    threshold: f64,
) -> Result<Array3<u16>, KernelError> {
    check_tumors(tumors, threshold)?;
    let mut labels = zeros(shape_zyx)?;
    let footprints: Vec<_> = tumors.iter().map(|&tumor| Footprint::new(tumor, shape_zyx)).collect();
    labels.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each_init(
        Scratch::default,
        |scratch, (z, slice)| {
            paint_slice(slice, z, &footprints, threshold as f32, scratch);
        },
    );
    Ok(labels)
}

#[derive(Default)]
struct Scratch {
    /// Highest logit so far of each voxel of the slice; the background's is the threshold.
    best: Vec<f32>,
    /// A tumor's patch, interpolated to the slice.
    plane: Vec<f32>,
    /// The plane, interpolated to a row.
    row: Vec<f32>,
}

fn paint_slice(
    mut labels: ArrayViewMut2<'_, u16>,
    z: usize,
    footprints: &[Footprint<'_>],
    threshold: f32,
    Scratch { best, plane, row }: &mut Scratch,
) {
    best.clear();
    for footprint in footprints {
        if !footprint.blend_plane(z, plane) {
            continue;
        }
        best.resize(labels.len(), threshold);
        let n_columns = labels.ncols();
        let columns = footprint.x.range();
        for (y, &between) in footprint.y.range().zip(&footprint.y.voxels) {
            footprint.blend_row(between, plane, row);
            let best = &mut best[y * n_columns..][columns.clone()];
            let mut labels = labels.row_mut(y);
            let labels = &mut labels.as_slice_mut().expect("allocated here, in C order")[columns.clone()];
            for ((label, best), x) in labels.iter_mut().zip(best).zip(&footprint.x.voxels) {
                let logit = x.blend(row);
                if logit > *best {
                    (*label, *best) = (footprint.tumor.label, logit);
                }
            }
        }
    }
}

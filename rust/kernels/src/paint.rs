//! Logits back onto the CT's voxels, slice by slice, straight into one label map.

use ndarray::{Array3, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::KernelError;
use crate::tumor::{Between, Footprint, TumorLogits, check_tumors};
use crate::voxel::{room_for, zeros};

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
    paint_part([0; 3], shape_zyx, tumors, threshold)
}

/// [`paint`] of the part of a volume that begins at voxel `origin_zyx`, bit for bit the same.
///
/// # Errors
/// As [`paint`].
pub fn paint_part(
    origin_zyx: [usize; 3],
    shape_zyx: [usize; 3],
    tumors: &[TumorLogits<'_>],
    threshold: f64,
) -> Result<Array3<u16>, KernelError> {
    check_tumors(tumors, threshold)?;
    // Beside the labels: each tumor's place on the axes (vectors that double as they grow), a slice for each thread
    let sides = shape_zyx.into_iter().fold(0, usize::saturating_add);
    let places = sides.saturating_mul(3 * tumors.len() * size_of::<Between>());
    let slice = shape_zyx[1].saturating_mul(shape_zyx[2]);
    let slices = slice.saturating_mul(rayon::current_num_threads() * size_of::<f32>());
    let bytes = slice.saturating_mul(shape_zyx[0]).saturating_mul(size_of::<u16>());
    room_for(bytes.saturating_add(places).saturating_add(slices), shape_zyx)?;
    let mut labels = zeros(shape_zyx)?;
    let on_part = |&tumor| Footprint::on_part(tumor, origin_zyx, shape_zyx);
    let footprints: Vec<_> = tumors.iter().map(on_part).collect();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{OwnedTumor, one_of, tumors};
    use ndarray::{Array1, array};
    use proptest::prelude::*;

    /// Trilinear logit by the eight-corner formula in `f64`, `None` outside the box.
    fn logit(tumor: &TumorLogits<'_>, voxel: [usize; 3]) -> Option<f64> {
        let corners = [0, 1, 2].map(|axis| {
            let (start, step) = (tumor.start_zyx[axis], tumor.step_zyx[axis]);
            let edge = voxel[axis] as f64 + 0.5;
            let last = tumor.content_zyx[axis] - 1;
            let is_inside = edge >= start && edge < start + tumor.content_zyx[axis] as f64 * step;
            let index = ((edge - start) / step - 0.5).max(0.0).min(last as f64);
            let lower = index as usize;
            is_inside.then(|| {
                [(lower, 1.0 - (index - lower as f64)), ((lower + 1).min(last), index - lower as f64)]
            })
        });
        let [Some(z), Some(y), Some(x)] = corners else { return None };
        let mut sum = 0.0;
        for (k, weight_z) in z {
            for (j, weight_y) in y {
                for (i, weight_x) in x {
                    sum += weight_z * weight_y * weight_x * f64::from(tumor.logits[[k, j, i]]);
                }
            }
        }
        Some(sum)
    }

    /// The first of the tumors with the highest logit, 0 if none exceeds the threshold.
    fn winner(logits: &[(u16, f64)], threshold: f64) -> u16 {
        let exceeding = logits.iter().filter(|&&(_, logit)| logit > threshold);
        exceeding
            .reduce(|best, other| if other.1 > best.1 { other } else { best })
            .map_or(0, |&(label, _)| label)
    }

    proptest! {
        #[test]
        fn paint_matches_reference(
            shape in [0..10_usize, 0..10_usize, 0..10_usize], tumors in tumors(), threshold in one_of(&[0.0, 1.0, -0.5]),
        ) {
            let tumors: Vec<_> = tumors.iter().map(OwnedTumor::view).collect();
            let labels = paint(shape, &tumors, threshold).expect("valid tumors");
            prop_assert_eq!(labels.dim(), shape.into());
            let footprints: Vec<_> = tumors.iter().map(|&tumor| Footprint::new(tumor, shape)).collect();
            for ((z, y, x), &label) in labels.indexed_iter() {
                let voxel = [z, y, x];
                let exact: Vec<_> = tumors.iter().filter_map(|t| Some((t.label, logit(t, voxel)?))).collect();
                let ours: Vec<_> = footprints
                    .iter()
                    .filter_map(|f| Some((f.tumor.label, f64::from(f.logit(voxel)?))))
                    .collect();
                // By voxel and by slice: the same bits. Against the formula: the same up to rounding.
                prop_assert_eq!(label, winner(&ours, threshold));
                prop_assert_eq!(ours.len(), exact.len());
                for (ours, exact) in ours.iter().zip(&exact) {
                    prop_assert!((ours.1 - exact.1).abs() < 1e-5, "{:?} {:?}", ours, exact);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_part_is_painted_as_the_whole_is(
            shape in [1..10_usize, 1..10_usize, 1..10_usize], tumors in tumors(), ends: [[prop::sample::Index; 2]; 3],
        ) {
            let tumors: Vec<_> = tumors.iter().map(OwnedTumor::view).collect();
            let whole = paint(shape, &tumors, 0.0).expect("valid tumors");
            let ranges = [0, 1, 2].map(|axis| {
                let [a, b] = ends[axis].map(|end| end.index(shape[axis] + 1));
                a.min(b)..a.max(b)
            });
            let (start, size) = (ranges.each_ref().map(|r| r.start), ranges.each_ref().map(|r| r.len()));
            let part = paint_part(start, size, &tumors, 0.0).expect("valid tumors");
            prop_assert_eq!(part.view(), crate::voxel::crop(whole.view(), ranges));
        }
    }

    fn line(label: u16, logits: &Array1<f32>) -> OwnedTumor {
        let n = logits.len();
        let logits = logits.clone().into_shape_with_order((1, 1, n)).expect("a line");
        OwnedTumor { label, logits, start_zyx: [0.0; 3], step_zyx: [1.0; 3], content_zyx: [1, 1, n] }
    }

    #[test]
    fn background_wins_ties_then_the_first_tumor() {
        let tumors = [line(9, &array![0.0, 1.0, 2.0]), line(4, &array![0.0, 1.0, 3.0])];
        let views: Vec<_> = tumors.iter().map(OwnedTumor::view).collect();
        assert_eq!(paint([1, 1, 4], &views, 0.0), Ok(array![[[0, 9, 4, 0]]]));
        assert_eq!(paint([1, 1, 4], &views, 2.0), Ok(array![[[0, 0, 4, 0]]]));
    }

    #[test]
    fn a_box_may_lie_anywhere() {
        let mut tumor = line(1, &array![1.0, 1.0]);
        tumor.start_zyx = [0.0, 0.0, -1.0];
        assert_eq!(paint([1, 1, 3], &[tumor.view()], 0.0), Ok(array![[[1, 0, 0]]]));
        tumor.start_zyx = [50.0, 0.0, 0.0];
        assert_eq!(paint([1, 1, 3], &[tumor.view()], 0.0), Ok(array![[[0, 0, 0]]]));
    }

    #[test]
    fn bad_tumors_are_refused() {
        let good = line(1, &array![1.0, 1.0]);
        let refusal = |change: fn(&mut OwnedTumor)| {
            let mut tumor = good.clone();
            change(&mut tumor);
            paint([1, 1, 2], &[tumor.view()], 0.0).expect_err("bad")
        };
        assert!(matches!(refusal(|t| t.label = 0), KernelError::BadLabel { label: 0 }));
        assert!(matches!(refusal(|t| t.content_zyx[2] = 3), KernelError::BadContent { label: 1, .. }));
        assert!(matches!(refusal(|t| t.content_zyx[0] = 0), KernelError::BadContent { label: 1, .. }));
        assert!(matches!(refusal(|t| t.step_zyx[1] = 0.0), KernelError::BadStep { .. }));
        assert!(matches!(refusal(|t| t.start_zyx[1] = f64::NAN), KernelError::BadStep { .. }));
        assert!(matches!(
            refusal(|t| t.logits[[0, 0, 1]] = f32::NAN),
            KernelError::BadLogit { label: 1, voxel_zyx: [0, 0, 1], .. }
        ));
        let twice = paint([1, 1, 2], &[good.view(), good.view()], 0.0);
        assert_eq!(twice, Err(KernelError::DuplicateLabel { label: 1 }));
        assert!(matches!(paint([1, 1, 2], &[], f64::NAN), Err(KernelError::BadThreshold { .. })));
        assert!(matches!(paint([1 << 40; 3], &[], 0.0), Err(KernelError::TooLarge { .. })));
    }
}

//! Crop and resampling to a fixed patch: averaging where it shrinks, linear where it enlarges.

use ndarray::{Array3, ArrayView3, Axis};

use crate::separable::{Tap, weighted_sums};
use crate::voxel::{check_box, crop, room_for, zeros};
use crate::{KernelError, Voxel};

/// A patch of `shape_zyx` voxels, each `step_zyx` volume voxels wide, that starts at edge coordinate `start_zyx`.
///
/// Along an axis with `step > 1` a patch voxel is the exact average over `[start + i step, start + (i + 1) step)`,
/// partly covered voxels weighted by their share; with `step <= 1` it is the linear interpolation at the centre
/// `start + (i + 0.5) step`. Outside the volume the nearest edge voxel is repeated. Only the voxels that the
/// patch needs are read; sums are in `f64`, the slices between the passes in `f32`.
///
/// # Errors
/// [`KernelError::EmptyVolume`], [`KernelError::EmptyPatch`], [`KernelError::BadStep`] or [`KernelError::TooLarge`].
pub fn crop_resample<T: Voxel>(
    volume: ArrayView3<'_, T>,
    start_zyx: [f64; 3],
    step_zyx: [f64; 3],
    shape_zyx: [usize; 3],
) -> Result<Array3<f32>, KernelError> {
    resample_part(volume, [0; 3], volume.dim().into(), start_zyx, step_zyx, shape_zyx)
}

/// [`crop_resample`] of a volume of which only a box is at hand, bit for bit the same.
///
/// `part` holds the voxels from `origin_zyx` on of a volume of `whole_shape_zyx`; [`resample_box`] says which
/// voxels a patch needs.
///
/// # Errors
/// As [`crop_resample`]; [`KernelError::BoxOutside`] if the part lies outside the volume,
/// [`KernelError::NotInPart`] if the patch needs voxels that the part has not.
pub fn resample_part<T: Voxel>(
    part: ArrayView3<'_, T>,
    origin_zyx: [usize; 3],
    whole_shape_zyx: [usize; 3],
    start_zyx: [f64; 3],
    step_zyx: [f64; 3],
    shape_zyx: [usize; 3],
) -> Result<Array3<f32>, KernelError> {
    let [z, y, x] = taps(whole_shape_zyx, start_zyx, step_zyx, shape_zyx)?;
    let end_zyx = [0, 1, 2].map(|axis| origin_zyx[axis].saturating_add(part.len_of(Axis(axis))));
    check_box(whole_shape_zyx, origin_zyx, end_zyx)?;
    let axes = [&z, &y, &x];
    if (0..3).any(|axis| axes[axis].first < origin_zyx[axis] || axes[axis].stop > end_zyx[axis]) {
        let (start_zyx, stop_zyx) = (axes.map(|taps| taps.first), axes.map(|taps| taps.stop));
        return Err(KernelError::NotInPart { origin_zyx, end_zyx, start_zyx, stop_zyx });
    }
    let needed = crop(
        part,
        [0, 1, 2].map(|axis| axes[axis].first - origin_zyx[axis]..axes[axis].stop - origin_zyx[axis]),
    );
    weighted_sums(needed, [&z.taps, &y.taps, &x.taps])
}

/// The voxels, `start` to `stop`, of a volume that [`crop_resample`] reads for a patch.
///
/// # Errors
/// As [`crop_resample`].
pub fn resample_box(
    volume_shape_zyx: [usize; 3],
    start_zyx: [f64; 3],
    step_zyx: [f64; 3],
    shape_zyx: [usize; 3],
) -> Result<([usize; 3], [usize; 3]), KernelError> {
    let axes = taps(volume_shape_zyx, start_zyx, step_zyx, shape_zyx)?;
    Ok((axes.each_ref().map(|taps| taps.first), axes.each_ref().map(|taps| taps.stop)))
}

fn taps(
    volume_shape_zyx: [usize; 3],
    start_zyx: [f64; 3],
    step_zyx: [f64; 3],
    shape_zyx: [usize; 3],
) -> Result<[AxisTaps; 3], KernelError> {
    if volume_shape_zyx.contains(&0) {
        return Err(KernelError::EmptyVolume { shape_zyx: volume_shape_zyx });
    }
    if shape_zyx.contains(&0) {
        return Err(KernelError::EmptyPatch { shape_zyx });
    }
    let stop_zyx = [0, 1, 2].map(|axis| start_zyx[axis] + shape_zyx[axis] as f64 * step_zyx[axis]);
    if start_zyx.iter().chain(&step_zyx).chain(&stop_zyx).any(|v| !v.is_finite())
        || step_zyx.iter().any(|&step| step <= 0.0)
    {
        return Err(KernelError::BadStep { start_zyx, step_zyx });
    }
    // The taps are as many as the patch has voxels on a side, each with weights of its own
    let sides = shape_zyx.iter().chain(&volume_shape_zyx).copied().fold(0, usize::saturating_add);
    zeros::<f32>(shape_zyx)?;
    room_for(sides.saturating_mul(2 * size_of::<Tap>()), shape_zyx)?;
    Ok([0, 1, 2]
        .map(|axis| AxisTaps::new(volume_shape_zyx[axis], start_zyx[axis], step_zyx[axis], shape_zyx[axis])))
}

impl Tap {
    /// Average over `[start, stop)` of `length` voxels, the first and last repeated outside.
    fn average(length: usize, start: f64, stop: f64) -> Self {
        let end = length as f64;
        if stop <= 1.0 {
            return Self::one(0);
        }
        if start >= end - 1.0 {
            return Self::one(length - 1);
        }
        let first = start.max(0.0).floor() as usize;
        let last = (stop.min(end).ceil() as usize).min(length) - 1;
        let weights = (first..=last).map(|voxel| {
            // The edge voxels reach out to infinity
            let low = if voxel == 0 { start } else { start.max(voxel as f64) };
            let high = if voxel + 1 == length { stop } else { stop.min((voxel + 1) as f64) };
            (high - low) / (stop - start)
        });
        Self { first, weights: weights.collect() }
    }

    /// Linear interpolation at edge coordinate `center`; a neighbour of weight 0 is not read.
    fn linear(length: usize, center: f64) -> Self {
        let index = (center - 0.5).clamp(0.0, (length - 1) as f64);
        let first = index.floor() as usize;
        let share = index - index.floor();
        if share == 0.0 { Self::one(first) } else { Self { first, weights: vec![1.0 - share, share] } }
    }
}

/// Taps of all patch voxels along one axis, counted from `first`, the first voxel that any of them needs.
struct AxisTaps {
    first: usize,
    stop: usize,
    taps: Vec<Tap>,
}

impl AxisTaps {
    fn new(length: usize, start: f64, step: f64, n: usize) -> Self {
        let mut taps: Vec<Tap> = (0..n)
            .map(|i| i as f64)
            .map(|i| match step > 1.0 {
                true => Tap::average(length, start + i * step, start + (i + 1.0) * step),
                false => Tap::linear(length, start + (i + 0.5) * step),
            })
            .collect();
        let first = taps.iter().map(|tap| tap.first).min().unwrap_or(0);
        let stop = taps.iter().map(|tap| tap.first + tap.weights.len()).max().unwrap_or(0);
        taps.iter_mut().for_each(|tap| tap.first -= first);
        Self { first, stop, taps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{one_of, volumes};
    use ndarray::{Slice, array};
    use proptest::prelude::*;

    /// Weight of each voxel of an endless line for one patch voxel; outside, voxels repeat the edge.
    fn weights(start: f64, step: f64, i: usize) -> Vec<(i64, f64)> {
        let (low, high) = (start + i as f64 * step, start + (i + 1) as f64 * step);
        if step > 1.0 {
            let voxels = low.floor() as i64..=high.ceil() as i64;
            voxels.map(|j| (j, (high.min((j + 1) as f64) - low.max(j as f64)).max(0.0) / step)).collect()
        } else {
            let index = start + (i as f64 + 0.5) * step - 0.5;
            let lower = index.floor();
            vec![(lower as i64, 1.0 - (index - lower)), (lower as i64 + 1, index - lower)]
        }
    }

    fn reference(volume: &Array3<i16>, start: [f64; 3], step: [f64; 3], shape: [usize; 3]) -> Array3<f64> {
        let clamp = |voxel: i64, axis| voxel.clamp(0, volume.len_of(Axis(axis)) as i64 - 1) as usize;
        Array3::from_shape_fn(shape, |(k, j, i)| {
            let mut sum = 0.0;
            for (z, weight_z) in weights(start[0], step[0], k) {
                for (y, weight_y) in weights(start[1], step[1], j) {
                    for (x, weight_x) in weights(start[2], step[2], i) {
                        let v = volume[[clamp(z, 0), clamp(y, 1), clamp(x, 2)]];
                        sum += weight_z * weight_y * weight_x * f64::from(v);
                    }
                }
            }
            sum
        })
    }

    fn starts() -> impl Strategy<Value = f64> {
        prop_oneof![-6.0..14.0, one_of(&[-2.0, -0.5, 0.0, 0.5, 1.0, 3.0])]
    }

    fn steps() -> impl Strategy<Value = f64> {
        prop_oneof![0.05..6.0, one_of(&[0.25, 0.5, 1.0, 1.5, 2.0, 4.0])]
    }

    proptest! {
        #[test]
        fn crop_resample_matches_reference(
            volume in volumes(any::<i16>()), start in [starts(), starts(), starts()],
            step in [steps(), steps(), steps()], shape in [1..6_usize, 1..6_usize, 1..6_usize],
        ) {
            prop_assume!(!volume.is_empty());
            let patch = crop_resample(volume.view(), start, step, shape).expect("a patch");
            for (place, &expected) in reference(&volume, start, step, shape).indexed_iter() {
                prop_assert!((f64::from(patch[place]) - expected).abs() < 0.02, "{:?}: {} {}", place, patch[place], expected);
            }
        }

        #[test]
        fn a_part_gives_the_bits_of_the_whole(
            volume in volumes(any::<i16>()), start in [starts(), starts(), starts()],
            step in [steps(), steps(), steps()], shape in [1..6_usize, 1..6_usize, 1..6_usize],
        ) {
            prop_assume!(!volume.is_empty());
            let whole: [usize; 3] = volume.dim().into();
            let (first, stop) = resample_box(whole, start, step, shape).expect("a patch");
            let part = crop(volume.view(), [0, 1, 2].map(|axis| first[axis]..stop[axis]));
            let patch = resample_part(part, first, whole, start, step, shape);
            prop_assert_eq!(patch, crop_resample(volume.view(), start, step, shape));
            let (_, less) = part.split_at(Axis(0), 1);
            let refused = resample_part(less, [first[0] + 1, first[1], first[2]], whole, start, step, shape);
            prop_assert!(refused.is_err());
        }

        #[test]
        fn a_constant_stays_the_same(
            start in [starts(), starts(), starts()], step in [steps(), steps(), steps()], value in any::<i16>(),
        ) {
            let patch = crop_resample(Array3::from_elem((3, 5, 7), value).view(), start, step, [3; 3]);
            let expected = f32::from(value);
            for &v in &patch.expect("a patch") {
                prop_assert!((v - expected).abs() <= expected.abs() * 1e-6);
            }
        }
    }

    #[test]
    fn step_one_at_whole_voxels_is_a_copy() {
        let volume = Array3::from_shape_fn((4, 5, 6), |(z, y, x)| (100 * z + 10 * y + x) as f32);
        let patch = crop_resample(volume.view(), [1.0, 2.0, 3.0], [1.0; 3], [3, 3, 3]).expect("a patch");
        assert_eq!(patch, crop(volume.view(), [1..4, 2..5, 3..6]));
    }

    #[test]
    fn only_the_box_is_read() {
        let mut volume = Array3::from_elem((9, 9, 9), f32::NAN);
        for axis in 0..3 {
            assert!(volume.slice_axis(Axis(axis), Slice::from(0..1)).iter().all(|v| v.is_nan()));
        }
        for z in 2..6 {
            for y in 2..6 {
                for x in 2..6 {
                    volume[[z, y, x]] = 3.0;
                }
            }
        }
        for (step, n) in [(2.0, 2), (1.0, 4)] {
            let patch = crop_resample(volume.view(), [2.0; 3], [step; 3], [n; 3]).expect("a patch");
            assert!(patch.iter().all(|&v| v == 3.0));
        }
    }

    #[test]
    fn far_away_and_huge_boxes_repeat_the_edge() {
        let volume = array![[[1_u8, 9]]];
        let line = |start, step| crop_resample(volume.view(), [0.0, 0.0, start], [1.0, 1.0, step], [1, 1, 2]);
        assert_eq!(line(1e300, 2.0), Ok(array![[[9.0, 9.0]]]));
        assert_eq!(line(-1e300, 0.5), Ok(array![[[1.0, 1.0]]]));
        assert_eq!(line(-1e300, 1e300), Ok(array![[[1.0, 9.0]]]));
    }

    #[test]
    fn bad_arguments_are_refused() {
        let volume = array![[[1_u8]]];
        let resample =
            |start, step, shape| crop_resample(volume.view(), [start; 3], [step; 3], [1, 1, shape]);
        assert!(matches!(resample(0.0, 1.0, 0), Err(KernelError::EmptyPatch { .. })));
        assert!(matches!(resample(0.0, 1.0, 1 << 60), Err(KernelError::TooLarge { .. })));
        for (start, step) in
            [(0.0, 0.0), (0.0, -1.0), (0.0, f64::NAN), (f64::INFINITY, 1.0), (f64::MAX, f64::MAX)]
        {
            assert!(matches!(resample(start, step, 1), Err(KernelError::BadStep { .. })));
        }
        let empty = Array3::<u8>::zeros((0, 1, 1));
        let refused = crop_resample(empty.view(), [0.0; 3], [1.0; 3], [1; 3]);
        assert!(matches!(refused, Err(KernelError::EmptyVolume { .. })));
    }
}

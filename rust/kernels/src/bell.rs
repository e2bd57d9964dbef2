//! Means under Gaussian bells, mirrored at the volume's border (d c b a | a b c d | d c b a).

use ndarray::{Array3, ArrayView3};

use crate::separable::{Tap, weighted_sums};
use crate::{KernelError, crop_resample};

/// Standard deviations at which bells end.
const TRUNCATION: f64 = 4.0;

/// Blocks that fit into a standard deviation.
const BLOCKS_PER_SIGMA: f64 = 4.0;

/// The volume under a bell of `sigma_zyx` voxels, as SciPy's `gaussian_filter` has it.
///
/// # Errors
/// [`KernelError::TooLarge`].
pub(crate) fn blurred(volume: ArrayView3<'_, f32>, sigma_zyx: [f64; 3]) -> Result<Array3<f32>, KernelError> {
    let shape: [usize; 3] = volume.dim().into();
    let [z, y, x] = [0, 1, 2].map(|axis| bell_taps(shape[axis], sigma_zyx[axis]));
    weighted_sums(volume, [&z, &y, &x])
}

/// [`blurred`] by a wide bell, nearly: on blocks of at most a quarter of sigma a side, and linear between these.
///
/// Blocks and interpolation blur too, and the bell is narrower by as much. Along an axis where sigma is less than 8
/// voxels, a block is a voxel.
///
/// # Errors
/// [`KernelError::EmptyVolume`], [`KernelError::TooLarge`].
pub(crate) fn blurred_widely(
    volume: ArrayView3<'_, f32>,
    sigma_zyx: [f64; 3],
) -> Result<Array3<f32>, KernelError> {
    let shape: [usize; 3] = volume.dim().into();
    let n_blocks = [0, 1, 2].map(|axis| {
        let widest = (sigma_zyx[axis] / BLOCKS_PER_SIGMA).max(1.0) as usize;
        shape[axis].div_ceil(widest)
    });
    if n_blocks == shape {
        return blurred(volume, sigma_zyx);
    }
    let side = [0, 1, 2].map(|axis| shape[axis] as f64 / n_blocks[axis] as f64);
    let blocks = crop_resample(volume, [0.0; 3], side, n_blocks)?;
    // The variance of a block's voxels is (side² - 1) / 12; linear interpolation adds twice as much
    let left = |axis: usize| (sigma_zyx[axis].powi(2) - (side[axis].powi(2) - 1.0) / 4.0).max(0.0);
    let sigma = [0, 1, 2].map(|axis| left(axis).sqrt() / side[axis]);
    crop_resample(blurred(blocks.view(), sigma)?.view(), [0.0; 3], side.map(f64::recip), shape)
}

/// The weights of the neighbours of each voxel in a row of `length` voxels.
fn bell_taps(length: usize, sigma: f64) -> Vec<Tap> {
    // A bell four times as wide as the line is the mean of all, and one of width 0 is the voxel itself
    let sigma = sigma.clamp(1e-9, (4 * length).max(1) as f64);
    let radius = (TRUNCATION * sigma + 0.5) as usize;
    let bell = |away: usize| (-0.5 * (away as f64 / sigma).powi(2)).exp();
    let total = 1.0 + 2.0 * (1..=radius).map(bell).sum::<f64>();
    let weights: Vec<f64> = (0..=radius).map(|away| bell(away) / total).collect();
    let tap = |voxel: usize| {
        let first = voxel.saturating_sub(radius);
        let mut tap = Tap { first, weights: vec![0.0; length.min(voxel + radius + 1) - first] };
        for place in voxel as i64 - radius as i64..=(voxel + radius) as i64 {
            tap.weights[mirrored(place, length) - first] += weights[place.abs_diff(voxel as i64) as usize];
        }
        tap
    };
    (0..length).map(tap).collect()
}

/// The voxel of a line that is seen at a place beside it, in mirrors at both ends.
fn mirrored(place: i64, length: usize) -> usize {
    let place = place.rem_euclid(2 * length as i64) as usize;
    place.min(2 * length - 1 - place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{finite, one_of, volumes};
    use proptest::prelude::*;

    /// Every place of the bell, mirror by mirror.
    fn reference(volume: &Array3<f32>, sigma: [f64; 3]) -> Array3<f64> {
        let shape: [usize; 3] = volume.dim().into();
        let mut blurred = volume.mapv(f64::from);
        for axis in 0..3 {
            let radius = (4.0 * sigma[axis] + 0.5) as i64;
            let bell =
                |away: i64| if away == 0 { 1.0 } else { (-0.5 * (away as f64 / sigma[axis]).powi(2)).exp() };
            let total: f64 = (-radius..=radius).map(bell).sum();
            let last = shape[axis] as i64 - 1;
            let before = blurred.clone();
            for ((z, y, x), out) in blurred.indexed_iter_mut() {
                let here = [z, y, x];
                *out = (-radius..=radius)
                    .map(|away| {
                        let mut place = here[axis] as i64 + away;
                        while !(0..=last).contains(&place) {
                            place = if place < 0 { -1 - place } else { 2 * last + 1 - place };
                        }
                        let mut there = here;
                        there[axis] = place as usize;
                        bell(away) / total * before[there]
                    })
                    .sum();
            }
        }
        blurred
    }

    fn sigmas() -> impl Strategy<Value = [f64; 3]> {
        let sigma = || prop_oneof![one_of(&[0.0, 0.1, 1.0]), 0.0..7.9];
        [sigma(), sigma(), sigma()]
    }

    proptest! {
        #[test]
        fn bells_match_reference(volume in volumes(finite()), sigma in sigmas()) {
            prop_assume!(!volume.is_empty());
            let expected = reference(&volume, sigma);
            for found in [blurred(volume.view(), sigma), blurred_widely(volume.view(), sigma)] {
                for (&found, &expected) in found.expect("room").iter().zip(&expected) {
                    prop_assert!((f64::from(found) - expected).abs() < 0.01, "{found}, expected {expected}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn wide_bells_are_nearly_the_reference(sigma in 8.0..40.0_f64, seed in any::<u32>()) {
            let body = |(z, y, x): (usize, usize, usize)| {
                let noise = ((z * 31 + y * 17 + x * 7) as u32).wrapping_mul(seed | 1) >> 24;
                let inside = y.abs_diff(30) < 18 && x.abs_diff(20) < 12;
                (noise as f32) / 8.0 + if inside { 100.0 } else { 0.0 }
            };
            let volume = Array3::from_shape_fn((2, 61, 43), body);
            let sigma = [1.0, sigma, sigma];
            let found = blurred_widely(volume.view(), sigma).expect("room");
            for (&found, &expected) in found.iter().zip(&reference(&volume, sigma)) {
                prop_assert!((f64::from(found) - expected).abs() < 1.0, "{found}, expected {expected}");
            }
        }
    }

    #[test]
    fn a_bell_without_end_is_the_mean() {
        let volume = Array3::from_shape_fn((1, 3, 5), |(_, y, x)| (5 * y + x) as f32);
        for found in [blurred(volume.view(), [1e300; 3]), blurred_widely(volume.view(), [f64::INFINITY; 3])] {
            assert!(found.expect("room").iter().all(|v| (v - 7.0).abs() < 1e-3));
        }
    }
}

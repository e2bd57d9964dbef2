//! A tumour's border moved to where the grey value is half-way between inside and outside.

use ndarray::{Array3, ArrayView3, Zip};

use crate::bell::{blurred, blurred_widely};
use crate::distance::signed_distances;
use crate::pieces::pieces_with;
use crate::tumor::check_spacing;
use crate::voxel::room_for;
use crate::{KernelError, Voxel};

/// Depth, as a share of the deepest voxel's, from which a voxel of a thin tumour belongs to its core.
const CORE_DEPTH: f64 = 0.6;

/// Where the surroundings begin and end, in reaches.
const SHELL: [f64; 2] = [0.5, 2.0];

/// Least sigma of the bells under which inside and outside are averaged, in reaches.
const LEAST_LOCAL: f64 = 1.5;

/// Of inside to outside, in standard deviations of the noise; where it is less, no edge is seen and the border stays.
/// Chosen, as the two values of the blur and [`LEAST_ALIKE`], on ellipsoids of known volume (decision 0013).
const LEAST_CONTRAST: f64 = 2.0;

/// Of the surroundings nearby, for those darker than the tumour, or those brighter, to count. No other value was
/// tried, as far as is recorded.
const LEAST_SHARE: f32 = 0.15;

/// Most smoothing, of the faintest tumours.
const MOST_BLUR_PIXELS: f64 = 1.2;

/// The grey values are smoothed by this many pixels divided by the contrast in standard deviations of the noise.
const BLUR_TIMES_CONTRAST: f64 = 2.0;

/// A voxel that agrees with fewer of its ten neighbours (eight in its slice, two next to it) is taken for noise.
/// A plain majority would round small tumours off.
const LEAST_ALIKE: usize = 4;

/// Bytes of all arrays at hand at once, for each voxel.
const SCRATCH: usize = 64;

/// The mask with its border moved, by at most `reach_mm`, to the half-maximum between inside and outside.
///
/// A voxel of the band around the border is inside if its grey value is nearer to the mean of the mask's core than to
/// the mean of the surroundings. Darker and brighter surroundings have a mean each: a voxel that is darker than the
/// core is compared with the darker ones. Means are local, under bells of sigma `local_mm` (at least 1.5 reaches).
/// Where core and surroundings differ by less than twice the noise, the border stays. Voxels that fewer than four of
/// their ten neighbours agree with are turned over; pieces without a voxel of the core are left out. No voxel of
/// `other` is taken. A mask without core, surroundings or visible border is returned as it is.
///
/// Bells of 8 voxels and more are averaged on blocks of a quarter of their sigma: single voxels, at the border,
/// may differ from those of exact bells. `grey` must be finite.
///
/// # Errors
/// [`KernelError::OtherShape`], [`KernelError::BadSpacing`], [`KernelError::BadDistance`] or
/// [`KernelError::TooLarge`].
pub fn snap_to_edge<T: Voxel>(
    mask: ArrayView3<'_, u8>,
    other: ArrayView3<'_, u8>,
    grey: ArrayView3<'_, T>,
    spacing_mm: [f64; 3],
    reach_mm: f64,
    local_mm: f64,
) -> Result<Array3<bool>, KernelError> {
    check_arguments(mask, other, grey, spacing_mm, [("reach_mm", reach_mm), ("local_mm", local_mm)])?;
    let (mask, other) = (in_c_order(mask, |v| v != 0), in_c_order(other, |v| v != 0));
    let zones = Zones::new(&mask, &other, spacing_mm, reach_mm);
    if !zones.are_all_there() {
        return Ok(mask);
    }
    let grey = in_c_order(grey, |v| v.to_f64() as f32);
    let sigma = spacing_mm.map(|mm| local_mm.max(LEAST_LOCAL * reach_mm) / mm);
    let means = Means::new(&grey, &zones, sigma)?;
    let noise = means.noise;
    let sure = Zip::from(&zones.band).and(&means.to_darker).and(&means.to_brighter).par_map_collect(
        |&band, darker, brighter| band && darker.max(*brighter) > (LEAST_CONTRAST * noise) as f32,
    );
    if !any(&sure) {
        return Ok(mask);
    }
    let blur = (BLUR_TIMES_CONTRAST * noise / means.seen(&zones.band).max(1e-6)).min(MOST_BLUR_PIXELS);
    let pixel_mm = spacing_mm[1].min(spacing_mm[2]);
    let nearer = means.nearer_inside(&blurred(grey.view(), spacing_mm.map(|mm| blur * pixel_mm / mm))?);
    let snapped = Zip::from(&nearer)
        .and(&sure)
        .and(&mask)
        .and(&zones.core)
        .par_map_collect(|&nearer, &sure, &mask, &core| (if sure { nearer } else { mask }) || core);
    let snapped = Zip::indexed(&snapped).and(&sure).and(&zones.core).par_map_collect(
        |(z, y, x), &voxel, &sure, &core| {
            (voxel ^ (sure && n_alike(&snapped, [z, y, x]) < LEAST_ALIKE)) || core
        },
    );
    // A piece of wall in the band may be larger than a small tumour
    Ok(pieces_with(snapped.view(), zones.core.view()))
}

fn check_arguments<T>(
    mask: ArrayView3<'_, u8>,
    other: ArrayView3<'_, u8>,
    grey: ArrayView3<'_, T>,
    spacing_mm: [f64; 3],
    distances: [(&'static str, f64); 2],
) -> Result<(), KernelError> {
    let mask_shape_zyx: [usize; 3] = mask.dim().into();
    for (name, shape) in [("other", other.dim()), ("grey", grey.dim())] {
        let shape_zyx = shape.into();
        if shape_zyx != mask_shape_zyx {
            return Err(KernelError::OtherShape { name, mask_shape_zyx, shape_zyx });
        }
    }
    check_spacing(spacing_mm)?;
    for (name, mm) in distances {
        if !(mm > 0.0 && mm.is_finite()) {
            return Err(KernelError::BadDistance { name, mm });
        }
    }
    room_for(mask.len().saturating_mul(SCRATCH), mask_shape_zyx)
}

fn in_c_order<A: Copy, B>(view: ArrayView3<'_, A>, convert: impl Fn(A) -> B) -> Array3<B> {
    let values = view.iter().map(|&v| convert(v)).collect();
    Array3::from_shape_vec(view.dim(), values).expect("as many values as voxels")
}

fn any(mask: &Array3<bool>) -> bool {
    mask.iter().any(|&v| v)
}

/// Parts of the volume, by their distance from the mask's border.
struct Zones {
    /// Surely inside.
    core: Array3<bool>,
    /// The surroundings of the mask, without other tumours.
    shell: Array3<bool>,
    /// Where the border may come to lie.
    band: Array3<bool>,
}

impl Zones {
    fn new(mask: &Array3<bool>, other: &Array3<bool>, spacing_mm: [f64; 3], reach_mm: f64) -> Self {
        let distances = signed_distances(mask.view(), spacing_mm, SHELL[1] * reach_mm);
        let deepest = distances.iter().fold(0.0, |deepest: f64, &mm| deepest.max(-mm));
        let depth = reach_mm.min(CORE_DEPTH * deepest);
        let shell = SHELL.map(|reaches| reaches * reach_mm);
        let free = Zip::from(&distances).and(other);
        Self {
            core: Zip::from(&distances).par_map_collect(|&mm| -mm > depth),
            shell: free.clone().par_map_collect(|&mm, &other| mm > shell[0] && mm < shell[1] && !other),
            band: free.par_map_collect(|&mm, &other| mm.abs() <= reach_mm && !other),
        }
    }

    fn are_all_there(&self) -> bool {
        any(&self.core) && any(&self.shell) && any(&self.band)
    }
}

/// Mean of the voxels of a part, weighted by a bell about each voxel; and the sum of the weights.
struct Nearby {
    mean: Array3<f32>,
    weight: Array3<f32>,
}

impl Nearby {
    fn new(grey: &Array3<f32>, part: &Array3<bool>, sigma: [f64; 3]) -> Result<Self, KernelError> {
        let weight = blurred_widely(part.mapv(|v| f32::from(u8::from(v))).view(), sigma)?;
        let values = Zip::from(grey).and(part).par_map_collect(|&grey, &part| if part { grey } else { 0.0 });
        let mut mean = blurred_widely(values.view(), sigma)?;
        Zip::from(&mut mean).and(&weight).par_for_each(|mean, weight| *mean /= weight.max(1e-6));
        Ok(Self { mean, weight })
    }
}

/// Mean grey values of the tumour and of its surroundings, near each voxel.
struct Means {
    inside: Array3<f32>,
    /// From the mean inside to that of the darker surroundings; 0 where there are hardly any.
    to_darker: Array3<f32>,
    /// The same of the brighter surroundings.
    to_brighter: Array3<f32>,
    /// Standard deviation of the grey values about their means.
    noise: f64,
}

impl Means {
    fn new(grey: &Array3<f32>, zones: &Zones, sigma: [f64; 3]) -> Result<Self, KernelError> {
        let inside = Nearby::new(grey, &zones.core, sigma)?.mean;
        // Darker and brighter surroundings (lung, an aorta) apart: their common mean may be as bright as the tumour
        let shell = Zip::from(&zones.shell).and(grey).and(&inside);
        let is_darker = shell.clone().par_map_collect(|&shell, grey, inside| shell && grey < inside);
        let is_brighter = shell.par_map_collect(|&shell, grey, inside| shell && grey >= inside);
        let darker = Nearby::new(grey, &is_darker, sigma)?;
        let brighter = Nearby::new(grey, &is_brighter, sigma)?;
        let around = residuals(grey, &darker.mean, &is_darker);
        let around = around.chain(residuals(grey, &brighter.mean, &is_brighter));
        let variances = variance(residuals(grey, &inside, &zones.core)) + variance(around);
        let step_to = |side: &Nearby| {
            let both = Zip::from(&darker.weight).and(&brighter.weight);
            both.and(&side.weight).and(&side.mean).and(&inside).par_map_collect(
                |darker, brighter, &weight, mean, inside| {
                    if weight > LEAST_SHARE * (darker + brighter) { (mean - inside).abs() } else { 0.0 }
                },
            )
        };
        let (to_darker, to_brighter) = (step_to(&darker), step_to(&brighter));
        Ok(Self { inside, to_darker, to_brighter, noise: (variances / 2.0).sqrt() })
    }

    /// Median contrast of the band.
    fn seen(&self, band: &Array3<bool>) -> f64 {
        let larger = self.to_darker.iter().zip(&self.to_brighter).map(|(a, b)| a.max(*b));
        let mut contrasts: Vec<f32> = larger.zip(band).filter(|&(_, &band)| band).map(|(v, _)| v).collect();
        let middle = contrasts.len() / 2;
        let n_below_is_even = contrasts.len() % 2 == 1;
        let (below, &mut upper, _) = contrasts.select_nth_unstable_by(middle, f32::total_cmp);
        let lower =
            if n_below_is_even { upper } else { below.iter().copied().fold(f32::NEG_INFINITY, f32::max) };
        (f64::from(lower) + f64::from(upper)) / 2.0
    }

    /// Whether grey values are less than half-way from the mean inside to those outside.
    fn nearer_inside(&self, grey: &Array3<f32>) -> Array3<bool> {
        Zip::from(grey).and(&self.inside).and(&self.to_darker).and(&self.to_brighter).par_map_collect(
            |grey, inside, &darker, &brighter| {
                let above = grey - inside;
                (darker == 0.0 || above > -darker / 2.0) && (brighter == 0.0 || above < brighter / 2.0)
            },
        )
    }
}

fn residuals<'a>(
    grey: &'a Array3<f32>,
    mean: &'a Array3<f32>,
    part: &'a Array3<bool>,
) -> impl Iterator<Item = f64> + 'a {
    let values = grey.iter().zip(mean).zip(part);
    values.filter(|&(_, &part)| part).map(|((grey, mean), _)| f64::from(grey - mean))
}

fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        n += 1.0;
        sum += value;
        squares += value * value;
    }
    (squares / n - (sum / n).powi(2)).max(0.0)
}

/// Of a voxel's ten neighbours (beyond the volume, the voxel at its border), those that are as it is.
fn n_alike(mask: &Array3<bool>, [z, y, x]: [usize; 3]) -> usize {
    let (n_slices, n_rows, n_columns) = mask.dim();
    let around = |voxel: usize, length: usize| [voxel.saturating_sub(1), voxel, (voxel + 1).min(length - 1)];
    let here = mask[[z, y, x]];
    let [below, _, above] = around(z, n_slices);
    let slice = around(y, n_rows)
        .into_iter()
        .flat_map(|y| around(x, n_columns).map(|x| [z, y, x]))
        .filter(|&place| mask[place] == here);
    let slices = [below, above].into_iter().filter(|&z| mask[[z, y, x]] == here);
    slice.count() + slices.count() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const SPACING: [f64; 3] = [2.0, 1.0, 1.0];

    /// A ball about the middle of a small volume.
    fn ball(radius_mm: f64) -> Array3<u8> {
        Array3::from_shape_fn((13, 25, 25), |place| {
            let voxel = [place.0, place.1, place.2];
            let mm = |axis: usize| (voxel[axis] as f64 - [6.0, 12.0, 12.0][axis]) * SPACING[axis];
            u8::from(mm(0).powi(2) + mm(1).powi(2) + mm(2).powi(2) <= radius_mm * radius_mm)
        })
    }

    fn snapped(mask: &Array3<u8>, other: &Array3<u8>, grey: &Array3<f32>) -> Array3<u8> {
        let snapped = snap_to_edge(mask.view(), other.view(), grey.view(), SPACING, 2.5, 5.0);
        snapped.expect("valid arguments").mapv(u8::from)
    }

    #[test]
    fn a_mask_too_large_or_too_small_becomes_the_body() {
        let body = ball(7.6);
        for (inside, outside) in [(40.0, -800.0), (40.0, 300.0)] {
            let grey = body.mapv(|v| if v == 1 { inside } else { outside });
            for radius_mm in [6.8, 7.6, 8.5] {
                assert_eq!(snapped(&ball(radius_mm), &Array3::zeros(body.dim()), &grey), body);
            }
        }
    }

    #[test]
    fn other_tumours_keep_their_voxels() {
        let body = ball(7.6);
        let grey = body.mapv(|v| if v == 1 { 40.0 } else { -800.0 });
        let mut other = Array3::zeros(body.dim());
        other[[6, 12, 19]] = 1;
        let mut expected = body;
        expected[[6, 12, 19]] = 0;
        assert_eq!(snapped(&ball(6.0), &other, &grey), expected);
    }

    #[test]
    fn what_cannot_be_seen_stays() {
        let mask = ball(6.0);
        let none = Array3::zeros(mask.dim());
        assert_eq!(snapped(&mask, &none, &Array3::zeros(mask.dim())), mask);
        let full = Array3::ones(mask.dim());
        assert_eq!(snapped(&full, &none, &Array3::zeros(mask.dim())), full);
        assert_eq!(snapped(&none, &none, &Array3::zeros(mask.dim())), none);
        let empty = Array3::zeros((0, 3, 3));
        assert_eq!(snapped(&empty, &empty, &Array3::zeros(empty.dim())), empty);
    }

    #[test]
    fn neighbours_beyond_the_border_are_those_at_it() {
        let mask = array![[[true, false], [true, true]]];
        assert_eq!(n_alike(&mask, [0, 0, 1]), 5);
        assert_eq!(n_alike(&mask, [0, 1, 0]), 9);
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        let means = |to_darker: Array3<f32>| Means {
            inside: Array3::zeros(to_darker.dim()),
            to_brighter: Array3::zeros(to_darker.dim()),
            to_darker,
            noise: 0.0,
        };
        let seen = |values: Array3<f32>| means(values.clone()).seen(&values.mapv(|v| v < 9.0));
        assert_eq!(seen(array![[[4.0, 1.0, 9.0, 2.0, 8.0]]]), 3.0);
        assert_eq!(seen(array![[[4.0, 1.0, 9.0, 2.0]]]), 2.0);
    }

    #[test]
    fn bad_arguments_are_refused() {
        let mask = ball(3.0);
        let grey = mask.mapv(f32::from);
        let snap = |other: &Array3<u8>, spacing, reach, local| {
            snap_to_edge(mask.view(), other.view(), grey.view(), spacing, reach, local).expect_err("bad")
        };
        let flat = snap(&Array3::zeros((1, 2, 3)), SPACING, 2.0, 3.0);
        assert!(matches!(flat, KernelError::OtherShape { name: "other", shape_zyx: [1, 2, 3], .. }));
        assert!(matches!(snap(&mask, [0.0; 3], 2.0, 3.0), KernelError::BadSpacing { .. }));
        assert_eq!(snap(&mask, SPACING, 0.0, 3.0), KernelError::BadDistance { name: "reach_mm", mm: 0.0 });
        let local = snap(&mask, SPACING, 2.0, f64::INFINITY);
        assert_eq!(local, KernelError::BadDistance { name: "local_mm", mm: f64::INFINITY });
    }
}

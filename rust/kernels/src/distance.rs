//! Distances from a mask's border, in mm.
//!
//! P. Felzenszwalb and D. Huttenlocher, Distance transforms of sampled functions, Theory of Computing 8 (2012).

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut2, Axis};
use rayon::prelude::*;

/// Distance of each voxel from the nearest voxel of the other kind, from centre to centre: positive outside of the
/// mask, negative inside.
///
/// Distances are exact up to `limit_mm`. A longer one, or one to a kind that has no voxel, is infinite; its sign stays.
pub(crate) fn signed_distances(
    mask: ArrayView3<'_, bool>,
    spacing_mm: [f64; 3],
    limit_mm: f64,
) -> Array3<f64> {
    // Along z both kinds have one answer: a voxel is at 0 from its own kind
    let mut distances = distances_along_z(mask, spacing_mm[0]);
    distances.axis_iter_mut(Axis(0)).into_par_iter().zip(mask.axis_iter(Axis(0))).for_each_init(
        Envelope::default,
        |envelope, (mut slice, mask)| {
            let squares = slice.mapv(|mm| mm * mm);
            for (inside, sign) in [(false, 1.0), (true, -1.0)] {
                if mask.iter().any(|&voxel| voxel == inside) {
                    let squares = nearest_in_slice(&squares, mask, inside, spacing_mm, limit_mm, envelope);
                    write_roots(&mut slice, mask, inside, &squares, sign);
                }
            }
        },
    );
    distances
}

/// Distance of each voxel from the nearest voxel of the other kind in its column.
fn distances_along_z(mask: ArrayView3<'_, bool>, spacing_mm: f64) -> Array3<f64> {
    let n_slices = mask.len_of(Axis(0));
    let mut slices = Array3::from_elem(mask.dim(), f64::INFINITY);
    let mut counts = Array2::from_elem((mask.len_of(Axis(1)), mask.len_of(Axis(2))), f64::INFINITY);
    let mut visit = |z: usize, before: Option<usize>| {
        let Some(before) = before else { return counts.fill(f64::INFINITY) };
        let (here, last) = (mask.index_axis(Axis(0), z), mask.index_axis(Axis(0), before));
        let changes = here.iter().zip(last);
        let mut slice = slices.index_axis_mut(Axis(0), z);
        for ((count, mm), (here, last)) in counts.iter_mut().zip(&mut slice).zip(changes) {
            *count = if here == last { *count + 1.0 } else { 1.0 };
            *mm = mm.min(*count * spacing_mm);
        }
    };
    (0..n_slices).for_each(|z| visit(z, z.checked_sub(1)));
    (0..n_slices).rev().for_each(|z| visit(z, Some(z + 1).filter(|&next| next < n_slices)));
    slices
}

/// Squared distances, in a slice, of the voxels that are `inside` (or not) from the other kind; 0 of the others.
///
/// `squares` are those along z.
fn nearest_in_slice(
    squares: &Array2<f64>,
    mask: ArrayView2<'_, bool>,
    inside: bool,
    spacing_mm: [f64; 3],
    limit_mm: f64,
    envelope: &mut Envelope,
) -> Array2<f64> {
    let limit = limit_mm * limit_mm;
    let own = |(square, voxel): (&f64, &bool)| if *voxel == inside { *square } else { 0.0 };
    let squares: Vec<f64> = squares.iter().zip(mask).map(own).collect();
    let mut squares = Array2::from_shape_vec(mask.dim(), squares).expect("as many values as voxels");
    let mut column = Vec::new();
    for mut lane in squares.columns_mut() {
        column.clear();
        column.extend(&lane);
        envelope.lower(&mut column, spacing_mm[1], limit);
        lane.iter_mut().zip(&column).for_each(|(square, &lower)| *square = lower);
    }
    for mut row in squares.rows_mut() {
        envelope.lower(row.as_slice_mut().expect("allocated here, in C order"), spacing_mm[2], limit);
    }
    squares
}

fn write_roots(
    slice: &mut ArrayViewMut2<'_, f64>,
    mask: ArrayView2<'_, bool>,
    inside: bool,
    squares: &Array2<f64>,
    sign: f64,
) {
    for ((mm, &voxel), &square) in slice.iter_mut().zip(mask).zip(squares) {
        if voxel == inside {
            *mm = sign * square.sqrt();
        }
    }
}

/// The lower envelope of parabolas that stand on a line's voxels, each `height` above its voxel.
#[derive(Default)]
struct Envelope {
    /// Voxel, height and start (in voxels) of each parabola's share of the line.
    parabolas: Vec<(f64, f64, f64)>,
}

impl Envelope {
    /// Lowers heights (mm²) to the envelope: infinite where it is above `limit`. Heights of 0 stay.
    fn lower(&mut self, heights: &mut [f64], step_mm: f64, limit: f64) {
        let scale = 1.0 / (step_mm * step_mm);
        self.parabolas.clear();
        let mut last_is_0 = false;
        for q in 0..heights.len() {
            let height = heights[q];
            // Between voxels of height 0, nobody's nearest
            let hidden = height == 0.0 && last_is_0 && heights.get(q + 1) == Some(&0.0);
            last_is_0 = height == 0.0;
            if height.is_finite() && height <= limit && !hidden {
                self.add(q as f64, height, scale);
            }
        }
        let mut n = 0;
        for (p, height) in heights.iter_mut().enumerate() {
            if *height == 0.0 {
                continue;
            }
            let p = p as f64;
            while self.parabolas.get(n + 1).is_some_and(|&(_, _, start)| start < p) {
                n += 1;
            }
            let square = self.parabolas.get(n).map_or(f64::INFINITY, |&(place, lowest, _)| {
                let mm = (p - place) * step_mm;
                lowest + mm * mm
            });
            *height = if square <= limit { square } else { f64::INFINITY };
        }
    }

    fn add(&mut self, place: f64, height: f64, scale: f64) {
        while let Some(&(last, lowest, start)) = self.parabolas.last() {
            let crossing = 0.5 * ((height - lowest) * scale / (place - last) + place + last);
            if crossing > start {
                return self.parabolas.push((place, height, crossing));
            }
            self.parabolas.pop();
        }
        self.parabolas.push((place, height, f64::NEG_INFINITY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{spacings, volumes};
    use ndarray::array;
    use proptest::prelude::*;

    /// All voxels of the other kind.
    fn reference(mask: &Array3<bool>, spacing: [f64; 3], limit: f64) -> Array3<f64> {
        Array3::from_shape_fn(mask.dim(), |(z, y, x)| {
            let inside = mask[[z, y, x]];
            let others = mask.indexed_iter().filter(|&(_, &other)| other != inside);
            let nearest = others
                .map(|((k, j, i), _)| {
                    let mm = |a: usize, b: usize, axis: usize| a.abs_diff(b) as f64 * spacing[axis];
                    (mm(k, z, 0).powi(2) + mm(j, y, 1).powi(2) + mm(i, x, 2).powi(2)).sqrt()
                })
                .fold(f64::INFINITY, f64::min);
            let nearest = if nearest <= limit { nearest } else { f64::INFINITY };
            if inside { -nearest } else { nearest }
        })
    }

    proptest! {
        #[test]
        fn distances_match_reference(
            mask in volumes(prop::bool::weighted(0.3)), spacing in spacings(),
            limit in prop_oneof![Just(1e9), 0.5..12.0],
        ) {
            let expected = reference(&mask, spacing, limit);
            for (&found, &expected) in signed_distances(mask.view(), spacing, limit).iter().zip(&expected) {
                prop_assert!(found == expected || (found - expected).abs() < 1e-9, "{found}, expected {expected}");
            }
        }

        #[test]
        fn lone_voxels_are_found_from_afar(
            mask in volumes(prop::bool::weighted(0.98)), spacing in spacings(),
        ) {
            let expected = reference(&mask, spacing, 1e9);
            for (&found, &expected) in signed_distances(mask.view(), spacing, 1e9).iter().zip(&expected) {
                prop_assert!(found == expected || (found - expected).abs() < 1e-9, "{found}, expected {expected}");
            }
        }
    }

    #[test]
    fn a_row_has_its_distances() {
        let row = array![[[false, false, true, true, true]]];
        let expected = array![[[3.0, 1.5, -1.5, -3.0, -f64::INFINITY]]];
        assert_eq!(signed_distances(row.view(), [1.0, 1.0, 1.5], 4.0), expected);
    }
}

//! RECIST diameters of a mask: the longest in-plane diameter and the short axis perpendicular to it.

use ndarray::{ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use crate::KernelError;
use crate::hull::{Point, RowSpan, convex_hull, farthest_pair};
use crate::tumor::check_spacing;

/// Of fewer voxels one thread is done before others have woken up: a label map may hold thousands of tumors.
const WORTH_THREADS: usize = 1 << 17;

/// Longest diameter of a mask on any axial slice, and the short axis on the same slice.
#[derive(Debug, Clone, PartialEq)]
pub struct InPlaneDiameters {
    /// Distance between the two farthest voxel centres, mm.
    pub longest_mm: f64,
    /// These two voxels, in lexicographic order.
    pub endpoints_zyx: [[usize; 3]; 2],
    /// Length of the longest chord of the slice's convex hull perpendicular to the longest diameter, mm.
    pub short_mm: f64,
    /// Its two ends as voxel indices with fractions, in lexicographic order.
    pub short_endpoints_zyx: [[f64; 3]; 2],
}

/// Diameters of one label over all axial slices; `None` if the label is absent.
///
/// Of slices with equal diameters the first counts, of equal pairs the lexicographically smallest. Distances run
/// from voxel centre to voxel centre: one voxel measures 0 mm.
///
/// # Errors
/// [`KernelError::BadLabel`] for label 0, [`KernelError::BadSpacing`].
pub fn in_plane_diameters<T>(
    labels: ArrayView3<'_, T>,
    label: u16,
    spacing_mm: [f64; 3],
) -> Result<Option<InPlaneDiameters>, KernelError>
where
    T: Copy + Eq + Into<u16> + Send + Sync,
{
    check_spacing(spacing_mm)?;
    if label == 0 {
        return Err(KernelError::BadLabel { label: 0 });
    }
    let spacing_yx_mm = [spacing_mm[1], spacing_mm[2]];
    let of_slice = |slice: ArrayView2<'_, T>| {
        let hull = convex_hull(&RowSpan::of_slice(slice, |v| v.into() == label));
        farthest_pair(&hull, spacing_yx_mm).map(|(squared, ends)| (squared, ends, hull))
    };
    let slices: Vec<_> = if labels.len() < WORTH_THREADS {
        labels.outer_iter().map(of_slice).collect()
    } else {
        labels.axis_iter(Axis(0)).into_par_iter().map(of_slice).collect()
    };
    let longest = slices
        .into_iter()
        .enumerate()
        .filter_map(|(z, found)| found.map(|found| (z, found)))
        .reduce(|best, other| if other.1.0 > best.1.0 { other } else { best });
    Ok(longest.map(|(z, (squared, ends, hull))| {
        let (short_mm, short_ends) = short_axis(&hull, ends, spacing_yx_mm);
        InPlaneDiameters {
            longest_mm: squared.sqrt(),
            endpoints_zyx: ends.map(|[y, x]| [z, y as usize, x as usize]),
            short_mm,
            short_endpoints_zyx: short_ends.map(|[y, x]| [z as f64, y, x]),
        }
    }))
}

/// Longest chord of a hull perpendicular (in mm) to the line between two of its corners, the farthest pair.
///
/// The two ends are the only hull points that reach so far along the line: they cut the outline into two chains,
/// each monotone along it. The chord's length is concave and linear between corners, so the longest chord starts
/// at a corner and ends on the other chain.
fn short_axis(hull: &[Point], ends: [Point; 2], spacing_yx_mm: [f64; 2]) -> (f64, [[f64; 2]; 2]) {
    let index = |[y, x]: Point| [y as f64, x as f64];
    let in_mm = |a: [f64; 2], b: [f64; 2]| [0, 1].map(|axis| (b[axis] - a[axis]) * spacing_yx_mm[axis]);
    let origin = index(ends[0]);
    let [line_y, line_x] = in_mm(origin, index(ends[1]));
    let along = |p: [f64; 2]| {
        let [y, x] = in_mm(origin, p);
        y * line_y + x * line_x
    };
    let mut best = (0.0, [origin; 2]);
    let (one_way, other_way) = chains(hull, ends);
    for (corners, opposite) in [(&one_way, &other_way), (&other_way, &one_way)] {
        for &corner in corners {
            let corner = index(corner);
            let t = along(corner);
            let edge = opposite.windows(2).map(|edge| [index(edge[0]), index(edge[1])]);
            let Some([a, b]) = edge.into_iter().find(|&[_, b]| along(b) >= t) else {
                continue;
            };
            let length = along(b) - along(a);
            let share = if length > 0.0 { ((t - along(a)) / length).clamp(0.0, 1.0) } else { 0.0 };
            let foot = [0, 1].map(|axis| a[axis] + share * (b[axis] - a[axis]));
            let [y, x] = in_mm(corner, foot);
            let chord_mm = y.hypot(x);
            if chord_mm > best.0 {
                best = (chord_mm, if corner < foot { [corner, foot] } else { [foot, corner] });
            }
        }
    }
    best
}

/// The two ways along the outline from one end to the other, both ends included.
fn chains(hull: &[Point], [start, stop]: [Point; 2]) -> (Vec<Point>, Vec<Point>) {
    let place = |end| hull.iter().position(|&corner| corner == end).expect("an end is a corner of the hull");
    let mut forth: Vec<Point> = hull.to_vec();
    forth.rotate_left(place(start));
    let n_stop = forth.iter().position(|&corner| corner == stop).expect("an end is a corner of the hull");
    let mut back = forth.split_off(n_stop);
    forth.push(stop);
    back.push(start);
    back.reverse();
    (forth, back)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{one_of, spacings, volumes};
    use ndarray::{Array3, array};
    use proptest::prelude::*;

    fn distance(a: [f64; 3], b: [f64; 3], spacing_mm: [f64; 3]) -> f64 {
        let squared = |axis: usize| ((b[axis] - a[axis]) * spacing_mm[axis]).powi(2);
        (squared(1) + squared(2)).sqrt()
    }

    fn voxels(labels: &Array3<u8>, z: usize) -> Vec<[f64; 3]> {
        let of_slice = labels.indexed_iter().filter(|&((place, ..), &v)| v == 1 && place == z);
        of_slice.map(|((z, y, x), _)| [z, y, x].map(|index| index as f64)).collect()
    }

    /// All pairs on all slices; the first of the longest.
    fn longest_reference(labels: &Array3<u8>, spacing_mm: [f64; 3]) -> Option<(f64, [[f64; 3]; 2])> {
        let mut best = None;
        for voxels in (0..labels.dim().0).map(|z| voxels(labels, z)) {
            for (i, &a) in voxels.iter().enumerate() {
                for &b in &voxels[i..] {
                    let length = distance(a, b, spacing_mm);
                    if best.is_none_or(|(most, _)| length > most) {
                        best = Some((length, [a, b]));
                    }
                }
            }
        }
        best
    }

    /// The hull is what lies between any two voxels: at each voxel's height along the diameter, how far do all
    /// lines between two voxels spread?
    fn short_reference(voxels: &[[f64; 3]], ends: [[f64; 3]; 2], spacing_mm: [f64; 3]) -> f64 {
        let length = distance(ends[0], ends[1], spacing_mm);
        let [line_y, line_x] = [1, 2].map(|axis| (ends[1][axis] - ends[0][axis]) * spacing_mm[axis] / length);
        let turned: Vec<[f64; 2]> = voxels
            .iter()
            .map(|v| [(v[1] - ends[0][1]) * spacing_mm[1], (v[2] - ends[0][2]) * spacing_mm[2]])
            .map(|[y, x]| [y * line_y + x * line_x, x * line_y - y * line_x])
            .collect();
        let mut longest = 0.0_f64;
        for &[t, _] in &turned {
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for &[from, left] in &turned {
                for &[to, right] in turned.iter().filter(|&&[to, _]| from <= t && to >= t) {
                    let share = if to > from { (t - from) / (to - from) } else { 0.0 };
                    let across = left + share * (right - left);
                    (low, high) = (low.min(across), high.max(across));
                }
            }
            longest = longest.max(high - low);
        }
        longest
    }

    proptest! {
        #[test]
        fn diameters_match_reference(labels in volumes(one_of(&[0_u8, 0, 1, 2])), spacing in spacings()) {
            let found = in_plane_diameters(labels.view(), 1, spacing).expect("a label and a spacing");
            let expected = longest_reference(&labels, spacing);
            prop_assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some((longest_mm, ends))) = (found, expected) {
                prop_assert_eq!(found.longest_mm, longest_mm);
                prop_assert_eq!(found.endpoints_zyx.map(|end| end.map(|index| index as f64)), ends);
                let short_mm = if longest_mm > 0.0 {
                    short_reference(&voxels(&labels, found.endpoints_zyx[0][0]), ends, spacing)
                } else {
                    0.0
                };
                prop_assert!((found.short_mm - short_mm).abs() < 1e-9, "{} {}", found.short_mm, short_mm);
                let [a, b] = found.short_endpoints_zyx;
                prop_assert!((distance(a, b, spacing) - short_mm).abs() < 1e-9);
                prop_assert!(a <= b && a[0] == ends[0][0]);
                let dot = |axis: usize| (b[axis] - a[axis]) * (ends[1][axis] - ends[0][axis]) * spacing[axis].powi(2);
                prop_assert!((dot(1) + dot(2)).abs() < 1e-9);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn several_threads_find_what_one_does(labels in volumes(one_of(&[0_u8, 0, 1, 2])), spacing in spacings()) {
            let mut large = Array3::zeros((labels.dim().0 + 8, 150, 150));
            prop_assert!(large.len() >= WORTH_THREADS);
            for ((z, y, x), &v) in labels.indexed_iter() {
                large[[z, y, x]] = v;
            }
            prop_assert_eq!(
                in_plane_diameters(large.view(), 1, spacing),
                in_plane_diameters(labels.view(), 1, spacing)
            );
        }
    }

    #[test]
    fn one_voxel_and_a_line_have_no_short_axis() {
        let one =
            in_plane_diameters(array![[[0_u8, 1]]].view(), 1, [1.0; 3]).expect("valid").expect("present");
        assert_eq!((one.longest_mm, one.short_mm), (0.0, 0.0));
        assert_eq!(one.short_endpoints_zyx, [[0.0, 0.0, 1.0]; 2]);
        let line =
            in_plane_diameters(array![[[1_u8, 1, 1]]].view(), 1, [1.0; 3]).expect("valid").expect("present");
        assert_eq!((line.longest_mm, line.short_mm), (2.0, 0.0));
    }

    #[test]
    fn the_background_is_not_measured() {
        let labels = array![[[0_u8]]];
        assert_eq!(in_plane_diameters(labels.view(), 0, [1.0; 3]), Err(KernelError::BadLabel { label: 0 }));
        assert_eq!(in_plane_diameters(labels.view(), 300, [1.0; 3]), Ok(None));
    }
}

//! RECIST diameters of a mask: the longest in-plane diameter and the short axis perpendicular to it.

use ndarray::{ArrayView3, Axis};
use rayon::prelude::*;

use crate::KernelError;
use crate::hull::{Point, RowSpan, convex_hull, farthest_pair};
use crate::tumor::check_spacing;

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
    let slices: Vec<_> = labels
        .axis_iter(Axis(0))
        .into_par_iter()
        .map(|slice| {
            let hull = convex_hull(&RowSpan::of_slice(slice, |v| v.into() == label));
            farthest_pair(&hull, spacing_yx_mm).map(|(squared, ends)| (squared, ends, hull))
        })
        .collect();
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

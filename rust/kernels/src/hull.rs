//! Convex hull of the voxels of one axial slice, and the two of its corners that are farthest apart.

use ndarray::ArrayView2;

use crate::labels::for_each_run;

/// A voxel of a slice, (y, x); signed, for cross products.
pub(crate) type Point = [i64; 2];

/// First and last voxel of some label along one row: all that a convex hull can see of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RowSpan {
    y: i64,
    first_x: i64,
    last_x: i64,
}

impl RowSpan {
    /// Adds a run `[start, stop)` of row `y` to spans that are collected row by row.
    pub(crate) fn add(spans: &mut Vec<Self>, y: usize, start: usize, stop: usize) {
        let (y, first_x, last_x) = (y as i64, start as i64, stop as i64 - 1);
        match spans.last_mut() {
            Some(span) if span.y == y => span.last_x = last_x,
            _ => spans.push(Self { y, first_x, last_x }),
        }
    }

    /// Spans of one label of a slice, rows ascending.
    pub(crate) fn of_slice<T: Copy + Eq>(
        slice: ArrayView2<'_, T>,
        is_inside: impl Fn(T) -> bool,
    ) -> Vec<Self> {
        let mut spans = Vec::new();
        for (y, row) in slice.outer_iter().enumerate() {
            for_each_run(row, |label, start, stop| {
                if is_inside(label) {
                    Self::add(&mut spans, y, start, stop);
                }
            });
        }
        spans
    }
}

/// Corners of the convex hull, in turn, from the lexicographically smallest; none on a straight line between two
/// others. One or two corners where the voxels are one or lie on a line.
///
/// Andrew's monotone chain in exact integers: linear, as spans come sorted.
pub(crate) fn convex_hull(spans: &[RowSpan]) -> Vec<Point> {
    let mut points: Vec<Point> = spans.iter().flat_map(|s| [[s.y, s.first_x], [s.y, s.last_x]]).collect();
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let mut hull = half_hull(points.iter().copied());
    hull.extend(half_hull(points.iter().rev().copied()));
    hull
}

/// One side of the hull, without its last point, which is the other side's first.
fn half_hull(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut chain: Vec<Point> = Vec::new();
    for point in points {
        while let [.., a, b] = chain[..]
            && cross(a, b, point) <= 0
        {
            chain.pop();
        }
        chain.push(point);
    }
    chain.pop();
    chain
}

fn cross(origin: Point, a: Point, b: Point) -> i64 {
    (a[0] - origin[0]) * (b[1] - origin[1]) - (a[1] - origin[1]) * (b[0] - origin[0])
}

/// Squared length in mm² of the line between two voxels.
pub(crate) fn squared_mm(a: Point, b: Point, spacing_yx_mm: [f64; 2]) -> f64 {
    let dy = (b[0] - a[0]) as f64 * spacing_yx_mm[0];
    let dx = (b[1] - a[1]) as f64 * spacing_yx_mm[1];
    dy * dy + dx * dx
}

/// The two corners of a hull that are farthest apart in mm, in lexicographic order, and the squared distance.
/// Ties go to the lexicographically smallest pair; a hull of one corner gives it twice; `None` for no corner.
///
/// All pairs are tried: a convex polygon on an n x n grid has at most about 3.5 n^(2/3) corners (220 for
/// n = 512), so this costs less than finding the hull, and ties need no special care as with calipers.
pub(crate) fn farthest_pair(hull: &[Point], spacing_yx_mm: [f64; 2]) -> Option<(f64, [Point; 2])> {
    let mut corners = hull.to_vec();
    corners.sort_unstable();
    let mut best = (0.0, [*corners.first()?; 2]);
    for (i, &a) in corners.iter().enumerate() {
        for &b in &corners[i + 1..] {
            let squared = squared_mm(a, b, spacing_yx_mm);
            if squared > best.0 {
                best = (squared, [a, b]);
            }
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{spacings, volumes};
    use ndarray::Array2;
    use proptest::prelude::*;

    fn points(slice: ArrayView2<'_, bool>) -> Vec<Point> {
        slice.indexed_iter().filter(|&(_, &v)| v).map(|((y, x), _)| [y as i64, x as i64]).collect()
    }

    fn hull_of(slice: ArrayView2<'_, bool>) -> Vec<Point> {
        convex_hull(&RowSpan::of_slice(slice, |v| v))
    }

    /// A corner is a point that lies on no line and in no triangle between others.
    fn corners_reference(points: &[Point]) -> Vec<Point> {
        let is_between = |p: Point, a: Point, b: Point| {
            cross(a, b, p) == 0 && (a[0] - p[0]) * (b[0] - p[0]) + (a[1] - p[1]) * (b[1] - p[1]) < 0
        };
        let is_inside = |p: Point, a: Point, b: Point, c: Point| {
            let turns = [cross(a, b, p), cross(b, c, p), cross(c, a, p)];
            turns.iter().all(|&turn| turn > 0) || turns.iter().all(|&turn| turn < 0)
        };
        let is_corner = |&&p: &&Point| {
            !points.iter().any(|&a| {
                points.iter().any(|&b| is_between(p, a, b) || points.iter().any(|&c| is_inside(p, a, b, c)))
            })
        };
        points.iter().filter(is_corner).copied().collect()
    }

    proptest! {
        #[test]
        fn convex_hull_matches_reference(volume in volumes(any::<bool>())) {
            for slice in volume.outer_iter() {
                let mut hull = hull_of(slice);
                let n = hull.len();
                prop_assert!(n < 3 || (0..n).all(|i| cross(hull[i], hull[(i + 1) % n], hull[(i + 2) % n]) > 0));
                hull.sort_unstable();
                prop_assert_eq!(hull, corners_reference(&points(slice)));
            }
        }

        #[test]
        fn farthest_pair_matches_all_pairs(volume in volumes(any::<bool>()), spacing in spacings()) {
            let spacing = [spacing[1], spacing[2]];
            for slice in volume.outer_iter() {
                let points = points(slice);
                let mut best = None;
                for &a in &points {
                    for &b in points.iter().filter(|&&b| b >= a) {
                        let squared = squared_mm(a, b, spacing);
                        if best.is_none_or(|(most, _)| squared > most) {
                            best = Some((squared, [a, b]));
                        }
                    }
                }
                prop_assert_eq!(farthest_pair(&hull_of(slice), spacing), best);
            }
        }
    }

    #[test]
    fn a_large_disc_has_few_corners() {
        let disc = Array2::from_shape_fn((512, 512), |(y, x)| {
            (y as f64 - 255.5).powi(2) + (x as f64 - 255.5).powi(2) <= 255.5 * 255.5
        });
        let hull = hull_of(disc.view());
        assert!(hull.len() < 250, "{} corners", hull.len());
    }
}

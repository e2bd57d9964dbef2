//! RECIST lines out of a marker volume, in which each line is drawn with the voxels of one label.

use std::collections::BTreeMap;

use ndarray::{ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use crate::KernelError;
use crate::hull::{RowSpan, convex_hull, farthest_pair};
use crate::labels::for_each_run;
use crate::tumor::check_spacing;

/// A RECIST line of a marker volume.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkedLine {
    /// Label of the line, at least 1.
    pub label: i32,
    /// The two ends as voxel indices, in lexicographic order.
    pub endpoints_zyx: [[usize; 3]; 2],
}

/// The farthest pair of voxels, in mm, of each label above 0, labels ascending.
///
/// Ties go to the lexicographically smallest pair. A marker of zeros has no lines.
///
/// # Errors
/// [`KernelError::NegativeLabel`], [`KernelError::SeveralSlices`], [`KernelError::OneVoxel`],
/// [`KernelError::BadSpacing`].
pub fn marker_endpoints<T>(
    marker: ArrayView3<'_, T>,
    spacing_mm: [f64; 3],
) -> Result<Vec<MarkedLine>, KernelError>
where
    T: Copy + Eq + Into<i32> + Send + Sync,
{
    check_spacing(spacing_mm)?;
    let slices: Vec<_> = marker.axis_iter(Axis(0)).into_par_iter().map(spans_by_label).collect();
    let mut lines: BTreeMap<i32, Vec<(usize, Vec<RowSpan>)>> = BTreeMap::new();
    for (z, slice) in slices.into_iter().enumerate() {
        for (label, spans) in slice {
            lines.entry(label).or_default().push((z, spans));
        }
    }
    lines.into_iter().map(|(label, slices)| line(label, &slices, spacing_mm)).collect()
}

fn spans_by_label<T: Copy + Eq + Into<i32>>(slice: ArrayView2<'_, T>) -> BTreeMap<i32, Vec<RowSpan>> {
    let mut spans: BTreeMap<i32, Vec<RowSpan>> = BTreeMap::new();
    for (y, row) in slice.outer_iter().enumerate() {
        for_each_run(row, |label, start, stop| {
            let label = label.into();
            if label != 0 {
                RowSpan::add(spans.entry(label).or_default(), y, start, stop);
            }
        });
    }
    spans
}

fn line(
    label: i32,
    slices: &[(usize, Vec<RowSpan>)],
    spacing_mm: [f64; 3],
) -> Result<MarkedLine, KernelError> {
    if label < 0 {
        return Err(KernelError::NegativeLabel { label });
    }
    let [(z, spans)] = slices else {
        return Err(KernelError::SeveralSlices { label, slices: slices.iter().map(|&(z, _)| z).collect() });
    };
    let (_, ends) = farthest_pair(&convex_hull(spans), [spacing_mm[1], spacing_mm[2]])
        .expect("a label was seen on this slice");
    let endpoints_zyx = ends.map(|[y, x]| [*z, y as usize, x as usize]);
    if endpoints_zyx[0] == endpoints_zyx[1] {
        return Err(KernelError::OneVoxel { label, voxel_zyx: endpoints_zyx[0] });
    }
    Ok(MarkedLine { label, endpoints_zyx })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hull::squared_mm;
    use crate::testing::{spacings, volumes};
    use ndarray::{Array3, array};
    use proptest::prelude::*;

    /// All pairs of all voxels of each label.
    fn reference(marker: &Array3<i16>, spacing_mm: [f64; 3]) -> Result<Vec<MarkedLine>, KernelError> {
        let mut voxels: BTreeMap<i32, Vec<[usize; 3]>> = BTreeMap::new();
        for ((z, y, x), &label) in marker.indexed_iter().filter(|&(_, &label)| label != 0) {
            voxels.entry(label.into()).or_default().push([z, y, x]);
        }
        let mut lines = Vec::new();
        for (label, voxels) in voxels {
            let mut slices: Vec<_> = voxels.iter().map(|v| v[0]).collect();
            slices.dedup();
            if label < 0 {
                return Err(KernelError::NegativeLabel { label });
            } else if slices.len() > 1 {
                return Err(KernelError::SeveralSlices { label, slices });
            } else if let [voxel_zyx] = voxels[..] {
                return Err(KernelError::OneVoxel { label, voxel_zyx });
            }
            let mut best = (0.0, [voxels[0]; 2]);
            for (i, &a) in voxels.iter().enumerate() {
                for &b in &voxels[i..] {
                    let [from, to] = [a, b].map(|[_, y, x]| [y as i64, x as i64]);
                    let squared = squared_mm(from, to, [spacing_mm[1], spacing_mm[2]]);
                    if squared > best.0 {
                        best = (squared, [a, b]);
                    }
                }
            }
            lines.push(MarkedLine { label, endpoints_zyx: best.1 });
        }
        Ok(lines)
    }

    proptest! {
        #[test]
        fn marker_endpoints_matches_reference(marker in volumes(-1..3_i16), spacing in spacings()) {
            prop_assert_eq!(marker_endpoints(marker.view(), spacing), reference(&marker, spacing));
        }

        #[test]
        fn lines_on_one_slice_match_reference(mut marker in volumes(0..3_i16), z in 0..9_usize, spacing in spacings()) {
            for (other, mut slice) in marker.outer_iter_mut().enumerate() {
                if other != z {
                    slice.fill(0);
                }
            }
            prop_assert_eq!(marker_endpoints(marker.view(), spacing), reference(&marker, spacing));
        }
    }

    #[test]
    fn faults_are_named() {
        let line =
            |marker: Array3<u8>| marker_endpoints(marker.view(), [1.0; 3]).expect_err("a fault").to_string();
        assert_eq!(
            line(array![[[0, 3]], [[0, 0]], [[3, 0]]]),
            "label 3 must lie on one axial slice, got slices 0, 2"
        );
        assert_eq!(
            line(array![[[0, 3]]]),
            "label 3 has a single voxel, (z, y, x) = (0, 0, 1): a RECIST line needs two"
        );
        let refused = marker_endpoints(array![[[1_u8, 1]]].view(), [1.0, 0.0, 1.0]);
        assert!(matches!(refused, Err(KernelError::BadSpacing { .. })));
    }
}

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

//! Counts and boxes of the labels of a label map.

use ndarray::{Array3, ArrayView1, ArrayView3, Axis};
use rayon::prelude::*;

use crate::KernelError;

/// Calls `visit(label, start, stop)` for each run of equal labels along a row.
///
/// Rows of a label map are mostly one single run, which is found out at vector speed.
pub(crate) fn for_each_run<T: Copy + Eq>(row: ArrayView1<'_, T>, mut visit: impl FnMut(T, usize, usize)) {
    let Some(&(mut label)) = row.first() else {
        return;
    };
    if let Some(row) = row.as_slice()
        && row.iter().fold(true, |uniform, &v| uniform & (v == label))
    {
        return visit(label, 0, row.len());
    }
    let mut start = 0;
    for (x, &v) in row.iter().enumerate() {
        if v != label {
            visit(label, start, x);
            (label, start) = (v, x);
        }
    }
    visit(label, start, row.len());
}

/// How many voxels carry each label 0, 1, .., `n_labels`.
///
/// # Errors
/// [`KernelError::LabelTooLarge`] names the smallest label above `n_labels`.
pub fn label_counts<T>(labels: ArrayView3<'_, T>, n_labels: u16) -> Result<Vec<u64>, KernelError>
where
    T: Copy + Eq + Into<u16> + Send + Sync,
{
    // One chunk a thread: each has a table of its own
    let n_slices = labels.len_of(Axis(0)).div_ceil(rayon::current_num_threads()).max(1);
    let counts = labels
        .axis_chunks_iter(Axis(0), n_slices)
        .into_par_iter()
        .map(|slab| {
            let mut counts = Vec::new();
            for row in slab.rows() {
                for_each_run(row, |label, start, stop| *entry(&mut counts, label) += (stop - start) as u64);
            }
            counts
        })
        .reduce(Vec::new, |mut counts, others| {
            counts.resize(counts.len().max(others.len()), 0);
            counts.iter_mut().zip(others).for_each(|(count, other)| *count += other);
            counts
        });
    up_to(n_labels, counts, |&count| count > 0)
}

/// Bounding box of each label 0, 1, .., `n_labels`: array `(n_labels + 1, 2, 3)` of start and stop (half open),
/// (z, y, x). A label without voxels has zeros.
///
/// # Errors
/// [`KernelError::LabelTooLarge`] names the smallest label above `n_labels`.
pub fn label_boxes<T>(labels: ArrayView3<'_, T>, n_labels: u16) -> Result<Array3<i64>, KernelError>
where
    T: Copy + Eq + Into<u16> + Send + Sync,
{
    let mut boxes: Vec<Option<[[usize; 3]; 2]>> = Vec::new();
    for (z, slice) in labels.outer_iter().enumerate() {
        for (y, row) in slice.outer_iter().enumerate() {
            for_each_run(row, |label, start, stop| {
                let run = [[z, y, start], [z + 1, y + 1, stop]];
                let [low, high] = entry(&mut boxes, label).get_or_insert(run);
                for axis in 0..3 {
                    low[axis] = low[axis].min(run[0][axis]);
                    high[axis] = high[axis].max(run[1][axis]);
                }
            });
        }
    }
    let boxes = up_to(n_labels, boxes, Option::is_some)?;
    Ok(Array3::from_shape_fn((boxes.len(), 2, 3), |(label, end, axis)| {
        boxes[label].map_or(0, |corners| corners[end][axis] as i64)
    }))
}

/// A label's place in a table that grows with the largest label seen.
fn entry<V: Clone + Default>(table: &mut Vec<V>, label: impl Into<u16>) -> &mut V {
    let label = usize::from(label.into());
    if label >= table.len() {
        table.resize(label + 1, V::default());
    }
    &mut table[label]
}

/// The table with exactly the labels 0..=n_labels.
fn up_to<V: Clone + Default>(
    n_labels: u16,
    mut table: Vec<V>,
    is_present: impl Fn(&V) -> bool,
) -> Result<Vec<V>, KernelError> {
    let n_kept = usize::from(n_labels) + 1;
    match table.iter().skip(n_kept).position(is_present) {
        Some(above) => Err(KernelError::LabelTooLarge { label: n_kept + above, n_labels: n_labels.into() }),
        None => {
            table.resize(n_kept, V::default());
            Ok(table)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::volumes;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn label_counts_matches_reference(labels in volumes(0..4_u8)) {
            let expected: Vec<u64> =
                (0..5).map(|label| labels.iter().filter(|&&v| v == label).count() as u64).collect();
            prop_assert_eq!(label_counts(labels.view(), 4), Ok(expected));
        }

        #[test]
        fn label_boxes_matches_reference(labels in volumes(prop_oneof![9 => Just(0_u16), 1 => 1..4_u16])) {
            let boxes = label_boxes(labels.view(), 4).expect("no label above 3");
            for label in 0..5_u16 {
                let places: Vec<_> = labels.indexed_iter().filter(|&(_, &v)| v == label).map(|(p, _)| p).collect();
                let along = |axis: usize| places.iter().map(move |&(z, y, x)| [z, y, x][axis] as i64);
                for axis in 0..3 {
                    let expected = [along(axis).min().unwrap_or(0), along(axis).max().map_or(0, |last| last + 1)];
                    prop_assert_eq!([0, 1].map(|end| boxes[[label.into(), end, axis]]), expected);
                }
            }
        }

        #[test]
        fn a_label_too_large_is_named(labels in volumes(any::<u16>()), n_labels in any::<u16>()) {
            let too_large = labels.iter().copied().filter(|&v| v > n_labels).min();
            let error = too_large.map(|label| KernelError::LabelTooLarge { label: label.into(), n_labels: n_labels.into() });
            prop_assert_eq!(label_counts(labels.view(), n_labels).err(), error.clone());
            prop_assert_eq!(label_boxes(labels.view(), n_labels).err(), error);
        }
    }

    #[test]
    fn runs_cover_a_row() {
        let row = ndarray::array![1_u8, 1, 0, 2];
        let mut runs = Vec::new();
        for_each_run(row.view(), |label, start, stop| runs.push((label, start, stop)));
        assert_eq!(runs, [(1, 0, 2), (0, 2, 3), (2, 3, 4)]);
    }
}

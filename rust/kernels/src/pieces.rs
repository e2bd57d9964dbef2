//! Pieces of a mask: voxels that hang together over faces, edges or corners.

use std::ops::Range;

use ndarray::{Array3, ArrayView3};

use crate::KernelError;
use crate::labels::for_each_run;

/// The largest of the pieces that one label falls into.
#[derive(Debug, Clone, PartialEq)]
pub struct LargestPiece {
    /// Pieces of the label, 0 if it is absent.
    pub n_pieces: usize,
    /// The voxels (z, y, x) of the piece that has most; of equal ones the piece that comes first.
    pub mask: Array3<bool>,
}

/// Voxels of one label along a row: a half-open range of x.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    stop: usize,
}

/// The largest piece of one label, where 26 neighbours count as touching.
///
/// The time is that of one look at each voxel, and of sorting out the runs of the label along the rows.
///
/// # Errors
/// [`KernelError::BadLabel`] for label 0.
pub fn largest_piece<T>(labels: ArrayView3<'_, T>, label: u16) -> Result<LargestPiece, KernelError>
where
    T: Copy + Eq + Into<u16>,
{
    if label == 0 {
        return Err(KernelError::BadLabel { label: 0 });
    }
    let mut found = Found::new(labels, label);
    let mask = match found.pieces.largest() {
        Some(largest) => found.mask(labels.dim(), |piece| piece == largest),
        None => Array3::from_elem(labels.dim(), false),
    };
    Ok(LargestPiece { n_pieces: found.pieces.count(), mask })
}

/// The pieces of a mask that hold at least one of the voxels `seeds`.
pub(crate) fn pieces_with(mask: ArrayView3<'_, bool>, seeds: ArrayView3<'_, bool>) -> Array3<bool> {
    let mut found = Found::new(mask, 1);
    let mut kept = vec![false; found.runs.len()];
    for (row, seeds) in seeds.rows().into_iter().enumerate() {
        for n in found.row_starts[row]..found.row_starts[row + 1] {
            let Run { start, stop } = found.runs[n];
            if (start..stop).any(|x| seeds[x]) {
                kept[found.pieces.root(n)] = true;
            }
        }
    }
    found.mask(mask.dim(), |piece| kept[piece])
}

/// All runs of one label, and which of them hang together.
struct Found {
    runs: Vec<Run>,
    /// First run of each row, through all slices, and the number of runs.
    row_starts: Vec<usize>,
    pieces: Pieces,
}

impl Found {
    fn new<T: Copy + Eq + Into<u16>>(labels: ArrayView3<'_, T>, label: u16) -> Self {
        let (n_slices, n_rows, _) = labels.dim();
        let mut runs: Vec<Run> = Vec::new();
        let mut row_starts = Vec::with_capacity(n_slices * n_rows + 1);
        let mut pieces = Pieces::default();
        for (z, slice) in labels.outer_iter().enumerate() {
            for (y, row) in slice.outer_iter().enumerate() {
                let first = runs.len();
                row_starts.push(first);
                for_each_run(row, |value, start, stop| {
                    if value.into() == label {
                        runs.push(Run { start, stop });
                        pieces.add(stop - start);
                    }
                });
                if runs.len() > first {
                    for earlier in earlier_rows(z, y, n_rows) {
                        let earlier = row_starts[earlier]..row_starts[earlier + 1];
                        join_touching(&runs, earlier, first, &mut pieces);
                    }
                }
            }
        }
        row_starts.push(runs.len());
        Self { runs, row_starts, pieces }
    }

    /// Voxels of the pieces, each known by its first run, that are kept.
    fn mask(&mut self, shape: (usize, usize, usize), is_kept: impl Fn(usize) -> bool) -> Array3<bool> {
        let (n_slices, n_rows, n_columns) = shape;
        let mut mask = vec![false; n_slices * n_rows * n_columns];
        for (row, ends) in self.row_starts.windows(2).enumerate() {
            for n in ends[0]..ends[1] {
                if is_kept(self.pieces.root(n)) {
                    mask[row * n_columns..][self.runs[n].start..self.runs[n].stop].fill(true);
                }
            }
        }
        Array3::from_shape_vec(shape, mask).expect("as many values as voxels")
    }
}

/// The rows that touch row `y` of slice `z` and come before it, counted through all slices.
fn earlier_rows(z: usize, y: usize, n_rows: usize) -> impl Iterator<Item = usize> {
    let same_slice = y.checked_sub(1).map(|y| z * n_rows + y);
    let slice_before = z
        .checked_sub(1)
        .into_iter()
        .flat_map(move |z| (y.saturating_sub(1)..(y + 2).min(n_rows)).map(move |y| z * n_rows + y));
    same_slice.into_iter().chain(slice_before)
}

/// Joins the runs from `first` on, which are those of one row, with the runs of an earlier row that they touch, over a
/// corner too. Both rows are walked through once, side by side.
fn join_touching(runs: &[Run], earlier: Range<usize>, first: usize, pieces: &mut Pieces) {
    let mut next = earlier.start;
    for (n, run) in runs.iter().enumerate().skip(first) {
        while next < earlier.end && runs[next].stop < run.start {
            next += 1;
        }
        for m in (next..earlier.end).take_while(|&m| runs[m].start <= run.stop) {
            pieces.join(m, n);
        }
    }
}

/// Runs in disjoint sets: each points to an earlier run of its piece, a piece's first run to itself.
#[derive(Default)]
struct Pieces {
    parents: Vec<usize>,
    /// Voxels of each run; of a piece's first run, voxels of the piece.
    sizes: Vec<usize>,
}

impl Pieces {
    /// A run that is a piece by itself.
    fn add(&mut self, n_voxels: usize) {
        self.parents.push(self.parents.len());
        self.sizes.push(n_voxels);
    }

    /// The first run of a run's piece. Runs on the way are brought half as near to it.
    fn root(&mut self, mut run: usize) -> usize {
        while self.parents[run] != run {
            self.parents[run] = self.parents[self.parents[run]];
            run = self.parents[run];
        }
        run
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (first, second) = (one.min(other), one.max(other));
        if first != second {
            self.parents[second] = first;
            self.sizes[first] += self.sizes[second];
        }
    }

    fn roots(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.parents.len()).filter(|&run| self.parents[run] == run)
    }

    fn count(&self) -> usize {
        self.roots().count()
    }

    /// Root of the largest piece; of equal ones the first.
    fn largest(&self) -> Option<usize> {
        self.roots().rev().max_by_key(|&run| self.sizes[run])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{one_of, volumes};
    use ndarray::array;
    use proptest::prelude::*;

    /// Floods from voxel to voxel: all pieces in the order of their first voxels.
    fn pieces_reference(labels: &Array3<u8>) -> Vec<Array3<bool>> {
        let mut left = labels.mapv(|v| v == 1);
        let mut pieces = Vec::new();
        while let Some((start, _)) = left.indexed_iter().find(|&(_, &inside)| inside) {
            let mut piece = Array3::from_elem(labels.dim(), false);
            let mut waiting = vec![start];
            while let Some((z, y, x)) = waiting.pop() {
                if !std::mem::replace(&mut left[[z, y, x]], false) {
                    continue;
                }
                piece[[z, y, x]] = true;
                let near = |&((k, j, i), &inside): &((usize, usize, usize), &bool)| {
                    inside && k.abs_diff(z) <= 1 && j.abs_diff(y) <= 1 && i.abs_diff(x) <= 1
                };
                waiting.extend(left.indexed_iter().filter(near).map(|(place, _)| place));
            }
            pieces.push(piece);
        }
        pieces
    }

    fn n_voxels(piece: &Array3<bool>) -> usize {
        piece.iter().filter(|&&inside| inside).count()
    }

    proptest! {
        #[test]
        fn largest_piece_matches_reference(labels in volumes(one_of(&[0_u8, 0, 0, 0, 0, 1, 2]))) {
            let found = largest_piece(labels.view(), 1).expect("a label");
            let pieces = pieces_reference(&labels);
            prop_assert_eq!(found.n_pieces, pieces.len());
            let none = Array3::from_elem(labels.dim(), false);
            let expected = pieces.iter().rev().max_by_key(|&piece| n_voxels(piece)).unwrap_or(&none);
            prop_assert_eq!(&found.mask, expected);
        }

        #[test]
        fn pieces_with_seeds_match_reference(
            voxels in volumes(one_of(&[(0_u8, false), (0, false), (0, true), (1, false), (1, false), (1, true)])),
        ) {
            let (labels, seeds) = (voxels.mapv(|(label, _)| label), voxels.mapv(|(_, seed)| seed));
            let mut expected = Array3::from_elem(labels.dim(), false);
            for piece in pieces_reference(&labels) {
                if piece.iter().zip(&seeds).any(|(&inside, &seed)| inside && seed) {
                    expected.iter_mut().zip(&piece).for_each(|(kept, &inside)| *kept |= inside);
                }
            }
            prop_assert_eq!(pieces_with(labels.mapv(|label| label == 1).view(), seeds.view()), expected);
        }

        #[test]
        fn dense_masks_match_reference(labels in volumes(one_of(&[0_u8, 1, 1]))) {
            let found = largest_piece(labels.view(), 1).expect("a label");
            prop_assert_eq!(found.n_pieces, pieces_reference(&labels).len());
        }
    }

    #[test]
    fn a_corner_holds_two_voxels_together() {
        let corner = largest_piece(array![[[1_u8, 0], [0, 0]], [[0, 0], [0, 1]]].view(), 1);
        assert_eq!(corner.expect("a label").n_pieces, 1);
        let apart = largest_piece(array![[[1_u8, 0, 1]]].view(), 1).expect("a label");
        assert_eq!(apart, LargestPiece { n_pieces: 2, mask: array![[[true, false, false]]] });
    }

    #[test]
    fn label_0_is_refused() {
        assert_eq!(largest_piece(array![[[0_u8]]].view(), 0), Err(KernelError::BadLabel { label: 0 }));
    }
}

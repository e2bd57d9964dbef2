//! Voxels out of a stream: slice by slice, kept only where they are wanted.
//!
//! A file's axes are called (k, j, i) here, slowest first, whatever they mean in the patient.

use std::io::Read;

use ndarray::{Array3, ArrayView2, Axis, Slice};

use crate::normalize::Extremes;
use crate::voxel::{check_box, zeros};
use crate::{KernelError, Stored};

/// How voxels lie in a stream.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Voxels per axis, slowest first.
    pub shape_kji: [usize; 3],
    /// Whether the most significant byte of a voxel comes first.
    pub big_endian: bool,
}

/// A box of voxels, `start` to `stop` (half open).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoxelBox {
    /// First voxel, slowest axis first.
    pub start_kji: [usize; 3],
    /// One past the last voxel.
    pub stop_kji: [usize; 3],
}

/// What is kept of a volume that went by.
#[derive(Debug, Clone, PartialEq)]
pub struct Boxes<T> {
    /// Voxels of the boxes, as stored.
    pub voxels: Vec<Array3<T>>,
    /// Smallest and largest stored value of the WHOLE volume; `None` if one is NaN.
    pub range: Option<(T, T)>,
    /// Whether `value * slope + intercept` is a whole number for each voxel of the whole volume.
    pub is_whole: bool,
}

/// A stream that cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The stream broke off, is damaged, or the system says no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// There is more behind the last voxel than can be meant.
    #[error("has more than {} MiB after its last voxel: its header is wrong", spare >> 20)]
    TooLong {
        /// Bytes that may be there.
        spare: u64,
    },
    /// A box or a shape makes no sense.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// Reads a volume once and keeps the voxels of some boxes, with the range of all voxels.
///
/// One slice is in memory at a time. Boxes may overlap.
///
/// # Errors
/// [`StreamError::Io`] of the stream, `UnexpectedEof` if it ends before the last voxel; a box outside the
/// volume, a volume without voxels, or boxes that do not fit into memory.
pub fn read_boxes<T: Stored>(
    stream: &mut impl Read,
    layout: Layout,
    boxes: &[VoxelBox],
    (slope, intercept): (f64, f64),
) -> Result<Boxes<T>, StreamError> {
    let mut voxels = Vec::with_capacity(boxes.len());
    for wanted in boxes {
        check_box(layout.shape_kji, wanted.start_kji, wanted.stop_kji)?;
        voxels.push(zeros([0, 1, 2].map(|axis| wanted.stop_kji[axis] - wanted.start_kji[axis]))?);
    }
    let sums_are_whole = T::IS_INTEGER && slope.fract() == 0.0 && intercept.fract() == 0.0;
    let mut extremes: Option<Extremes<T>> = None;
    let mut is_whole = true;
    for_each_slice(stream, layout, |k, slice: ArrayView2<'_, T>| {
        let values = slice.to_slice().expect("a slice is read into one piece");
        let found = Extremes::of_slice(values);
        extremes = extremes.into_iter().chain(found).reduce(Extremes::merge);
        if !sums_are_whole && is_whole {
            is_whole = values.iter().all(|v| (v.to_f64() * slope + intercept).fract() == 0.0);
        }
        for (wanted, out) in boxes.iter().zip(&mut voxels) {
            let (start, stop) = (wanted.start_kji, wanted.stop_kji);
            if (start[0]..stop[0]).contains(&k) {
                let mut part = slice;
                part.slice_axis_inplace(Axis(0), Slice::from(start[1]..stop[1]));
                part.slice_axis_inplace(Axis(1), Slice::from(start[2]..stop[2]));
                out.index_axis_mut(Axis(0), k - start[0]).assign(&part);
            }
        }
    })?;
    let extremes = extremes.ok_or(KernelError::EmptyVolume { shape_zyx: layout.shape_kji })?;
    Ok(Boxes { voxels, range: extremes.bounds(), is_whole })
}

/// Voxels that are not zero: their indices (k, j, i) in the stream's order, and their values.
///
/// # Errors
/// As [`read_boxes`].
pub fn read_labelled<T: Stored>(
    stream: &mut impl Read,
    layout: Layout,
) -> Result<(Vec<[usize; 3]>, Vec<T>), StreamError> {
    let (mut places, mut values) = (Vec::new(), Vec::new());
    for_each_slice(stream, layout, |k, slice: ArrayView2<'_, T>| {
        for (j, row) in slice.outer_iter().enumerate() {
            let row = row.to_slice().expect("a slice is read into one piece");
            if row.iter().all(|&v| v == T::default()) {
                continue; // this loop has no branches, and most rows of a marker are empty
            }
            for (i, &v) in row.iter().enumerate().filter(|&(_, &v)| v != T::default()) {
                places.push([k, j, i]);
                values.push(v);
            }
        }
    })?;
    Ok((places, values))
}

fn for_each_slice<T: Stored>(
    stream: &mut impl Read,
    layout: Layout,
    mut visit: impl FnMut(usize, ArrayView2<'_, T>),
) -> Result<(), StreamError> {
    let [n_slices, n_rows, n_columns] = layout.shape_kji;
    let mut slice = zeros::<T>([1, n_rows, n_columns])?;
    let mut bytes = vec![0_u8; slice.len() * size_of::<T>()];
    for k in 0..n_slices {
        stream.read_exact(&mut bytes)?;
        let values = slice.as_slice_mut().expect("allocated here, in C order");
        T::decode(&bytes, layout.big_endian, values);
        visit(k, slice.index_axis(Axis(0), 0));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gzip::{Deflater, Inflated};
    use crate::testing::volumes;
    use proptest::prelude::*;
    use std::io::BufReader;

    fn bytes_of(volume: &Array3<i16>, big_endian: bool) -> Vec<u8> {
        let encode = |v: &i16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        volume.iter().flat_map(encode).collect()
    }

    fn layout(shape_kji: [usize; 3]) -> Layout {
        Layout { shape_kji, big_endian: false }
    }

    fn a_box(shape: [usize; 3], ends: &[[prop::sample::Index; 2]; 3]) -> VoxelBox {
        let [k, j, i] = [0, 1, 2].map(|axis| {
            let [a, b] = ends[axis].map(|end| end.index(shape[axis] + 1));
            (a.min(b), a.max(b))
        });
        VoxelBox { start_kji: [k.0, j.0, i.0], stop_kji: [k.1, j.1, i.1] }
    }

    proptest! {
        #[test]
        fn boxes_are_those_of_the_whole_volume(
            volume in volumes(any::<i16>()), big_endian: bool,
            ends in prop::collection::vec(any::<[[prop::sample::Index; 2]; 3]>(), 0..4),
            slope in prop::sample::select(vec![1.0, 0.5, 3.0]),
        ) {
            prop_assume!(!volume.is_empty());
            let shape_kji: [usize; 3] = volume.dim().into();
            let boxes: Vec<_> = ends.iter().map(|ends| a_box(shape_kji, ends)).collect();
            let bytes = bytes_of(&volume, big_endian);
            let read = read_boxes::<i16>(&mut &bytes[..], Layout { shape_kji, big_endian }, &boxes, (slope, 0.0));
            let read = read.expect("whole");
            for (wanted, voxels) in boxes.iter().zip(&read.voxels) {
                for (place, &v) in volume.indexed_iter() {
                    let place = <[usize; 3]>::from(place);
                    if (0..3).all(|axis| (wanted.start_kji[axis]..wanted.stop_kji[axis]).contains(&place[axis])) {
                        prop_assert_eq!(voxels[[0, 1, 2].map(|axis| place[axis] - wanted.start_kji[axis])], v);
                    }
                }
            }
            prop_assert_eq!(read.range, volume.iter().min().copied().zip(volume.iter().max().copied()));
            prop_assert_eq!(read.is_whole, slope != 0.5 || volume.iter().all(|v| v % 2 == 0));
        }

        #[test]
        fn labelled_voxels_are_those_above_zero(volume in volumes(prop::sample::select(vec![0_i16, 0, 0, 0, 7, -1]))) {
            prop_assume!(!volume.is_empty());
            let bytes = bytes_of(&volume, false);
            let (places, values) = read_labelled::<i16>(&mut &bytes[..], layout(volume.dim().into())).expect("whole");
            let expected: Vec<_> = volume.indexed_iter().filter(|&(_, &v)| v != 0).collect();
            prop_assert_eq!(places, expected.iter().map(|&(place, _)| place.into()).collect::<Vec<[usize; 3]>>());
            prop_assert_eq!(values, expected.iter().map(|&(_, &v)| v).collect::<Vec<_>>());
        }
    }

    proptest! {
        /// Run long as the stable stand-in for a fuzzer: `PROPTEST_CASES=3000000 cargo test --release any_bytes`.
        #[test]
        fn any_bytes_are_voxels_or_a_plain_error(
            volume in volumes(prop::sample::select(vec![0_i16, 1, 2])), level in 0..10_u32,
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            keep in any::<prop::sample::Index>(), more in 0..6_usize, gzipped: bool,
        ) {
            // a gzip member that was changed, cut and continued, or bytes that never were one
            let mut file = if gzipped {
                let mut deflater = Deflater::new(level);
                [deflater.compress(&bytes_of(&volume, false)), deflater.finish()].concat()
            } else {
                Vec::new()
            };
            if !file.is_empty() {
                for (place, byte) in &changes {
                    let place = place.index(file.len());
                    file[place] = *byte;
                }
            }
            file.truncate(keep.index(file.len() + 1) + 8 * more);
            file.extend(&bytes);
            let [z, y, x]: [usize; 3] = volume.dim().into();
            let shape_kji = [z + more, y, x.max(1)];
            let whole = VoxelBox { start_kji: [0; 3], stop_kji: shape_kji };
            let mut stream = match Inflated::new(BufReader::with_capacity(11, &file[..])) {
                Ok(stream) => stream,
                Err(_) => return Ok(()),
            };
            if let Ok(read) = read_boxes::<i16>(&mut stream, layout(shape_kji), &[whole], (1.0, 0.0)) {
                prop_assert_eq!(read.voxels[0].len(), shape_kji.iter().product::<usize>());
                // at most the limit and one byte more, however long the stream claims to be
                prop_assert!(stream.check_rest(16).map_or(true, |n| n <= 17));
            }
            let mut stream = Inflated::new(BufReader::with_capacity(11, &file[..])).expect("it was read before");
            if let Ok((places, values)) = read_labelled::<u8>(&mut stream, layout(shape_kji)) {
                prop_assert_eq!(places.len(), values.len());
                prop_assert!(values.iter().all(|&value| value != 0));
            }
        }
    }

    #[test]
    fn a_nan_anywhere_leaves_no_range() {
        let bytes: Vec<u8> = [1.0, f32::NAN, 2.0].iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
        let read = read_boxes::<f32>(&mut &bytes[..], layout([3, 1, 1]), &[], (1.0, 0.0)).expect("whole");
        assert_eq!((read.range, read.is_whole), (None, false));
    }

    #[test]
    fn a_short_stream_or_a_box_outside_is_refused() {
        let one = VoxelBox { start_kji: [0; 3], stop_kji: [1, 1, 3] };
        let short = read_boxes::<i16>(&mut &[0_u8; 3][..], layout([1, 1, 2]), &[], (1.0, 0.0));
        assert!(
            matches!(short, Err(StreamError::Io(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof)
        );
        let outside = read_boxes::<u8>(&mut &[0_u8; 2][..], layout([1, 1, 2]), &[one], (1.0, 0.0));
        assert!(matches!(outside, Err(StreamError::Kernel(KernelError::BoxOutside { .. }))));
        let empty = read_boxes::<u8>(&mut &[0_u8; 0][..], layout([1, 0, 2]), &[], (1.0, 0.0));
        assert!(matches!(empty, Err(StreamError::Kernel(KernelError::EmptyVolume { .. }))));
        let huge = read_labelled::<u8>(&mut &[0_u8; 0][..], layout([1, 1 << 40, 1 << 40]));
        assert!(matches!(huge, Err(StreamError::Kernel(KernelError::TooLarge { .. }))));
    }
}

//! What a grey value is, and the room that an array of them takes.

use std::ops::Range;

use ndarray::{Array3, ArrayView3, Slice};

use crate::KernelError;

/// A grey value of a CT: `i16`, `u16`, `u8` or `f32`.
pub trait Voxel: Copy + PartialOrd + Send + Sync + 'static {
    /// The same value as `f64`, exactly.
    fn to_f64(self) -> f64;
}

macro_rules! voxels {
    ($($dtype:ty),*) => {
        $(impl Voxel for $dtype {
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
        })*
    };
}
voxels!(i16, u16, u8, f32);

/// The part of a volume inside a box that lies within it. (`ndarray::s!` contains unsafe code, forbidden here.)
pub(crate) fn crop<T>(volume: ArrayView3<'_, T>, ranges_zyx: [Range<usize>; 3]) -> ArrayView3<'_, T> {
    let mut cropped = volume;
    cropped.slice_each_axis_inplace(|side| Slice::from(ranges_zyx[side.axis.index()].clone()));
    cropped
}

/// Refuses a box that leaves the volume or ends before it starts.
pub(crate) fn check_box(
    shape_zyx: [usize; 3],
    start_zyx: [usize; 3],
    stop_zyx: [usize; 3],
) -> Result<(), KernelError> {
    if (0..3).any(|axis| start_zyx[axis] > stop_zyx[axis] || stop_zyx[axis] > shape_zyx[axis]) {
        return Err(KernelError::BoxOutside { shape_zyx, start_zyx, stop_zyx });
    }
    Ok(())
}

/// Zeros of a shape that a caller chose freely: an error, not an abort, where there is no room.
pub(crate) fn zeros<T: Copy + Default>(shape_zyx: [usize; 3]) -> Result<Array3<T>, KernelError> {
    let too_large = KernelError::TooLarge { shape_zyx };
    // ndarray counts an axis of length 0 as 1 in its own overflow check
    let length = shape_zyx.iter().try_fold(1_usize, |product, &side| product.checked_mul(side.max(1)));
    let Some(length) = length else {
        return Err(too_large);
    };
    // Ask before allocating: zeroed memory stays untouched (and costs nothing) until it is written.
    room_for(length.saturating_mul(size_of::<T>()), shape_zyx)?;
    Ok(Array3::from_elem(shape_zyx, T::default()))
}

/// Refuses a result of a shape where `bytes` more are not to be had.
///
/// Asked before work that takes them in many small pieces: a small piece that is not there aborts the process.
pub(crate) fn room_for(bytes: usize, shape_zyx: [usize; 3]) -> Result<(), KernelError> {
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| KernelError::TooLarge { shape_zyx })
}

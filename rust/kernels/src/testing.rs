//! Random small volumes for the tests: sides 0..10, any order of axes, any axis reversed.

use ndarray::{Array3, Axis};
use proptest::prelude::*;

/// Volumes whose memory layout is none in particular, as NumPy's views are.
pub(crate) fn volumes<T: Clone + std::fmt::Debug>(
    values: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Array3<T>> {
    volumes_up_to(9, values)
}

/// Volumes of sides 0..=max_side.
pub(crate) fn volumes_up_to<T: Clone + std::fmt::Debug>(
    max_side: usize,
    values: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Array3<T>> {
    let shapes = [0..=max_side, 0..=max_side, 0..=max_side];
    let orders = one_of(&[[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]);
    (shapes, orders, any::<[bool; 3]>()).prop_flat_map(move |(shape, order, reversed)| {
        prop::collection::vec(values.clone(), shape.iter().product::<usize>()).prop_map(move |values| {
            let volume = Array3::from_shape_vec(shape, values).expect("as many values as voxels");
            let mut volume = volume.permuted_axes(order);
            (0..3).filter(|&axis| reversed[axis]).for_each(|axis| volume.invert_axis(Axis(axis)));
            volume
        })
    })
}

/// Grey values as floats.
pub(crate) fn finite() -> impl Strategy<Value = f32> + Clone {
    -3000.0..3000.0_f32
}

/// One of a few values, those that meet special cases.
pub(crate) fn one_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + Clone {
    prop::sample::select(values.to_vec())
}

/// Voxel sizes: isotropic, usual and odd ones.
pub(crate) fn spacings() -> impl Strategy<Value = [f64; 3]> {
    let side = || prop_oneof![one_of(&[0.5, 1.0, 2.0]), 0.3..5.0];
    [side(), side(), side()]
}

//! Random small volumes for the tests: sides 0..10, any order of axes, any axis reversed.

use ndarray::{Array3, Axis};
use proptest::prelude::*;

use crate::TumorLogits;

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

/// A tumor that owns its logits.
#[derive(Debug, Clone)]
pub(crate) struct OwnedTumor {
    pub(crate) label: u16,
    pub(crate) logits: Array3<f32>,
    pub(crate) start_zyx: [f64; 3],
    pub(crate) step_zyx: [f64; 3],
    pub(crate) content_zyx: [usize; 3],
}

impl OwnedTumor {
    pub(crate) fn view(&self) -> TumorLogits<'_> {
        let &Self { label, ref logits, start_zyx, step_zyx, content_zyx } = self;
        TumorLogits { label, logits: logits.view(), start_zyx, step_zyx, content_zyx }
    }
}

/// Up to four tumors around the origin, labels 1.. in any order; small whole logits, so that ties occur.
pub(crate) fn tumors() -> impl Strategy<Value = Vec<OwnedTumor>> {
    let start = || prop_oneof![one_of(&[-2.0, -0.5, 0.0, 1.0, 2.5]), -4.0..8.0];
    let step = || prop_oneof![one_of(&[0.5, 1.0, 2.0]), 0.2..4.0];
    let logits = volumes_up_to(4, prop_oneof![(-3..4_i8).prop_map(f32::from), -3.0..3.0_f32]);
    let logits = logits.prop_filter("a patch has voxels", |logits| !logits.is_empty());
    let tumor =
        (logits, [start(), start(), start()], [step(), step(), step()], any::<[prop::sample::Index; 3]>());
    (prop::collection::vec(tumor, 0..5), Just(vec![1, 2, 3, 40_000_u16]).prop_shuffle()).prop_map(
        |(tumors, labels)| {
            let owned =
                |(label, (logits, start_zyx, step_zyx, content)): (u16, (Array3<f32>, _, _, [_; 3]))| {
                    let content =
                        |axis: usize| 1 + prop::sample::Index::index(&content[axis], logits.shape()[axis]);
                    OwnedTumor {
                        label,
                        content_zyx: [content(0), content(1), content(2)],
                        logits,
                        start_zyx,
                        step_zyx,
                    }
                };
            labels.into_iter().zip(tumors).map(owned).collect()
        },
    )
}

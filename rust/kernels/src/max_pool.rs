//! Max-pool downscaling: how an oversized CT crop is brought down to the network's patch size.

use ndarray::{Array3, ArrayView1, ArrayView3, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;

use crate::voxel::{check_box, crop, zeros};
use crate::{KernelError, Voxel};

/// Largest value in each `factor_zyx` block of the box `[start_zyx, stop_zyx)`, in one pass over the box.
///
/// A block cut short by the edge is pooled over the voxels it has; nothing is padded, so no invented value can
/// win (0 HU would beat air). An empty box gives an empty array. Voxels must be finite.
///
/// # Errors
/// [`KernelError::ZeroFactor`], or [`KernelError::BoxOutside`] unless `0 <= start <= stop <= shape` on every axis.
pub fn crop_max_pool<T: Voxel + Default>(
    volume: ArrayView3<'_, T>,
    start_zyx: [usize; 3],
    stop_zyx: [usize; 3],
    factor_zyx: [usize; 3],
) -> Result<Array3<T>, KernelError> {
    let shape_zyx: [usize; 3] = volume.dim().into();
    if factor_zyx.contains(&0) {
        return Err(KernelError::ZeroFactor { factor_zyx });
    }
    check_box(shape_zyx, start_zyx, stop_zyx)?;
    let cropped = crop(volume, [0, 1, 2].map(|axis| start_zyx[axis]..stop_zyx[axis]));
    let mut pooled =
        zeros([0, 1, 2].map(|axis| (stop_zyx[axis] - start_zyx[axis]).div_ceil(factor_zyx[axis])))?;
    let [factor_z, factor_y, factor_x] = factor_zyx;
    pooled.axis_iter_mut(Axis(0)).into_par_iter().enumerate().for_each_init(
        Vec::new,
        |row_max, (z, slice)| {
            let last = cropped.len_of(Axis(0)).min((z + 1).saturating_mul(factor_z));
            let block = cropped.slice_axis(Axis(0), Slice::from(z * factor_z..last));
            pool_slice(block, slice, [factor_y, factor_x], row_max);
        },
    );
    Ok(pooled)
}

/// Pools a few slices into one. The rows of a block are first compared voxel by voxel into `row_max`, which
/// vectorises; only the last step reduces along x.
fn pool_slice<T: Voxel>(
    block: ArrayView3<'_, T>,
    mut pooled: ArrayViewMut2<'_, T>,
    [factor_y, factor_x]: [usize; 2],
    row_max: &mut Vec<T>,
) {
    for (rows, mut pooled_row) in block.axis_chunks_iter(Axis(1), factor_y).zip(pooled.rows_mut()) {
        row_max.clear();
        for row in rows.rows() {
            raise_to(row_max, row);
        }
        for (out, run) in pooled_row.iter_mut().zip(row_max.chunks(factor_x)) {
            *out = run.iter().copied().fold(run[0], larger);
        }
    }
}

/// Raises each value of `row_max` to at least the row's; an empty `row_max` becomes the row.
fn raise_to<T: Voxel>(row_max: &mut Vec<T>, row: ArrayView1<'_, T>) {
    if row_max.is_empty() {
        row_max.extend(row);
        return;
    }
    match row.as_slice() {
        Some(row) => row_max.iter_mut().zip(row).for_each(|(m, &v)| *m = larger(*m, v)),
        None => row_max.iter_mut().zip(row).for_each(|(m, &v)| *m = larger(*m, v)),
    }
}

fn larger<T: PartialOrd>(a: T, b: T) -> T {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{finite, volumes};
    use crate::{min_max, value_range};
    use ndarray::array;
    use proptest::prelude::*;

    /// Each output voxel looks at its block.
    fn reference<T: Voxel>(
        volume: ArrayView3<'_, T>,
        start: [usize; 3],
        stop: [usize; 3],
        factor: [usize; 3],
    ) -> Array3<T> {
        let shape = [0, 1, 2].map(|axis| (stop[axis] - start[axis]).div_ceil(factor[axis]));
        Array3::from_shape_fn(shape, |(z, y, x)| {
            let out = [z, y, x];
            let [z, y, x] = [0, 1, 2].map(|axis| {
                let first = start[axis] + out[axis] * factor[axis];
                first..stop[axis].min(first + factor[axis])
            });
            let mut largest = volume[[z.start, y.start, x.start]];
            for z in z {
                for y in y.clone() {
                    for x in x.clone() {
                        if volume[[z, y, x]] > largest {
                            largest = volume[[z, y, x]];
                        }
                    }
                }
            }
            largest
        })
    }

    fn boxes(shape: (usize, usize, usize)) -> impl Strategy<Value = [[usize; 2]; 3]> {
        let side = |n: usize| [0..=n, 0..=n].prop_map(|[a, b]| [a.min(b), a.max(b)]);
        [side(shape.0), side(shape.1), side(shape.2)]
    }

    fn cases<T: Voxel + std::fmt::Debug>(
        values: impl Strategy<Value = T> + Clone,
    ) -> impl Strategy<Value = (Array3<T>, [[usize; 2]; 3], [usize; 3])> {
        volumes(values).prop_flat_map(|volume| {
            let shape = volume.dim();
            (Just(volume), boxes(shape), [1..5_usize, 1..5_usize, 1..5_usize])
        })
    }

    proptest! {
        #[test]
        fn crop_max_pool_i16_matches_reference((volume, ends, factor) in cases(any::<i16>())) {
            let [start, stop] = [0, 1].map(|end| ends.map(|side| side[end]));
            let pooled = crop_max_pool(volume.view(), start, stop, factor).expect("a box");
            prop_assert_eq!(pooled, reference(volume.view(), start, stop, factor));
        }

        #[test]
        fn crop_max_pool_f32_matches_reference((volume, ends, factor) in cases(finite())) {
            let [start, stop] = [0, 1].map(|end| ends.map(|side| side[end]));
            let pooled = crop_max_pool(volume.view(), start, stop, factor).expect("a box");
            prop_assert_eq!(pooled, reference(volume.view(), start, stop, factor));
        }

        #[test]
        fn pooling_then_scaling_equals_scaling_then_pooling((volume, ends, factor) in cases(any::<i16>())) {
            prop_assume!(!volume.is_empty());
            let [start, stop] = [0, 1].map(|end| ends.map(|side| side[end]));
            let (low, high) = value_range(volume.view()).expect("not empty");
            let pooled = crop_max_pool(volume.view(), start, stop, factor).expect("a box");
            let (mut scaled, mut scaled_after) = (Array3::zeros(volume.dim()), Array3::zeros(pooled.dim()));
            min_max(volume.view(), low, high, scaled.view_mut()).expect("a range");
            min_max(pooled.view(), low, high, scaled_after.view_mut()).expect("a range");
            prop_assert_eq!(scaled_after, crop_max_pool(scaled.view(), start, stop, factor).expect("a box"));
        }
    }

    #[test]
    fn factors_beyond_the_box_pool_all_of_it() {
        let volume = array![[[1_u8, 5], [3, 2]]];
        let pooled = crop_max_pool(volume.view(), [0; 3], [1, 2, 2], [usize::MAX; 3]);
        assert_eq!(pooled, Ok(array![[[5]]]));
    }

    #[test]
    fn bad_boxes_and_factors_are_refused() {
        let volume = Array3::<u8>::zeros((2, 3, 4));
        let pool = |start, stop, factor| crop_max_pool(volume.view(), start, stop, factor);
        assert!(matches!(pool([0; 3], [2, 3, 5], [1; 3]), Err(KernelError::BoxOutside { .. })));
        assert!(matches!(pool([0, 2, 0], [2, 1, 4], [1; 3]), Err(KernelError::BoxOutside { .. })));
        assert!(matches!(pool([0; 3], [2, 3, 4], [1, 0, 1]), Err(KernelError::ZeroFactor { .. })));
    }
}

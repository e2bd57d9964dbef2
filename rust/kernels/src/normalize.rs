//! Value range of a scan, slab by slab, and scaling to [0, 1].

use ndarray::{ArrayView1, ArrayView3, ArrayViewMut3, Axis, Zip};
use rayon::prelude::*;

use crate::{KernelError, Voxel};

/// Voxels that are compared side by side, so that the compiler can use vector registers. Of 16-bit ones it takes
/// twice as many: with 32 its code moves each lane by itself, five times slower (rustc 1.95).
const LANES: usize = 32;
const LANES_16_BIT: usize = 64;
/// Voxels a thread takes at a time; it decides on speed alone.
const CHUNK: usize = 1 << 18;

/// Smallest and largest grey value of a scan that arrives slab by slab along z.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ValueRange {
    bounds: Option<(f64, f64)>,
    n_slices: usize,
}

impl ValueRange {
    /// Takes the next slab in; a slab that is refused changes nothing.
    ///
    /// # Errors
    /// [`KernelError::NotFinite`] names the first NaN or infinite voxel, z counted over all slabs so far.
    pub fn update<T: Voxel>(&mut self, slab: ArrayView3<'_, T>) -> Result<(), KernelError> {
        if let Some(found) = extremes(slab) {
            let (low, high) = (found.low.to_f64(), found.high.to_f64());
            if found.nan || !low.is_finite() || !high.is_finite() {
                return Err(first_not_finite(slab, self.n_slices));
            }
            let (low_before, high_before) = self.bounds.unwrap_or((low, high));
            self.bounds = Some((low.min(low_before), high.max(high_before)));
        }
        self.n_slices += slab.len_of(Axis(0));
        Ok(())
    }

    /// Smallest value so far; `None` before the first voxel.
    pub fn low(&self) -> Option<f64> {
        self.bounds.map(|(low, _)| low)
    }

    /// Largest value so far; `None` before the first voxel.
    pub fn high(&self) -> Option<f64> {
        self.bounds.map(|(_, high)| high)
    }

    /// Slices seen so far.
    pub fn n_slices(&self) -> usize {
        self.n_slices
    }
}

/// Smallest and largest grey value of a whole volume.
///
/// # Errors
/// [`KernelError::EmptyVolume`], or [`KernelError::NotFinite`] with the first bad voxel.
pub fn value_range<T: Voxel>(volume: ArrayView3<'_, T>) -> Result<(f64, f64), KernelError> {
    let mut range = ValueRange::default();
    range.update(volume)?;
    range.bounds.ok_or(KernelError::EmptyVolume { shape_zyx: volume.dim().into() })
}

/// `(v - low) / (high - low)`, clipped to [0, 1]; zeros if `low == high`. A NaN voxel stays NaN.
///
/// The result never decreases where the voxel grows, so pooling before or after gives the same bits. It is written
/// into `scaled`, of the same shape: the caller's memory may come in large pages, which takes half the time.
///
/// # Errors
/// [`KernelError::BadRange`] unless `low <= high`, both (and their difference) finite; nothing is written then.
pub fn min_max<T: Voxel>(
    volume: ArrayView3<'_, T>,
    low: f64,
    high: f64,
    mut scaled: ArrayViewMut3<'_, f32>,
) -> Result<(), KernelError> {
    let width = high - low;
    if !(width >= 0.0 && width.is_finite()) {
        return Err(KernelError::BadRange { low, high });
    }
    if width == 0.0 {
        scaled.fill(0.0);
    } else {
        Zip::from(scaled)
            .and(volume)
            .par_for_each(|scaled, &v| *scaled = ((v.to_f64() - low) / width).clamp(0.0, 1.0) as f32);
    }
    Ok(())
}

#[allow(clippy::eq_op)] // only NaN differs from itself; for integers this is compiled away
fn is_nan<T: PartialEq>(v: T) -> bool {
    v != v
}

/// Extremes of some voxels; where `nan` is set the other two mean nothing.
#[derive(Clone, Copy)]
pub(crate) struct Extremes<T> {
    low: T,
    high: T,
    nan: bool,
}

impl<T: Copy + PartialOrd> Extremes<T> {
    fn of(v: T) -> Self {
        Self { low: v, high: v, nan: false }.with(v)
    }

    fn with(self, v: T) -> Self {
        Self {
            low: if v < self.low { v } else { self.low },
            high: if v > self.high { v } else { self.high },
            nan: self.nan | is_nan(v),
        }
    }

    pub(crate) fn merge(self, other: Self) -> Self {
        let both = self.with(other.low).with(other.high);
        Self { nan: both.nan | other.nan, ..both }
    }

    pub(crate) fn of_slice(voxels: &[T]) -> Option<Self> {
        if size_of::<T>() == 2 {
            Self::of_lanes::<LANES_16_BIT>(voxels)
        } else {
            Self::of_lanes::<LANES>(voxels)
        }
    }

    fn of_lanes<const N: usize>(voxels: &[T]) -> Option<Self> {
        let first = *voxels.first()?;
        let (mut low, mut high, mut nan) = ([first; N], [first; N], [false; N]);
        let (blocks, rest) = voxels.as_chunks::<N>();
        for block in blocks {
            for (low, &v) in low.iter_mut().zip(block) {
                *low = if v < *low { v } else { *low };
            }
            for (high, &v) in high.iter_mut().zip(block) {
                *high = if v > *high { v } else { *high };
            }
            for (nan, &v) in nan.iter_mut().zip(block) {
                *nan |= is_nan(v);
            }
        }
        let lanes = (0..N).map(|i| Self { low: low[i], high: high[i], nan: nan[i] });
        Some(lanes.chain(rest.iter().map(|&v| Self::of(v))).fold(Self::of(first), Self::merge))
    }

    /// Smallest and largest value, `None` if any is NaN.
    pub(crate) fn bounds(self) -> Option<(T, T)> {
        if self.nan { None } else { Some((self.low, self.high)) }
    }

    fn of_row(row: ArrayView1<'_, T>) -> Option<Self> {
        match row.as_slice() {
            Some(voxels) => Self::of_slice(voxels),
            None => row.first().map(|&v| row.iter().fold(Self::of(v), |all, &v| all.with(v))),
        }
    }
}

fn extremes<T: Voxel>(volume: ArrayView3<'_, T>) -> Option<Extremes<T>> {
    // The order of the voxels does not matter: transposed and reversed views are read as they lie in memory.
    match volume.as_slice_memory_order() {
        Some(voxels) => voxels.par_chunks(CHUNK).filter_map(Extremes::of_slice).reduce_with(Extremes::merge),
        None => volume
            .axis_iter(Axis(0))
            .into_par_iter()
            .filter_map(|slice| slice.rows().into_iter().filter_map(Extremes::of_row).reduce(Extremes::merge))
            .reduce_with(Extremes::merge),
    }
}

fn first_not_finite<T: Voxel>(slab: ArrayView3<'_, T>, slices_before: usize) -> KernelError {
    let (z, y, x, v) = slab
        .indexed_iter()
        .map(|((z, y, x), &v)| (z, y, x, v.to_f64()))
        .find(|&(.., v)| !v.is_finite())
        .expect("the caller has seen a voxel that is not finite");
    KernelError::NotFinite {
        voxel_zyx: [slices_before + z, y, x],
        what: if v.is_nan() { "NaN" } else { "infinite" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{finite, volumes};
    use ndarray::{Array3, Slice, array};
    use proptest::prelude::*;

    fn scaled<T: Voxel>(volume: ArrayView3<'_, T>, low: f64, high: f64) -> Result<Array3<f32>, KernelError> {
        let mut scaled = Array3::from_elem(volume.dim(), f32::NAN); // whatever was there before
        min_max(volume, low, high, scaled.view_mut())?;
        Ok(scaled)
    }

    /// Every voxel, one after the other.
    fn value_range_reference<T: Voxel>(volume: ArrayView3<'_, T>) -> (f64, f64) {
        let values = volume.iter().map(|v| v.to_f64());
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    }

    fn check_range<T: Voxel>(volume: Array3<T>, cut: usize) -> Result<(), TestCaseError> {
        let mut slabs = ValueRange::default();
        let (before, after) = volume.view().split_at(Axis(0), cut.min(volume.dim().0));
        slabs.update(before).and_then(|()| slabs.update(after)).expect("finite");
        prop_assert_eq!(slabs.n_slices(), volume.dim().0);
        if volume.is_empty() {
            prop_assert_eq!((slabs.low(), slabs.high()), (None, None));
            let refused = matches!(value_range(volume.view()), Err(KernelError::EmptyVolume { .. }));
            prop_assert!(refused);
        } else {
            let expected = value_range_reference(volume.view());
            prop_assert_eq!(value_range(volume.view()), Ok(expected));
            prop_assert_eq!((slabs.low(), slabs.high()), (Some(expected.0), Some(expected.1)));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn value_range_i16_matches_reference(volume in volumes(any::<i16>()), cut in 0..10_usize) {
            check_range(volume, cut)?;
        }

        #[test]
        fn value_range_u16_matches_reference(volume in volumes(any::<u16>()), cut in 0..10_usize) {
            check_range(volume, cut)?;
        }

        #[test]
        fn value_range_u8_matches_reference(volume in volumes(any::<u8>()), cut in 0..10_usize) {
            check_range(volume, cut)?;
        }

        #[test]
        fn value_range_f32_matches_reference(volume in volumes(finite()), cut in 0..10_usize) {
            check_range(volume, cut)?;
        }

        #[test]
        fn first_bad_voxel_is_named(
            mut volume in volumes(finite()), bad in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
            what in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]), slices_before in 0..3_usize,
        ) {
            prop_assume!(!volume.is_empty());
            let places: Vec<_> = volume.indexed_iter().map(|(place, _)| place).collect();
            let bad: Vec<_> = bad.iter().map(|index| index.index(places.len())).collect();
            bad.iter().for_each(|&i| volume[places[i]] = what);
            let (z, y, x) = places[*bad.iter().min().expect("one at least")];
            let mut slabs = ValueRange::default();
            slabs.update(Array3::<f32>::zeros((slices_before, 1, 1)).view()).expect("zeros are finite");
            let before = slabs.clone();
            let what = if what.is_nan() { "NaN" } else { "infinite" };
            let expected = KernelError::NotFinite { voxel_zyx: [slices_before + z, y, x], what };
            prop_assert_eq!(slabs.update(volume.view()), Err(expected));
            prop_assert_eq!(slabs, before);
        }

        #[test]
        fn min_max_matches_reference(volume in volumes(any::<i16>()), low in -2000.0..2000.0, width in 0.0..3000.0) {
            let high = low + width;
            let found = scaled(volume.view(), low, high).expect("a range");
            for (place, &v) in volume.indexed_iter() {
                let v = f64::from(v);
                let expected = if v <= low || low == high { 0.0 } else if v >= high { 1.0 } else { (v - low) / (high - low) };
                prop_assert_eq!(found[place], expected as f32);
            }
        }
    }

    #[test]
    fn a_large_strided_volume_has_the_same_range() {
        let volume = Array3::from_shape_fn((5, 37, 101), |(z, y, x)| {
            ((z * 7919 + y * 104_729 + x * 31) % 5003) as i16
        });
        let expected = value_range_reference(volume.view());
        assert_eq!(value_range(volume.view()), Ok(expected));
        let columns = volume.slice_axis(Axis(2), Slice::from(..).step_by(-3));
        assert_eq!(value_range(columns), Ok(value_range_reference(columns)));
    }

    #[test]
    fn a_constant_volume_becomes_zeros_and_a_bad_range_is_refused() {
        let volume = array![[[7_u8, 7]]];
        assert_eq!(scaled(volume.view(), 7.0, 7.0), Ok(array![[[0.0, 0.0]]]));
        for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (-f64::MAX, f64::MAX)] {
            assert!(matches!(scaled(volume.view(), low, high), Err(KernelError::BadRange { .. })));
        }
    }
}

//! Every marked tumor is present: the logits inside its RECIST sphere are raised until it has a voxel.

use std::ops::Range;

use ndarray::ArrayViewMut3;

use crate::KernelError;
use crate::tumor::{TumorLogits, check_spacing, check_tumors};
use crate::voxel_assignment::VoxelAssignment;

/// A ball in millimetres around a point of the volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sphere {
    /// Centre as voxel indices with fractions.
    pub center_zyx: [f64; 3],
    /// Radius, mm.
    pub radius_mm: f64,
    /// Size of the volume's voxels, mm.
    pub spacing_mm: [f64; 3],
}

/// What it took to make a missing tumor present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recovered {
    /// Rounds of raising.
    pub rounds: usize,
    /// Offset added in the last round, `2^rounds - 1`.
    pub offset: f64,
    /// Voxels that the tumor has got.
    pub voxels: usize,
}

/// Gives the tumor `missing`, which has no voxel in `labels`, at least one voxel of its sphere.
///
/// In round n = 1, 2, .. its logits inside the sphere grow by `2^n - 1`; it wins a voxel where they then exceed
/// the threshold and every other tumor's logit. The first round with a win ends it, and all voxels won are
/// written. A competitor never loses its last voxel: it keeps the one where its own logit is best. If `max_rounds` do
/// not suffice, the sphere's voxel of the best own logit is assigned: of the background's, else of those whose
/// holder has another one. Ties go to the first voxel in (z, y, x) order.
///
/// The sphere's voxels are those within the radius, in the volume and in the tumor's box; if there are none, the
/// nearest voxel that is in both.
///
/// # Errors
/// As in [`paint`](crate::paint); [`KernelError::UnknownTumor`], [`KernelError::BadSphere`],
/// [`KernelError::BadSpacing`], [`KernelError::TooManyRounds`], [`KernelError::BoxWithoutVoxels`],
/// [`KernelError::NoRoom`]. `labels` is unchanged after an error.
pub fn recover_missing_tumor(
    labels: &mut ArrayViewMut3<'_, u16>,
    tumors: &[TumorLogits<'_>],
    missing: u16,
    sphere: &Sphere,
    threshold: f64,
    max_rounds: usize,
) -> Result<Recovered, KernelError> {
    sphere.check()?;
    if max_rounds > 64 {
        return Err(KernelError::TooManyRounds { max_rounds });
    }
    check_tumors(tumors, threshold)?;
    let assignment = VoxelAssignment::new(labels, tumors, missing, sphere, threshold)?;
    let offset_of = |round: usize| 2_f64.powi(round as i32) - 1.0;
    for rounds in 1..=max_rounds {
        let offset = offset_of(rounds);
        let won = assignment.won(offset);
        if !won.is_empty() {
            won.iter().for_each(|candidate| labels[candidate.voxel] = missing);
            return Ok(Recovered { rounds, offset, voxels: won.len() });
        }
    }
    let assigned = assignment.best_to_assign().ok_or(KernelError::NoRoom { label: missing })?;
    labels[assigned.voxel] = missing;
    Ok(Recovered { rounds: max_rounds, offset: offset_of(max_rounds), voxels: 1 })
}

impl Sphere {
    fn check(&self) -> Result<(), KernelError> {
        let &Self { center_zyx, radius_mm, spacing_mm } = self;
        check_spacing(spacing_mm)?;
        let is_sphere = center_zyx.iter().all(|v| v.is_finite()) && radius_mm.is_finite() && radius_mm >= 0.0;
        if is_sphere { Ok(()) } else { Err(KernelError::BadSphere { center_zyx, radius_mm }) }
    }

    fn holds(&self, voxel: [usize; 3]) -> bool {
        let squared =
            |axis: usize| ((voxel[axis] as f64 - self.center_zyx[axis]) * self.spacing_mm[axis]).powi(2);
        squared(0) + squared(1) + squared(2) <= self.radius_mm * self.radius_mm
    }

    /// Voxels of the sphere inside a box; if there are none, the nearest voxel of the box.
    pub(crate) fn voxels_in(&self, ranges: [Range<usize>; 3]) -> Vec<[usize; 3]> {
        let [z, y, x] = [0, 1, 2].map(|axis| {
            // One voxel more than the radius says, so that rounding cannot lose any: `holds` decides.
            let reach = self.radius_mm / self.spacing_mm[axis] + 1.0;
            let low = (self.center_zyx[axis] - reach).max(0.0) as usize;
            let high = (self.center_zyx[axis] + reach + 1.0).max(0.0) as usize;
            ranges[axis].start.max(low)..ranges[axis].end.min(high)
        });
        let mut voxels = Vec::new();
        for z in z {
            for y in y.clone() {
                voxels.extend(x.clone().map(|x| [z, y, x]).filter(|&voxel| self.holds(voxel)));
            }
        }
        if voxels.is_empty() {
            voxels.push([0, 1, 2].map(|axis| {
                let nearest = (self.center_zyx[axis] - 0.5).ceil().max(0.0) as usize; // halves go down
                nearest.clamp(ranges[axis].start, ranges[axis].end - 1)
            }));
        }
        voxels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paint;
    use crate::testing::{OwnedTumor, one_of, spacings, tumors};
    use crate::tumor::Footprint;
    use ndarray::{Array3, array};
    use proptest::prelude::*;

    /// Every voxel of the volume, every round, in plain words.
    fn reference(
        labels: &mut Array3<u16>,
        tumors: &[TumorLogits<'_>],
        missing: u16,
        sphere: &Sphere,
        threshold: f32,
        max_rounds: usize,
    ) -> Option<Recovered> {
        let shape = labels.dim().into();
        let footprint = |label| {
            let tumor = tumors.iter().find(|tumor| tumor.label == label).expect("a tumor");
            Footprint::new(*tumor, shape)
        };
        let own = footprint(missing);
        let away = |place: (usize, usize, usize)| {
            let voxel: [usize; 3] = place.into();
            let mm = |axis: usize| (voxel[axis] as f64 - sphere.center_zyx[axis]) * sphere.spacing_mm[axis];
            mm(0).powi(2) + mm(1).powi(2) + mm(2).powi(2)
        };
        let in_box: Vec<_> = labels
            .indexed_iter()
            .map(|(place, _)| place)
            .filter(|&p| own.logit(p.into()).is_some())
            .collect();
        let mut ball: Vec<_> =
            in_box.iter().copied().filter(|&p| away(p) <= sphere.radius_mm.powi(2)).collect();
        if ball.is_empty() {
            ball.extend(in_box.into_iter().reduce(|best, p| if away(p) < away(best) { p } else { best }));
        }
        let first_best = |places: &[(usize, usize, usize)], label: u16| {
            let logit = |p: (usize, usize, usize)| footprint(label).logit(p.into());
            places.iter().copied().reduce(|best, p| if logit(p) > logit(best) { p } else { best })
        };
        let count = |labels: &Array3<u16>, label| labels.iter().filter(|&&v| v == label).count();
        for rounds in 1..=max_rounds {
            let offset = f64::from(1_u32 << rounds) - 1.0;
            let mut won: Vec<_> = ball
                .iter()
                .copied()
                .filter(|&p| {
                    let competitors = tumors.iter().filter(|t| t.label != missing);
                    let bar = competitors
                        .filter_map(|t| footprint(t.label).logit(p.into()))
                        .fold(threshold, f32::max);
                    own.logit(p.into()).is_some_and(|logit| f64::from(logit) + offset > f64::from(bar))
                })
                .collect();
            for competitor in tumors.iter().map(|t| t.label) {
                let taken: Vec<_> = won.iter().copied().filter(|&p| labels[p] == competitor).collect();
                if taken.len() == count(labels, competitor) {
                    let kept = first_best(&taken, competitor);
                    won.retain(|&p| Some(p) != kept);
                }
            }
            if !won.is_empty() {
                won.iter().for_each(|&p| labels[p] = missing);
                return Some(Recovered { rounds, offset, voxels: won.len() });
            }
        }
        let free: Vec<_> = ball.iter().copied().filter(|&p| labels[p] == 0).collect();
        let spare: Vec<_> =
            ball.iter().copied().filter(|&p| labels[p] != 0 && count(labels, labels[p]) > 1).collect();
        let place = first_best(&free, missing).or_else(|| first_best(&spare, missing))?;
        labels[place] = missing;
        Some(Recovered { rounds: max_rounds, offset: f64::from(1_u32 << max_rounds) - 1.0, voxels: 1 })
    }

    fn spheres() -> impl Strategy<Value = Sphere> {
        // No halves: two voxels at one distance may come out unlike by rounding
        let center = || one_of(&[-3.0, 0.0, 0.3, 1.9, 4.0, 5.2, 20.0]);
        ([center(), center(), center()], prop_oneof![Just(0.0), 0.0..9.0], spacings())
            .prop_map(|(center_zyx, radius_mm, spacing_mm)| Sphere { center_zyx, radius_mm, spacing_mm })
    }

    proptest! {
        #[test]
        fn raise_sphere_matches_reference(
            shape in [1..8_usize, 1..8_usize, 1..8_usize], tumors in tumors(), sphere in spheres(),
            threshold in one_of(&[0.0, 2.0]), max_rounds in 0..6_usize,
        ) {
            let tumors: Vec<_> = tumors.iter().map(OwnedTumor::view).collect();
            let mut labels = paint(shape, &tumors, threshold).expect("valid tumors");
            for missing in tumors.iter().map(|tumor| tumor.label) {
                if labels.iter().any(|&v| v == missing) {
                    continue;
                }
                let before = labels.clone();
                let mut expected = labels.clone();
                let recovered =
                    recover_missing_tumor(&mut labels.view_mut(), &tumors, missing, &sphere, threshold, max_rounds);
                let wanted = reference(&mut expected, &tumors, missing, &sphere, threshold as f32, max_rounds);
                prop_assert_eq!(recovered.clone().ok(), wanted);
                prop_assert_eq!(&labels, &expected);
                let Ok(recovered) = recovered else { continue };
                let count = |labels: &Array3<u16>, label| labels.iter().filter(|&&v| v == label).count();
                prop_assert_eq!(count(&labels, missing), recovered.voxels);
                for competitor in tumors.iter().map(|tumor| tumor.label) {
                    prop_assert!(count(&before, competitor) == 0 || count(&labels, competitor) > 0);
                }
            }
        }
    }

    fn line(label: u16, logits: [f32; 3]) -> OwnedTumor {
        let logits = Array3::from_shape_vec((1, 1, 3), logits.to_vec()).expect("three voxels");
        OwnedTumor { label, logits, start_zyx: [0.0; 3], step_zyx: [1.0; 3], content_zyx: [1, 1, 3] }
    }

    const MIDDLE: Sphere = Sphere { center_zyx: [0.0, 0.0, 1.0], radius_mm: 1.0, spacing_mm: [1.0; 3] };

    #[test]
    fn the_smallest_offset_that_wins_is_taken() {
        let tumors = [line(1, [-2.5, -3.0, -9.0]), line(2, [5.0, -1.0, -1.0])];
        let views: Vec<_> = tumors.iter().map(OwnedTumor::view).collect();
        let mut labels = array![[[2, 0, 0]]];
        let recovered = recover_missing_tumor(&mut labels.view_mut(), &views, 1, &MIDDLE, 0.0, 16);
        // 3 lifts the first voxel above the background but not the competitor, and the second only level with 0
        assert_eq!(recovered, Ok(Recovered { rounds: 3, offset: 7.0, voxels: 1 }));
        assert_eq!(labels, array![[[2, 1, 0]]]);
    }

    #[test]
    fn where_rounds_do_not_suffice_a_voxel_is_assigned() {
        let tumors = [line(1, [-900.0, -800.0, -900.0]), line(2, [5.0, 5.0, -1.0])];
        let views: Vec<_> = tumors.iter().map(OwnedTumor::view).collect();
        let mut labels = array![[[2, 2, 0]]];
        let recovered = recover_missing_tumor(&mut labels.view_mut(), &views, 1, &MIDDLE, 0.0, 2);
        assert_eq!(recovered, Ok(Recovered { rounds: 2, offset: 3.0, voxels: 1 }));
        assert_eq!(labels, array![[[2, 2, 1]]]);
        let mut full = array![[[2, 2, 2]]];
        assert!(recover_missing_tumor(&mut full.view_mut(), &views, 1, &MIDDLE, 0.0, 2).is_ok());
        assert_eq!(full, array![[[2, 1, 2]]]);
    }

    #[test]
    fn bad_arguments_are_refused() {
        let tumors = [line(1, [-9.0; 3]), line(2, [1.0; 3])];
        let views: Vec<_> = tumors.iter().map(OwnedTumor::view).collect();
        let raise = |labels: &mut Array3<u16>, missing, sphere| {
            recover_missing_tumor(&mut labels.view_mut(), &views, missing, &sphere, 0.0, 16).expect_err("bad")
        };
        let mut one = array![[[2]]];
        assert_eq!(raise(&mut one, 1, MIDDLE), KernelError::NoRoom { label: 1 });
        assert_eq!(one, array![[[2]]]);
        assert_eq!(raise(&mut one, 7, MIDDLE), KernelError::UnknownTumor { missing: 7 });
        let nowhere = raise(&mut Array3::zeros((1, 0, 3)), 1, MIDDLE);
        assert!(matches!(nowhere, KernelError::BoxWithoutVoxels { label: 1, .. }));
        let negative = raise(&mut one, 1, Sphere { radius_mm: -1.0, ..MIDDLE });
        assert!(matches!(negative, KernelError::BadSphere { .. }));
        let flat = raise(&mut one, 1, Sphere { spacing_mm: [0.0; 3], ..MIDDLE });
        assert!(matches!(flat, KernelError::BadSpacing { .. }));
        let rounds = recover_missing_tumor(&mut one.view_mut(), &views, 1, &MIDDLE, 0.0, 65);
        assert_eq!(rounds, Err(KernelError::TooManyRounds { max_rounds: 65 }));
    }
}

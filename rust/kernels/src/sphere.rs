//! Every marked tumor is present: the logits inside its RECIST sphere are raised until it has a voxel.

use std::collections::BTreeSet;

use ndarray::ArrayViewMut3;

use crate::KernelError;
use crate::labels::label_counts;
use crate::tumor::{Footprint, TumorLogits, check_spacing, check_tumors};

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
pub struct Raised {
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
/// written. A rival never loses its last voxel: it keeps the one where its own logit is best. If `max_rounds` do
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
pub fn raise_sphere(
    labels: &mut ArrayViewMut3<'_, u16>,
    tumors: &[TumorLogits<'_>],
    missing: u16,
    sphere: &Sphere,
    threshold: f64,
    max_rounds: usize,
) -> Result<Raised, KernelError> {
    sphere.check()?;
    if max_rounds > 64 {
        return Err(KernelError::TooManyRounds { max_rounds });
    }
    check_tumors(tumors, threshold)?;
    let contest = Contest::new(labels, tumors, missing, sphere, threshold)?;
    let offset_of = |round: usize| 2_f64.powi(round as i32) - 1.0;
    for rounds in 1..=max_rounds {
        let offset = offset_of(rounds);
        let won = contest.won(offset);
        if !won.is_empty() {
            won.iter().for_each(|candidate| labels[candidate.voxel] = missing);
            return Ok(Raised { rounds, offset, voxels: won.len() });
        }
    }
    let assigned = contest.best_to_assign().ok_or(KernelError::NoRoom { label: missing })?;
    labels[assigned.voxel] = missing;
    Ok(Raised { rounds: max_rounds, offset: offset_of(max_rounds), voxels: 1 })
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
    fn voxels_in(&self, ranges: [std::ops::Range<usize>; 3]) -> Vec<[usize; 3]> {
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

/// A voxel of the sphere.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    voxel: [usize; 3],
    /// Logit of the missing tumor.
    own: f32,
    /// What it has to exceed: the threshold and the rivals' logits.
    bar: f32,
    /// Label of the voxel now.
    holder: u16,
}

/// The sphere's voxels, and what is needed to know whose last voxel one is.
struct Contest<'a> {
    candidates: Vec<Candidate>,
    rivals: Vec<Footprint<'a>>,
    /// Voxels of each label in the whole map; empty as long as nobody else holds a voxel of the sphere.
    counts: Vec<u64>,
}

impl<'a> Contest<'a> {
    fn new(
        labels: &ArrayViewMut3<'_, u16>,
        tumors: &[TumorLogits<'a>],
        missing: u16,
        sphere: &Sphere,
        threshold: f64,
    ) -> Result<Self, KernelError> {
        let shape_zyx: [usize; 3] = labels.dim().into();
        let footprints = tumors.iter().map(|&tumor| Footprint::new(tumor, shape_zyx));
        let (own, rivals): (Vec<_>, Vec<_>) = footprints.partition(|f| f.tumor.label == missing);
        let own = own.first().ok_or(KernelError::UnknownTumor { missing })?;
        let ranges = [own.z.range(), own.y.range(), own.x.range()];
        if ranges.iter().any(std::ops::Range::is_empty) {
            return Err(KernelError::BoxWithoutVoxels { label: missing, shape_zyx });
        }
        let candidates: Vec<Candidate> = sphere
            .voxels_in(ranges)
            .into_iter()
            .filter_map(|voxel| {
                let rival_logits = rivals.iter().filter_map(|rival| rival.logit(voxel));
                let bar = rival_logits.fold(threshold as f32, f32::max);
                Some(Candidate { voxel, own: own.logit(voxel)?, bar, holder: labels[voxel] })
            })
            .collect();
        let contested = candidates.iter().any(|candidate| candidate.holder != 0);
        let counts = if contested { label_counts(labels.view(), u16::MAX)? } else { Vec::new() };
        Ok(Self { candidates, rivals, counts })
    }

    /// Candidates that the missing tumor wins with an offset, without any rival's last voxel.
    fn won(&self, offset: f64) -> Vec<Candidate> {
        let exceeds = |c: &&Candidate| f64::from(c.own) + offset > f64::from(c.bar);
        let mut won: Vec<Candidate> = self.candidates.iter().filter(exceeds).copied().collect();
        let holders: BTreeSet<u16> =
            won.iter().map(|candidate| candidate.holder).filter(|&h| h != 0).collect();
        for holder in holders {
            let taken: Vec<_> = won.iter().filter(|candidate| candidate.holder == holder).collect();
            if taken.len() as u64 == self.counts[usize::from(holder)] {
                let rival = self.rivals.iter().find(|rival| rival.tumor.label == holder);
                let logit = |c: &Candidate| rival.and_then(|r| r.logit(c.voxel)).unwrap_or(f32::NEG_INFINITY);
                let kept = first_best(taken.into_iter(), logit).map(|candidate| candidate.voxel);
                won.retain(|candidate| Some(candidate.voxel) != kept);
            }
        }
        won
    }

    fn best_to_assign(&self) -> Option<&Candidate> {
        let free = self.candidates.iter().filter(|c| c.holder == 0);
        let spare =
            self.candidates.iter().filter(|c| c.holder != 0 && self.counts[usize::from(c.holder)] > 1);
        first_best(free, |c| c.own).or_else(|| first_best(spare, |c| c.own))
    }
}

/// The first candidate of the highest logit.
fn first_best<'c>(
    candidates: impl Iterator<Item = &'c Candidate>,
    logit: impl Fn(&Candidate) -> f32,
) -> Option<&'c Candidate> {
    candidates.reduce(|best, other| if logit(other) > logit(best) { other } else { best })
}

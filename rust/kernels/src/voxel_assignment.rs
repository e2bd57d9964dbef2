//! Who gets the voxels of a sphere: the missing tumor, the background or a competitor.

use std::collections::BTreeSet;
use std::ops::Range;

use ndarray::ArrayViewMut3;

use crate::labels::label_counts;
use crate::tumor::Footprint;
use crate::{KernelError, Sphere, TumorLogits};

/// A voxel of the sphere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) voxel: [usize; 3],
    /// Logit of the missing tumor.
    own: f32,
    /// What it has to exceed: the threshold and the competitors' logits.
    bar: f32,
    /// Label of the voxel now.
    holder: u16,
}

/// The sphere's voxels, and what is needed to know whose last voxel one is.
pub(crate) struct VoxelAssignment<'a> {
    candidates: Vec<Candidate>,
    competitors: Vec<Footprint<'a>>,
    /// Voxels of each label in the whole map; empty as long as nobody else holds a voxel of the sphere.
    counts: Vec<u64>,
}

impl<'a> VoxelAssignment<'a> {
    pub(crate) fn new(
        labels: &ArrayViewMut3<'_, u16>,
        tumors: &[TumorLogits<'a>],
        missing: u16,
        sphere: &Sphere,
        threshold: f64,
    ) -> Result<Self, KernelError> {
        let shape_zyx: [usize; 3] = labels.dim().into();
        let footprints = tumors.iter().map(|&tumor| Footprint::new(tumor, shape_zyx));
        let (own, competitors): (Vec<_>, Vec<_>) = footprints.partition(|f| f.tumor.label == missing);
        let own = own.first().ok_or(KernelError::UnknownTumor { missing })?;
        let ranges = [own.z.range(), own.y.range(), own.x.range()];
        if ranges.iter().any(Range::is_empty) {
            return Err(KernelError::BoxWithoutVoxels { label: missing, shape_zyx });
        }
        let candidates: Vec<Candidate> = sphere
            .voxels_in(ranges)
            .into_iter()
            .filter_map(|voxel| {
                let competing_logits = competitors.iter().filter_map(|competitor| competitor.logit(voxel));
                let bar = competing_logits.fold(threshold as f32, f32::max);
                Some(Candidate { voxel, own: own.logit(voxel)?, bar, holder: labels[voxel] })
            })
            .collect();
        let contested = candidates.iter().any(|candidate| candidate.holder != 0);
        let counts = if contested { label_counts(labels.view(), u16::MAX)? } else { Vec::new() };
        Ok(Self { candidates, competitors, counts })
    }

    /// Candidates that the missing tumor wins with an offset, without any competitor's last voxel.
    pub(crate) fn won(&self, offset: f64) -> Vec<Candidate> {
        let exceeds = |c: &&Candidate| f64::from(c.own) + offset > f64::from(c.bar);
        let mut won: Vec<Candidate> = self.candidates.iter().filter(exceeds).copied().collect();
        let holders: BTreeSet<u16> =
            won.iter().map(|candidate| candidate.holder).filter(|&h| h != 0).collect();
        for holder in holders {
            let taken: Vec<_> = won.iter().filter(|candidate| candidate.holder == holder).collect();
            if taken.len() as u64 == self.counts[usize::from(holder)] {
                let competitor = self.competitors.iter().find(|competitor| competitor.tumor.label == holder);
                let logit =
                    |c: &Candidate| competitor.and_then(|r| r.logit(c.voxel)).unwrap_or(f32::NEG_INFINITY);
                let kept = first_best(taken.into_iter(), logit).map(|candidate| candidate.voxel);
                won.retain(|candidate| Some(candidate.voxel) != kept);
            }
        }
        won
    }

    pub(crate) fn best_to_assign(&self) -> Option<&Candidate> {
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

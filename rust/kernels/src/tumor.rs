//! One tumor's logits on its patch, and how they lie on the volume's voxels.

use ndarray::ArrayView3;

use crate::KernelError;

/// The network's answer for one tumor: logits on a patch, and where the patch lies in the volume.
#[derive(Debug, Clone, Copy)]
pub struct TumorLogits<'a> {
    /// Value of the tumor's voxels in the label map, at least 1.
    pub label: u16,
    /// Logits (z, y, x), finite.
    pub logits: ArrayView3<'a, f32>,
    /// Edge coordinate of the patch's corner in the volume.
    pub start_zyx: [f64; 3],
    /// Volume voxels per patch voxel.
    pub step_zyx: [f64; 3],
    /// Patch voxels per axis that come from the volume; the rest is padding at the end.
    pub content_zyx: [usize; 3],
}

impl TumorLogits<'_> {
    fn check(&self) -> Result<(), KernelError> {
        let &Self { label, logits, start_zyx, step_zyx, content_zyx } = self;
        if label == 0 {
            return Err(KernelError::BadLabel { label: 0 });
        }
        let shape_zyx: [usize; 3] = logits.dim().into();
        if (0..3).any(|axis| content_zyx[axis] == 0 || content_zyx[axis] > shape_zyx[axis]) {
            return Err(KernelError::BadContent { label, shape_zyx, content_zyx });
        }
        let is_box = |(&start, &step): (&f64, &f64)| start.is_finite() && step.is_finite() && step > 0.0;
        if !start_zyx.iter().zip(&step_zyx).all(is_box) {
            return Err(KernelError::BadStep { start_zyx, step_zyx });
        }
        match logits.indexed_iter().find(|(_, v)| !v.is_finite()) {
            Some(((z, y, x), &value)) => Err(KernelError::BadLogit { label, value, voxel_zyx: [z, y, x] }),
            None => Ok(()),
        }
    }
}

/// Checks each tumor, and that their labels differ.
pub(crate) fn check_tumors(tumors: &[TumorLogits<'_>], threshold: f64) -> Result<(), KernelError> {
    if !threshold.is_finite() {
        return Err(KernelError::BadThreshold { threshold });
    }
    let mut seen = std::collections::BTreeSet::new();
    for tumor in tumors {
        tumor.check()?;
        if !seen.insert(tumor.label) {
            return Err(KernelError::DuplicateLabel { label: tumor.label });
        }
    }
    Ok(())
}

/// Positive and finite voxel sizes.
pub(crate) fn check_spacing(spacing_mm: [f64; 3]) -> Result<(), KernelError> {
    let is_length = |&mm: &f64| mm > 0.0 && mm.is_finite();
    if spacing_mm.iter().all(is_length) { Ok(()) } else { Err(KernelError::BadSpacing { spacing_mm }) }
}

/// Where a voxel of the volume lies between two voxels of the patch, along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Between {
    lower: usize,
    upper: usize,
    share: f32,
}

impl Between {
    /// Linear interpolation of a line of patch values. Equal neighbours give exactly their value.
    pub(crate) fn blend(self, line: &[f32]) -> f32 {
        self.mix(line[self.lower], line[self.upper])
    }

    fn mix(self, a: f32, b: f32) -> f32 {
        a + self.share * (b - a)
    }
}

/// The voxels of the volume inside a patch's box, along one axis: `first`, `first + 1`, ...
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(crate) first: usize,
    pub(crate) voxels: Vec<Between>,
}

impl Reach {
    /// Of the `length` voxels from `origin` on; they are counted from `origin`.
    fn new([origin, length]: [usize; 2], start: f64, step: f64, content: usize) -> Self {
        let stop = start + content as f64 * step;
        let is_inside = |&p: &usize| (start..stop).contains(&((origin + p) as f64 + 0.5));
        let first = (0..length).find(is_inside).unwrap_or(0);
        let last = content - 1;
        let between = |p: usize| {
            let index = (((origin + p) as f64 + 0.5 - start) / step - 0.5).clamp(0.0, last as f64);
            let lower = index.floor();
            let share = (index - lower) as f32;
            Between { lower: lower as usize, upper: last.min(lower as usize + 1), share }
        };
        Self { first, voxels: (first..length).take_while(is_inside).map(between).collect() }
    }

    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.voxels.len()
    }

    fn get(&self, voxel: usize) -> Option<Between> {
        self.voxels.get(voxel.checked_sub(self.first)?).copied()
    }
}

/// A tumor on the voxels of a volume: trilinear interpolation with `align_corners=False`.
pub(crate) struct Footprint<'a> {
    pub(crate) tumor: TumorLogits<'a>,
    pub(crate) z: Reach,
    pub(crate) y: Reach,
    pub(crate) x: Reach,
}

impl<'a> Footprint<'a> {
    pub(crate) fn new(tumor: TumorLogits<'a>, shape_zyx: [usize; 3]) -> Self {
        Self::on_part(tumor, [0; 3], shape_zyx)
    }

    /// On the part of a volume that begins at voxel `origin_zyx`, from which its voxels are counted.
    pub(crate) fn on_part(tumor: TumorLogits<'a>, origin_zyx: [usize; 3], shape_zyx: [usize; 3]) -> Self {
        let [z, y, x] = [0, 1, 2].map(|axis| {
            let (start, step) = (tumor.start_zyx[axis], tumor.step_zyx[axis]);
            Reach::new([origin_zyx[axis], shape_zyx[axis]], start, step, tumor.content_zyx[axis])
        });
        Self { tumor, z, y, x }
    }

    /// Logit at one voxel, `None` outside the box. Same order of operations, hence same bits, as by slices.
    pub(crate) fn logit(&self, [z, y, x]: [usize; 3]) -> Option<f32> {
        let (z, y, x) = (self.z.get(z)?, self.y.get(y)?, self.x.get(x)?);
        let column = |j: usize, i: usize| {
            z.mix(self.tumor.logits[[z.lower, j, i]], self.tumor.logits[[z.upper, j, i]])
        };
        let point = |i: usize| y.mix(column(y.lower, i), column(y.upper, i));
        Some(x.mix(point(x.lower), point(x.upper)))
    }

    /// Patch plane at slice `z` of the volume, rows of `content_zyx[2]`; `false` if the slice is outside the box.
    pub(crate) fn blend_plane(&self, z: usize, plane: &mut Vec<f32>) -> bool {
        plane.clear();
        let Some(z) = self.z.get(z) else { return false };
        let [_, n_rows, n_columns] = self.tumor.content_zyx;
        for j in 0..n_rows {
            plane.extend(
                (0..n_columns)
                    .map(|i| z.mix(self.tumor.logits[[z.lower, j, i]], self.tumor.logits[[z.upper, j, i]])),
            );
        }
        true
    }

    /// Patch row between two rows of a plane.
    pub(crate) fn blend_row(&self, y: Between, plane: &[f32], row: &mut Vec<f32>) {
        let n_columns = self.tumor.content_zyx[2];
        let lower = &plane[y.lower * n_columns..][..n_columns];
        let upper = &plane[y.upper * n_columns..][..n_columns];
        row.clear();
        row.extend(lower.iter().zip(upper).map(|(&a, &b)| y.mix(a, b)));
    }
}

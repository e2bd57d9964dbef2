//! What can be wrong with a kernel's arguments, one sentence each.

/// An argument that a kernel cannot work with; its text names the argument, what was expected and what came.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A grey value is NaN or infinite.
    #[error("voxel (z, y, x) = ({z}, {y}, {x}) is {what}", z = voxel_zyx[0], y = voxel_zyx[1], x = voxel_zyx[2])]
    NotFinite {
        /// The first bad voxel in (z, y, x) order.
        voxel_zyx: [usize; 3],
        /// "NaN" or "infinite".
        what: &'static str,
    },
    /// A volume without voxels has no answer.
    #[error("volume must hold at least one voxel, got shape {}", triple(.shape_zyx))]
    EmptyVolume {
        /// Shape that came.
        shape_zyx: [usize; 3],
    },
    /// The output does not fit into memory.
    #[error("an array of shape {} does not fit into memory", triple(.shape_zyx))]
    TooLarge {
        /// Shape asked for.
        shape_zyx: [usize; 3],
    },
    /// Bounds of a scaling are not an interval.
    #[error("low and high must be finite with low <= high, got low = {low} and high = {high}")]
    BadRange {
        /// Lower bound that came.
        low: f64,
        /// Upper bound that came.
        high: f64,
    },
    /// A crop box leaves the volume or ends before it starts.
    #[error(
        "box must satisfy 0 <= start_zyx <= stop_zyx <= {}, got start_zyx = {} and stop_zyx = {}",
        triple(.shape_zyx), triple(.start_zyx), triple(.stop_zyx)
    )]
    BoxOutside {
        /// Shape of the volume.
        shape_zyx: [usize; 3],
        /// First voxel of the box.
        start_zyx: [usize; 3],
        /// One past its last voxel.
        stop_zyx: [usize; 3],
    },
    /// Voxels are asked for that were not kept.
    #[error(
        "the patch needs the voxels {} to {}, the part at hand holds {} to {}",
        triple(.start_zyx), triple(.stop_zyx), triple(.origin_zyx), triple(.end_zyx)
    )]
    NotInPart {
        /// First voxel of the part.
        origin_zyx: [usize; 3],
        /// One past its last voxel.
        end_zyx: [usize; 3],
        /// First voxel that is needed.
        start_zyx: [usize; 3],
        /// One past the last voxel that is needed.
        stop_zyx: [usize; 3],
    },
    /// A pooling factor is 0.
    #[error("factor_zyx must be at least 1 on every axis, got {}", triple(.factor_zyx))]
    ZeroFactor {
        /// Factors that came.
        factor_zyx: [usize; 3],
    },
    /// A resampled patch would have no voxels.
    #[error("shape_zyx must be at least 1 on every axis, got {}", triple(.shape_zyx))]
    EmptyPatch {
        /// Shape asked for.
        shape_zyx: [usize; 3],
    },
    /// A box of edge coordinates is not usable.
    #[error(
        "start_zyx must be finite and step_zyx positive and finite, got start_zyx = {} and step_zyx = {}",
        triple(.start_zyx), triple(.step_zyx)
    )]
    BadStep {
        /// Edge coordinate of the box's corner.
        start_zyx: [f64; 3],
        /// Volume voxels per patch voxel.
        step_zyx: [f64; 3],
    },
    /// A voxel size is not a length.
    #[error("spacing_mm must be positive and finite on every axis, got {}", triple(.spacing_mm))]
    BadSpacing {
        /// Spacing that came.
        spacing_mm: [f64; 3],
    },
    /// Two arrays that belong together differ in shape.
    #[error("{name} must have the shape of the mask, {}, got {}", triple(.mask_shape_zyx), triple(.shape_zyx))]
    OtherShape {
        /// The second array's name.
        name: &'static str,
        /// Shape of the mask.
        mask_shape_zyx: [usize; 3],
        /// Shape that came.
        shape_zyx: [usize; 3],
    },
    /// A border cannot move by such a distance.
    #[error("{name} must be positive and finite, got {mm}")]
    BadDistance {
        /// The argument's name.
        name: &'static str,
        /// Distance that came, in mm.
        mm: f64,
    },
    /// Labels count from 1; 0 is the background.
    #[error("label must be 1 to 65535, got {label}")]
    BadLabel {
        /// Label that came.
        label: i64,
    },
    /// A marker volume holds a number below 0.
    #[error("marker labels must not be negative, got {label}")]
    NegativeLabel {
        /// The smallest label of the marker.
        label: i32,
    },
    /// One voxel has no diameter.
    #[error("label {label} has a single voxel, (z, y, x) = {}: a RECIST line needs two", triple(.voxel_zyx))]
    OneVoxel {
        /// Label of the line.
        label: i32,
        /// Its only voxel.
        voxel_zyx: [usize; 3],
    },
    /// A RECIST line lies on one axial slice.
    #[error("label {label} must lie on one axial slice, got slices {}", list(.slices))]
    SeveralSlices {
        /// Label of the line.
        label: i32,
        /// Slices that hold it, ascending.
        slices: Vec<usize>,
    },
    /// A label map holds a label above the number of labels.
    #[error("labels must not exceed n_labels = {n_labels}, got label {label}")]
    LabelTooLarge {
        /// The smallest label that is too large.
        label: usize,
        /// Number of labels announced.
        n_labels: usize,
    },
    /// Two tumors carry the same label.
    #[error("tumors must have different labels, got label {label} twice")]
    DuplicateLabel {
        /// Label that came twice.
        label: u16,
    },
    /// A patch's content is empty or larger than the patch.
    #[error(
        "content_zyx of tumor {label} must be 1 to the shape of its logits {}, got {}",
        triple(.shape_zyx), triple(.content_zyx)
    )]
    BadContent {
        /// Label of the tumor.
        label: u16,
        /// Shape of its logits.
        shape_zyx: [usize; 3],
        /// Content that came.
        content_zyx: [usize; 3],
    },
    /// A network returned something that is no number.
    #[error("logits of tumor {label} must be finite, got {value} at patch voxel (z, y, x) = {}", triple(.voxel_zyx))]
    BadLogit {
        /// Label of the tumor.
        label: u16,
        /// NaN or an infinity.
        value: f32,
        /// First bad patch voxel.
        voxel_zyx: [usize; 3],
    },
    /// The threshold is not a number to compare with.
    #[error("threshold must be finite, got {threshold}")]
    BadThreshold {
        /// Threshold that came.
        threshold: f64,
    },
    /// The tumor to raise was not given.
    #[error("missing must be the label of one of the tumors, got {missing}")]
    UnknownTumor {
        /// Label asked for.
        missing: u16,
    },
    /// A sphere has no place or no size.
    #[error(
        "center_zyx must be finite and radius_mm finite and not negative, got center_zyx = {} and radius_mm = {radius_mm}",
        triple(.center_zyx)
    )]
    BadSphere {
        /// Centre that came.
        center_zyx: [f64; 3],
        /// Radius that came.
        radius_mm: f64,
    },
    /// Offsets above 2^64 mean nothing to float32 logits.
    #[error("max_rounds must be at most 64, got {max_rounds}")]
    TooManyRounds {
        /// Rounds asked for.
        max_rounds: usize,
    },
    /// A tumor's box does not reach the volume.
    #[error("the box of tumor {label} holds no voxel of the volume of shape {}", triple(.shape_zyx))]
    BoxWithoutVoxels {
        /// Label of the tumor.
        label: u16,
        /// Shape of the volume.
        shape_zyx: [usize; 3],
    },
    /// Every voxel of the sphere is the last voxel of another tumor.
    #[error("tumor {label} cannot be placed: each voxel of its sphere is the last voxel of another tumor")]
    NoRoom {
        /// Label of the missing tumor.
        label: u16,
    },
}

fn triple<T: std::fmt::Display>([z, y, x]: &[T; 3]) -> String {
    format!("({z}, {y}, {x})")
}

fn list(slices: &[usize]) -> String {
    slices.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

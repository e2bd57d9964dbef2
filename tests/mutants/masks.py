"""Mutants of all that decides what enters the network and which mask comes out."""

from tests.mutants.mutant import mutants

GOLDEN = "tests/golden/test_golden.py"
CHANNELS = f"{GOLDEN}::test_channels"
MAPS = f"{GOLDEN}::test_mirrored_patches {GOLDEN}::test_label_maps"
PAINTING = f"{GOLDEN}::test_painting_of_hand_made_logits {GOLDEN}::test_held_ends"
NUMBERS = f"{GOLDEN}::test_numbers"
GEOMETRY = "tests/unit/core/test_grid.py"

CONFIG = mutants(
    "core/patch_config.py",
    CHANNELS,
    ("side_factor: float = 2.5", "side_factor: float = 2.4"),
    ("side_voxels: int = 64", "side_voxels: int = 56"),
    ("end_margin_voxels: float = 0.0", "end_margin_voxels: float = 0.5"),
    ("| None = (-1000.0, 500.0)", "| None = (-1000.0, 400.0)"),
    ("line_half_width_hu: float = 175.0", "line_half_width_hu: float = 200.0"),
    ("narrow_half_width_hu: float = 75.0", "narrow_half_width_hu: float = 70.0"),
    ("windowed_unit_hu: float = 400.0 / 255.0", "windowed_unit_hu: float = 350.0 / 255.0"),
) + mutants(
    "core/patch_config.py",
    "tests/unit/segmentation/test_channels.py",
    ("windowed_low_hu: float = -160.0", "windowed_low_hu: float = -170.0"),
    ("100_000.0, 1.0", "100_000.0, 0.0"),
    ("100_000.0, 1.0", "200_000.0, 1.0"),
)

CHANNEL_MUTANTS = mutants(
    "segmentation/channels.py",
    "tests/unit/segmentation/test_channels.py",
    ("_TISSUE_ABOVE_HU = -160.0", "_TISSUE_ABOVE_HU = -158.0"),
    ("_TISSUE_ABOVE_HU = -160.0", "_TISSUE_ABOVE_HU = -162.0"),
    ("_TISSUE_ABOVE_HU if hu else max", "_TISSUE_ABOVE_HU if True else max"),
    ("max(in_greys, 0.0)", "0.0"),
    ("max(in_greys, 0.0)", "in_greys"),
    ("planned.mark.short_axis_zyx) if axis]", "None) if axis]"),
    ("_AXIS_POINTS = 21", "_AXIS_POINTS = 11"),
) + mutants(
    "segmentation/channels.py",
    CHANNELS,
    ("np.linspace(0.2, 0.8, 41)", "np.linspace(0.0, 1.0, 41)"),
    ("in_voxels / VOXELS_REACH", "in_voxels / 32"),
    ("float(np.median(_nearest(self.crop", "float(np.mean(_nearest(self.crop"),
    ("np.rint(points_zyx)", "np.floor(points_zyx)"),
    ("(0.0, 255.0)", "(0.0, 240.0)"),
    ("(1.0 if frame.hu else", "(1.0 if True else"),
    ("middle - half, middle + half)", "middle - half, middle + 2 * half)"),
    ("np.hypot(half[1], half[2])", "np.hypot(half[1], half[1])"),
    ("y[:, None] * uy + x[None, :] * ux", "y[:, None] * uy - x[None, :] * ux"),
    ("y[:, None] * ux - x[None, :] * uy", "y[:, None] * ux + x[None, :] * uy"),
    ("float(size[0] / radius)", "float(size[1] / radius)"),
    ("np.float32(self.config.side_factor)", "np.float32(self.config.side_factor / 2)"),
    ("np.float32(frame.endpoints_zyx[0][0])\n    faded", "np.float32(frame.crop.shape[0] / 2)\n    faded"),
    ("half_lengths) / np", "half_lengths + 0.1) / np"),
    ("values[channel][outside] = 0", "values[channel][outside] = 1"),
    ("if config.window_hu is None else None", "if config.window_hu == () else None"),
)

PLAN = mutants(
    "segmentation/patch_plan.py",
    CHANNELS,
    (
        """mark.outer_endpoints_zyx(config.end_margin_voxels)
        placement""",
        """mark.outer_endpoints_zyx(0.0)
        placement""",
    ),
    (
        """mark.outer_endpoints_zyx(config.end_margin_voxels)
        planned""",
        """mark.outer_endpoints_zyx(0.0)
        planned""",
    ),
    ("np.multiply(placement.step_zyx, grid.spacing_mm)", "grid.spacing_mm"),
    ("max(side_factor * length_mm, 2 * max(spacing_mm))", "max(side_factor * length_mm, max(spacing_mm))"),
    ("ends.mean(axis=0) + 0.5 - step", "ends.mean(axis=0) - step"),
    ("as_points(points_zyx) + 0.5 - np.asarray", "as_points(points_zyx) - np.asarray"),
    ("edges / np.asarray(self.step_zyx) - 0.5", "edges / np.asarray(self.step_zyx)"),
) + mutants(
    "segmentation/patch_plan.py",
    GEOMETRY,
    ("_PATCH_MULTIPLE = 8", "_PATCH_MULTIPLE = 4"),
    ("margin: int = 32", "margin: int = 31"),
    ("max_voxels: int = 128**3", "max_voxels: int = 64**3"),
    ("np.floor(points + 0.5)", "np.floor(points)"),
    ("voxels.max(axis=0) + margin + ragged", "voxels.max(axis=0) + margin"),
    ("np.arange(3) != int(content.argmin())", "np.arange(3) != int(content.argmax())"),
    ("factor[halved] *= 2", "factor[halved] *= 3"),
    ("content = -(-(stop - start) // factor)", "content = (stop - start) // factor"),
)

PAINTING_MUTANTS = (
    mutants(
        "segmentation/logit_adjustments.py",
        PAINTING,
        ("_HELD_SHARE = 0.1", "_HELD_SHARE = 0.12"),
        ("_HELD_LOGIT = 0.2", "_HELD_LOGIT = 0.3"),
        ("_MOST_RAISED = 3.0", "_MOST_RAISED = 4.0"),
        ("(logits > 0).any()", "(logits > -99).any()"),
        ("endpoints_zyx), 1.0)\n    held = logits", "endpoints_zyx), 2.0)\n    held = logits"),
        ("np.floor(point_zyx - 3 * width)", "np.floor(point_zyx - width)"),
        ("np.ceil(point_zyx + 3 * width) + 1", "np.ceil(point_zyx + width) + 1"),
        ("np.exp(-0.5 *", "np.exp(-0.7 *"),
        ("part[0] * (1 - share) + part[1] * share", "part[0] * share + part[1] * (1 - share)"),
        ("_between_voxels(bell, point_zyx - low)", "1.0"),
    )
    + mutants(
        "segmentation/painting.py",
        "tests/unit/segmentation/test_painting.py",
        ("labels = np.where(own, own, labels)", "pass"),
    )
    + mutants(
        "segmentation/painting.py",
        PAINTING,
        ("if counts[tumor.mark.label] == 0", "if counts[tumor.mark.label] == -1"),
        ("np.max(stops, axis=0)", "np.min(stops, axis=0)"),
        ("radius_mm = mark.radius_mm", "radius_mm = mark.length_mm"),
    )
)

GRID = mutants(
    "core/grid.py",
    GEOMETRY,
    ("_SHEAR_TOLERANCE = 1e-3", "_SHEAR_TOLERANCE = 1e-2"),
    ("_SHEAR_TOLERANCE = 1e-3", "_SHEAR_TOLERANCE = 1e-4"),
    ("_SPACING_TOLERANCE = 1e-3", "_SPACING_TOLERANCE = 1e-2"),
    ("_SPACING_RANGE_MM = (0.01, 100.0)", "_SPACING_RANGE_MM = (0.001, 100.0)"),
    ("_SPACING_RANGE_MM = (0.01, 100.0)", "_SPACING_RANGE_MM = (0.01, 1000.0)"),
    ("_AFFINE_LIMIT_MM = 1e6", "_AFFINE_LIMIT_MM = 1e7"),
    ("_SAME_PLACE = 0.1", "_SAME_PLACE = 0.5"),
    ("_SAME_PLACE = 0.1", "_SAME_PLACE = 0.01"),
    ("np.diag([-x, -y, z, 1.0])", "np.diag([-y, -x, z, 1.0])"),
    ("np.diag([-x, -y, z, 1.0])", "np.diag([x, y, z, 1.0])"),
    ("bool(z < 0), bool(y > 0), bool(x > 0)", "bool(z > 0), bool(y > 0), bool(x > 0)"),
    ("bool(z < 0), bool(y > 0), bool(x > 0)", "bool(z < 0), bool(y < 0), bool(x > 0)"),
    ("bool(z < 0), bool(y > 0), bool(x > 0)", "bool(z < 0), bool(y > 0), bool(x < 0)"),
    ("* (self.shape_zyx[axis] - 1)", "* self.shape_zyx[axis]"),
    ("return False, False, False", "return True, True, False"),
)

RECIST = mutants(
    "core/recist.py",
    "tests/unit/core/test_recist.py",
    ("_HALF_VOXEL = 0.5 + 1e-3", "_HALF_VOXEL = 0.5 - 1e-3"),
    ("_HALF_VOXEL = 0.5 + 1e-3", "_HALF_VOXEL = 0.5 + 1e-1"),
    ("margin_voxels: float = 0.5", "margin_voxels: float = 0.4"),
    ("self.length_mm(spacing_mm) / 2", "self.length_mm(spacing_mm)"),
    ("radius_mm**2 * (1 + 1e-9)", "radius_mm**2 * (1 - 1e-9)"),
    ("z = int(areas.argmax())", "z = int(areas.argmin())"),
    ("first_slice is None or self.last_slice is None", "first_slice is None and self.last_slice is None"),
    ("round(z, 6), round(y, 6), round(x, 6)", "round(z, 0), round(y, 0), round(x, 0)"),
) + mutants(
    "core/mark_fields.py",
    "tests/unit/core/test_recist.py",
    ("MAX_LABEL = 65535", "MAX_LABEL = 65536"),
    ("\nROUNDING = 1e-6", "\nROUNDING = 1e-2"),
    ("\nROUNDING = 1e-6", "\nROUNDING = 0.0"),
    ("_SHORTEST = 1e-6", "_SHORTEST = 1e-12"),
    ("_SHORTEST = 1e-6", "_SHORTEST = 1e-1"),
    ("math.ceil(abs(middle) - 0.5 - ROUNDING)", "math.ceil(abs(middle) - 0.4 - ROUNDING)"),
    ("- z).max() > 0.5 +", "- z).max() > 0.6 +"),
)

QUALITY = mutants(
    "segmentation/logit_adjustments.py",
    "tests/unit/segmentation/test_logit_adjustments.py",
    ("_NEAR = 1.5", "_NEAR = 1.45"),
    ("_FADING = 2.0", "_FADING = 2.2"),
    (
        "half = placement.length_in_patch(mark.endpoints_zyx) / 2",
        "half = placement.length_in_patch(mark.endpoints_zyx) / 3",
    ),
    ("np.maximum(beyond, 0)", "beyond"),
    ("_END_LOGIT = 1.5", "_END_LOGIT = 1.6"),
    ("_END_MM = 1.0", "_END_MM = 1.1"),
    ("_THIN_MM, _THICK_MM = 1.0, 2.25", "_THIN_MM, _THICK_MM = 0.9, 2.25"),
    ("_THIN_MM, _THICK_MM = 1.0, 2.25", "_THIN_MM, _THICK_MM = 1.0, 2.75"),
    ("1.001 * min(steps)", "0.001 * min(steps)"),
    ("1.001 * min(steps)", "9.0 * min(steps)"),
    (" and thickness_mm > 0.999 * _THIN_MM", ""),
    ("if mark.both_slices or not (tumor.logits > 0).any()", "if mark.both_slices"),
    ("_FEW_SLICES, _ENOUGH_SLICES = 3.0, 5.5", "_FEW_SLICES, _ENOUGH_SLICES = 2.5, 5.5"),
    ("_FEW_SLICES, _ENOUGH_SLICES = 3.0, 5.5", "_FEW_SLICES, _ENOUGH_SLICES = 3.0, 6.5"),
    ("_FEW_LOGIT = 0.5", "_FEW_LOGIT = 0.6"),
    ("_KNOWN = 0.3, 3.0", "_KNOWN = 0.25, 3.0"),
    ("_KNOWN = 0.3, 3.0", "_KNOWN = 0.3, 3.1"),
    ("_FOLLOWED = 0.2, 1.0", "_FOLLOWED = 0.15, 1.0"),
    ("_FOLLOWED = 0.2, 1.0", "_FOLLOWED = 0.2, 1.1"),
    ("_MOST_LACKING = 3.0", "_MOST_LACKING = 3.1"),
    ("_LEAST_AXIS_POINTS = 7", "_LEAST_AXIS_POINTS = 6"),
    ("_LEAST_AXIS_POINTS = 7", "_LEAST_AXIS_POINTS = 8"),
    ("_POINT_WEIGHT = 5", "_POINT_WEIGHT = 4"),
    ("_SHARE_AT = (0.8, 1.3), (2.0, 0.0)", "_SHARE_AT = (0.8, 1.4), (2.0, 0.0)"),
    ("_SHARE_AT = (0.8, 1.3), (2.0, 0.0)", "_SHARE_AT = (0.7, 1.3), (2.0, 0.0)"),
    ("_SHARE_AT = (0.8, 1.3), (2.0, 0.0)", "_SHARE_AT = (0.8, 1.3), (1.9, 0.0)"),
    ("share = np.maximum(share, 1)", "pass"),
    ("share = np.minimum(share, 1)", "pass"),
    ("_POINT_MOST + _between_voxels(tumor.added, place)", "_POINT_MOST"),
    ("(across * half - ends.mean())", "(across * half)"),
    ("max(abs(ends[1] - ends[0]) / 2, 0.5)", "half"),
    ("place.z_in_patch(slice_ + 0.5 * side)", "place.z_in_patch(slice_)"),
    ("high[z * side > 0] =", "high[z * side > -99] ="),
    ("_lacking(on_axes, *_FOLLOWED) > 0", "_lacking(on_axes + _POINT_WEIGHT * on_points, *_FOLLOWED) > 0"),
    ("if not _lacking(without_points, *_KNOWN) > 0", "if not _lacking(on_axes, *_KNOWN) > 0"),
    ("if not (max(on_axes) > 0 and", "if not (True and"),
    ("z + 0.5 * side", "z"),
    ("(heights - own) * side > 0", "(heights - own) * side > -99"),
    ("_ACROSS_MOST = 2.0", "_ACROSS_MOST = 20.0"),
    ("(first, first - outwards)", "(first, first)"),
    ("(last, last + outwards)", "(last, last - outwards)"),
) + mutants(
    "segmentation/predictor.py",
    "tests/unit/segmentation/test_painting.py",
    ("mask = tumor.logits > 0", "mask = tumor.logits > 1"),
    ("2 * probabilities[mask].sum()", "probabilities[mask].sum()"),
    ("tumor.without_added().logits", "tumor.logits"),
    ("np.count_nonzero(mask) + probabilities.sum()", "probabilities.sum() + probabilities.sum()"),
)

SIZES = mutants(
    "segmentation/axis_size.py",
    "tests/unit/segmentation/test_axis_size.py",
    ("_AREA = 0.9", "_AREA = 0.8"),
    ("_VOLUME, _VOLUME_OF_ONE = 0.78, 0.6", "_VOLUME, _VOLUME_OF_ONE = 0.78, 0.0"),
    ("_VOLUME, _VOLUME_OF_ONE = 0.78, 0.6", "_VOLUME, _VOLUME_OF_ONE = 0.7, 0.6"),
    ("_WEIGHT = 0.6", "_WEIGHT = 0.7"),
    ("_HALF_WEIGHT_PIXELS = 8.0", "_HALF_WEIGHT_PIXELS = 4.0"),
    ("_MOST = 1.0", "_MOST = 1.1"),
    ("place.length_in_patch(ends) + pixel", "place.length_in_patch(ends)"),
    ("(first - 0.5", "(first"),
    ("(last + 0.5", "(last"),
    ("(last - first + 1)", "(last - first)"),
    ("tumor.logits - np.float32(lowered), shares", "tumor.logits, shares"),
    ("np.minimum(rows + 0.5, end)", "(rows + 0.5)"),
    ("sizes[-1] <= expected", "sizes[-1] <= 0"),
)

BORDERS = mutants(
    "segmentation/edge_refinement.py",
    f"tests/unit/segmentation/test_edge_refinement.py {PAINTING} {GOLDEN}::test_label_maps",
    ("_REACH = 0.12", "_REACH = 0.14"),
    ("_LEAST_REACH_PIXELS = 2.0", "_LEAST_REACH_PIXELS = 2.5"),
    ("_LOCAL = 0.35", "_LOCAL = 0.45"),
    ("np.ceil(3 * reach_mm", "np.ceil(1 * reach_mm"),
    ("after[claims > 1] = 0", "after[claims > 2] = 0"),
    ("(before[here] != 0) & ~mask", "np.zeros_like(mask)"),
)

PREDICTOR = (
    mutants(
        "segmentation/predictor.py",
        "tests/unit/segmentation/test_prompts.py",
        ("shrink_to_axes(fill_end_slices(", "(fill_end_slices("),
        ("_BEFORE_CLICKS_SHARE = 0.2", "_BEFORE_CLICKS_SHARE = 0.3"),
        ("if one.label in hardly_known else one for", "if False else one for"),
        ("if tumor.is_hardly_known}", "}"),
        ("tumor = raise_hardly_known(tumor, patch.tissue_on_axes, before_clicks)", "pass"),
    )
    + mutants(
        "segmentation/predictor.py",
        MAPS,
        ("raise_few_slices(fade_far(tumor))", "fade_far(tumor)"),
        ("self.mirror = mirror and crop", "self.mirror = False and crop"),
        ("self._logits(patch, opposite)) / 2", "self._logits(patch, opposite)) / 3"),
        ("if axis not in axes)", "if axis not in (*axes, 0))"),
        ("patch.values.shape[axis + 1] - 1) - ends", "patch.values.shape[axis + 1]) - ends"),
        ("windowed_unit_hu=(high - low) / 255.0", "windowed_unit_hu=(high - low) / 400.0"),
        ("return replace(config, window_hu=self.window)", "return config"),
        (
            "anchor_prompts(anchor_endpoints(tumor))",
            "anchor_prompts(tumor)",
        ),
        (
            "(1.0, 1.0, 1.0) if in_voxels else spacing_mm, threshold)",
            "(1.0, 1.0, 1.0) if in_voxels else spacing_mm)",
        ),
    )
    + mutants(
        "segmentation/predictor.py",
        f"{MAPS} {NUMBERS}[noise]",
        ("ends[np.lexsort(ends.T[::-1])]", "ends[::-1]"),
    )
)

ROTATIONS = mutants(
    "engines/lie_rotations.py",
    "tests/unit/engines/test_lie_rotations.py",
    ("np.triu(generators, 1)", "np.triu(generators, 2)"),
    ("upper - np.swapaxes(upper, -1, -2)", "upper + np.swapaxes(upper, -1, -2)"),
    ("(np.arange(side) + 0.5) / max(shape_zyx)", "(np.arange(side) + 0.5) / side"),
    ("(np.arange(side) + 0.5)", "np.arange(side)"),
    ("dtype=np.float64) + 0.5) / max(patch_shape_zyx)", "dtype=np.float64)) / max(patch_shape_zyx)"),
    ("/ max(patch_shape_zyx)", "/ min(patch_shape_zyx)"),
    ("[cos, sin, -sin, cos]", "[cos, -sin, sin, cos]"),
    ("np.exp(-1j * values)", "np.exp(1j * values)"),
)

UNCERTAINTY = mutants(
    "segmentation/repeatability.py",
    f"tests/unit/segmentation/test_repeatability.py {NUMBERS}",
    ("END_SD = 0.043", "END_SD = 0.053"),
    ("_LEAST_END_SD_VOXELS = 0.3", "_LEAST_END_SD_VOXELS = 0.6"),
    ("((), (2,), (1,), (0,))", "((), (2,), (2,), (0,))"),
    ("ddof=1", "ddof=0"),
    (">= 0.5 * _length", ">= 0.0 * _length"),
)

RULES = "tests/unit/segmentation/test_flare25_rules.py"
IMPORT = "tests/unit/export/test_flare25.py::test_logits_are_theirs_whatever_was_trained"
AUTHORS = [
    *mutants(
        "segmentation/channels.py",
        RULES,
        ("np.float32(low - 1)", "np.float32(low)"),
        ("np.float32(high - low + 1)", "np.float32(high - low)"),
        ("* 255 / (high - low)", "* 256 / (high - low)"),
        ("scaled[greys <= 0] = 0", "scaled[greys < 0] = 0"),
    ),
    *mutants(
        "segmentation/patch_plan.py",
        RULES,
        ("factor if ragged else (stop - start) / content", "factor"),
        ("np.maximum((stop - start) // factor, 1)", "-(-(stop - start) // factor)"),
        ("min(voxels), max(voxels)", "voxels[0], voxels[-1]"),
        ("/ placement.block_zyx\n", "/ placement.step_zyx\n"),
    ),
    *mutants(
        "core/patch_config.py",
        RULES,
        ("margin_voxels: int = 32", "margin_voxels: int = 16"),
        ("window_hu=(-160.0, 240.0)", "window_hu=(-150.0, 250.0)"),
    ),
    *mutants(
        "export/flare25.py",
        IMPORT,
        ("_BATCH_NORM_EPS = 1e-5", "_BATCH_NORM_EPS = 1e-3"),
        ("unit_entry=False", "unit_entry=True"),
        ("scale if name.endswith", "weight if name.endswith"),
        ("bias - mean * scale", "bias"),
    ),
]

MASKS = [
    *AUTHORS,
    *CONFIG,
    *CHANNEL_MUTANTS,
    *PLAN,
    *GRID,
    *PAINTING_MUTANTS,
    *RECIST,
    *SIZES,
    *BORDERS,
    *QUALITY,
    *PREDICTOR,
    *ROTATIONS,
    *UNCERTAINTY,
]

"""Mutants of how scans are read, and of what is measured and concluded."""

from tests.mutants.mutant import mutants

DICOM = "tests/unit/io/dicom"
_RULES = ("targets", "visits", "volume_and_noise", "matching")
RESPONSE = " ".join(f"tests/unit/response/test_{name}.py" for name in _RULES)
_LOST = "test_nothing_in_python_replaces_the_scan_or_the_lines_that_it_was_given"
NUMBERS = "tests/golden/test_golden.py::test_numbers"
NO_INPUT_LOST = f"tests/integration/test_outputs.py::{_LOST}"
FLAGS = "tests/unit/measurements/test_flags.py"

READING = [
    *mutants(
        "core/case.py",
        "tests/unit/core/test_case.py",
        ("low < 0 or high > 255", "low < 0 or high > 256"),
        ("low < 0 or high > 255", "low < 0 or high > 254"),
        ("low < 0 or high > 255", "low < -1 or high > 255"),
    ),
    *mutants(
        "core/plausibility.py",
        "tests/unit/core/test_plausibility.py",
        ("_SAME = 0.01", "_SAME = 0.05"),
        ("_SAME = 0.01", "_SAME = 0.001"),
        ("_FLATTEST_HU = 100.0", "_FLATTEST_HU = 90.0"),
        ("_FLATTEST_HU = 100.0", "_FLATTEST_HU = 110.0"),
        ("_FLATTEST = 20.0", "_FLATTEST = 19.0"),
        ("_FLATTEST = 20.0", "_FLATTEST = 25.0"),
        ("low >= -1 and high <= 1)", "low >= -1 and high <= 2)"),
        ("low >= -1 and high <= 1)", "low >= 0 and high <= 1)"),
        ("low >= 0 and high > 255:", "low >= 0 and high > 256:"),
        ("in_range = low >= 0 and high <= 255", "in_range = low >= 0 and high <= 256"),
        ("low > 0 and high <= 255:", "low > 1 and high <= 255:"),
    ),
    *mutants(
        "core/nan_background.py",
        "tests/unit/core/test_nan_background.py",
        ("_AIR_HU = -1000.0", "_AIR_HU = 0.0"),
    ),
    *mutants(
        "core/partial_volume.py",
        "tests/unit/core/test_partial_volume.py tests/integration/test_storage_orders.py",
        ("np.subtract(shape_zyx, end), end)", "np.subtract(shape_zyx, end) - 1, end)"),
        ("np.less_equal(self.start_zyx", "np.less(self.start_zyx"),
        ("np.greater_equal(self.stop_zyx", "np.greater(self.stop_zyx"),
        ("<= _size(joined) + _size(other)", "<= _size(joined)"),
        ("> math.prod(shape_zyx)", "> 2 * math.prod(shape_zyx)"),
    ),
    *mutants(
        "core/voxels.py",
        "tests/unit/core/test_voxels.py",
        ("_EXACT_IN_FLOAT32 = 2**24", "_EXACT_IN_FLOAT32 = 2**25"),
        ("_EXACT_IN_FLOAT32 = 2**24", "_EXACT_IN_FLOAT32 = 2**20"),
        ("highest <= 255", "highest <= 256"),
        ("high <= 65535 +", "high <= 65536 +"),
        ("low >= -_OFF_WHOLE and", "low >= -1 and"),
        ("limits.min <= low and high <= limits.max", "limits.min <= low"),
        ("np.iinfo(np.int16).min <= low and", "0 <= low and"),
        ("value == np.rint(value)", "value == value"),
    ),
    *mutants(
        "core/scan_source.py",
        "tests/unit/core/test_scan_source.py",
        (
            "world_of_axis.index(2), world_of_axis.index(1), world_of_axis.index(0)",
            "world_of_axis.index(2), world_of_axis.index(0), world_of_axis.index(1)",
        ),
        ("np.argsort(-shares.max(axis=0)", "np.argsort(shares.max(axis=0)"),
        ("shares[world_of_axis[axis]] = -1", "shares[world_of_axis[axis]] = 0.5"),
        ("self.points_to_file(self.grid.mm_to_voxel(points_mm))", "self.grid.mm_to_voxel(points_mm)"),
        ("if axes_as_stored", "if not axes_as_stored"),
        ("affine[:3, [x, y, z]]", "affine[:3, [x, z, y]]"),
        ("[2 - axis for axis in self.file_axes_zyx])", "[axis for axis in self.file_axes_zyx])"),
        (
            "[self.file_axes_zyx.index(axis) for axis in (2, 1, 0)]]",
            "[self.file_axes_zyx[axis] for axis in (2, 1, 0)]]",
        ),
    ),
    *mutants(
        "io/nifti.py",
        "tests/unit/io/test_nifti.py",
        ("_SPACING_TOLERANCE = 0.01", "_SPACING_TOLERANCE = 0.1"),
        ('{1: "metres", 3: "microns"}', '{1: "metres"}'),
    ),
    *mutants(
        "io/nifti_header.py",
        "tests/unit/io/test_nifti_header.py",
        ("np.array([-1.0, 1.0, 1.0])", "np.array([1.0, 1.0, 1.0])"),
        ("astype(np.float64) - 1) / 2", "astype(np.float64)) / 2"),
        ('-1 if self["pixdim"][0] < 0 else 1', "1"),
    ),
    *mutants(
        "io/flare_npz.py",
        "tests/unit/io/test_flare_npz.py",
        ("np.diag([-1.0, -1.0, 1.0, 1.0])", "np.diag([1.0, 1.0, 1.0, 1.0])"),
    ),
]

DICOM_MUTANTS = [
    *mutants("io/opened_scan.py", NO_INPUT_LOST, ("volume.source.with_inputs(path)", "volume.source")),
    *mutants("io/image_objects.py", NO_INPUT_LOST, (".with_inputs(*_files_of(image))", "")),
    *mutants(
        "io/scans.py",
        NO_INPUT_LOST,
        ("scan.with_inputs(marks, reference)", "scan"),
        ("ScanSource.of(source).inputs, overwrite", "(), overwrite"),
    ),
    *mutants(
        "core/grid.py",
        "tests/unit/io/test_reports_as_marks.py",
        ("grid.spacing_mm, _SPACING_TOLERANCE,", "grid.spacing_mm, 1e-1,"),
        ("is_here = grid.matches(", "is_here = not grid.matches("),
        ("affine is None or not grid.is_oriented", "affine is None"),
    ),
    *mutants(
        "io/dicom/stack.py",
        f"{DICOM}/test_stack.py {DICOM}/test_series.py",
        ("PADDING_HU = -1000", "PADDING_HU = 0"),
        ("_ON_PLANE = 0.1", "_ON_PLANE = 0.3"),
        ("_ON_PLANE = 0.1", "_ON_PLANE = 0.02"),
        ("_WIDEST_GAP = 2.1", "_WIDEST_GAP = 3.1"),
        ("_WIDEST_GAP = 2.1", "_WIDEST_GAP = 1.9"),
        ("_NARROWEST_GAP = 0.25", "_NARROWEST_GAP = 0.5"),
        ("_NARROWEST_GAP = 0.25", "_NARROWEST_GAP = 0.1"),
        ("_LARGEST_CANVAS = 3.0", "_LARGEST_CANVAS = 9.0"),
        ("_LARGEST_CANVAS = 3.0", "_LARGEST_CANVAS = 1.2"),
        ("usual, mean = float(np.sort(gaps)[(len(gaps) - 1) // 2])", "usual, mean = float(np.max(gaps))"),
        ("step = float(gaps.min())", "step = float(gaps.mean())"),
        ("np.array([column_mm, row_mm, plane_mm])", "np.array([row_mm, column_mm, plane_mm])"),
        ("share = (plane - low) / (high - low)", "share = (high - plane) / (high - low)"),
        ("+ beyond / self.step_mm[2]", "+ 0 * beyond"),
        ("np.ptp(points_kji[:, 0]) > 1e-3", "np.ptp(points_kji[:, 0]) > 1.0"),
        ("np.floor(self.planes + 0.5)", "np.floor(self.planes)"),
    ),
    *mutants(
        "io/dicom/series.py",
        f"{DICOM}/test_series.py",
        ("_ALIKE_MM, _ALIKE_COSINE = 1e-4,", "_ALIKE_MM, _ALIKE_COSINE = 1e-1,"),
    ),
    *mutants(
        "io/dicom/rtstruct.py",
        f"{DICOM}/test_rtstruct.py",
        ("_OFF_PLANE = 0.1", "_OFF_PLANE = 1.0"),
        ("_ROUNDING = 0.01", "_ROUNDING = 0.0"),
        ("-self.every <= 2 * off[k] < self.every", "-1 <= 2 * off[k] < 1"),
    ),
    *mutants(
        "io/dicom/polygons.py",
        f"{DICOM}/test_rtstruct.py {DICOM}/test_contours.py {DICOM}/test_marks.py",
        ("_COPY_PIXELS = 0.5", "_COPY_PIXELS = 0.0"),
        ("depth % 2 == 0", "True"),
    ),
    *mutants(
        "io/dicom/segmentation_file.py",
        f"{DICOM}/test_segmentation_file.py {DICOM}/test_output.py",
        ("_SAME_PLACE = 0.25", "_SAME_PLACE = 0.05"),
        ("_SAME_PLACE = 0.25", "_SAME_PLACE = 0.6"),
        ("corner[axis] - (size - 1) * is_backwards", "corner[axis] - size * is_backwards"),
    ),
    *mutants(
        "io/dicom/datasets.py", f"{DICOM}/test_rtstruct.py", ("* (-1.0, -1.0, 1.0)", "* (1.0, 1.0, 1.0)")
    ),
    *mutants(
        "io/dicom/series_source.py",
        f"{DICOM}/test_series.py {DICOM}/test_marks.py",
        ("columns_rows[:, ::-1] - 0.5", "columns_rows[:, ::-1]"),
        ("rows_columns[:, ::-1] + 0.5", "rows_columns[:, ::-1]"),
    ),
]

MEASUREMENTS = [
    *mutants(
        "measurements/tumor.py",
        NUMBERS,
        ("np.hypot(*spacing_mm[1:])", "np.hypot(0.0, 0.0)"),
        ("abs(longest_mm - recist_mm) >", "longest_mm - recist_mm >"),
        ("if 0 in mask.start_zyx", "if 1 in mask.start_zyx"),
        ("np.equal(mask.stop_zyx, mask.whole_shape_zyx)", "np.equal(mask.stop_zyx, 0)"),
        ("np.prod(spacing_mm)) / 1000.0", "np.prod(spacing_mm)) / 1024.0"),
    ),
    *mutants("measurements/flags.py", NUMBERS, ("DISAGREEMENT = 0.2", "DISAGREEMENT = 0.22")),
    *mutants(
        "measurements/tumor.py",
        FLAGS,
        ("in_plane_diameters(piece, 1", "in_plane_diameters(mask.voxels, 1"),
        ("if n_pieces > 1:", "if n_pieces > 2:"),
        ("if longest_mm == 0:", "if longest_mm < 0:"),
        ("int(np.count_nonzero(mask.voxels))", "int(mask.voxels.size)"),
    ),
    *mutants(
        "core/short_axis.py",
        FLAGS,
        ("math.radians(60)", "math.radians(64)"),
        ("math.radians(60)", "math.radians(57)"),
        ("width_mm > length_mm + tolerated_mm", "width_mm > length_mm + 3 * tolerated_mm"),
        ("np.maximum(-shares, shares - 1)", "np.maximum(0, shares - 1)"),
        ("np.maximum(-shares, shares - 1)", "np.maximum(-shares, 0)"),
        (".max() <= tolerated_mm", ".max() <= 3 * tolerated_mm"),
        ("[:, :, 1:] * spacing_mm[1:]", "[:, :, 1:]"),
    ),
    *mutants(
        "measurements/confidence.py",
        "tests/unit/measurements/test_confidence.py",
        ("LEVEL = 0.95", "LEVEL = 0.9"),
        ("(len(values) + 1) * LEVEL", "len(values) * LEVEL"),
        ("abs(one.volume) / (1 - one.expected_dice)", "abs(one.volume)"),
        ("self.volume * (1 - expected_dice)", "self.volume"),
    ),
    *mutants("measurements/shape.py", FLAGS, ("_farthest_pair(piece,", "_farthest_pair(mask,")),
    *mutants(
        "core/recist.py",
        "tests/unit/core/test_recist.py",
        ("np.count_nonzero(piece, axis=(1, 2))", "np.count_nonzero(part.voxels, axis=(1, 2))"),
        ("ends[:, 2] += (-0.5, 0.5)", "ends[:, 2] += (0, 1)"),
    ),
    *mutants("segmentation/painting.py", FLAGS, ("one.label in self.recovered", "one.label in ()")),
    *mutants(
        "measurements/intensity.py",
        NUMBERS,
        ("THRESHOLD_HU = -725.0", "THRESHOLD_HU = -750.0"),
        ("_DENSEST = 0.1", "_DENSEST = 0.15"),
        ("float(exact.std())", "float(exact.std(ddof=1))"),
    ),
    *mutants(
        "measurements/shape.py",
        NUMBERS,
        ("_SPHERE_POINTS = 20_000", "_SPHERE_POINTS = 200"),
        ("math.cbrt(36 *", "math.cbrt(30 *"),
        ("area += 2 * share", "area += share"),
        ("round(longest / s)", "round(longest / s / 2)"),
    ),
    *mutants(
        "evaluation/metrics.py",
        "tests/unit/evaluation/test_metrics.py",
        ("FLARE_LOWEST_DSC = 0.2", "FLARE_LOWEST_DSC = 0.3"),
        ("tolerance_mm: float = 2.0", "tolerance_mm: float = 1.0"),
    ),
]

RESPONSE_MUTANTS = [
    *mutants(
        "response/criteria.py",
        RESPONSE,
        ("-0.30, 0.20, 5.0", "-0.31, 0.20, 5.0"),
        ("-0.30, 0.20, 5.0", "-0.30, 0.21, 5.0"),
        ("-0.30, 0.20, 5.0", "-0.30, 0.20, 4.0"),
        ("-0.657, 0.728", "-0.65, 0.728"),
        ("-0.657, 0.728", "-0.657, 0.72"),
        ("-0.35, 0.55", "-0.40, 0.55"),
        ("-0.35, 0.55", "-0.35, 0.60"),
    ),
    *mutants(
        "response/targets.py",
        RESPONSE,
        ("MOST_TARGETS = 5", "MOST_TARGETS = 6"),
        ("MOST_TARGETS_OF_AN_ORGAN = 2", "MOST_TARGETS_OF_AN_ORGAN = 3"),
        ("LEAST_DIAMETER_MM = 10.0", "LEAST_DIAMETER_MM = 9.0"),
        ("LEAST_NODE_SHORT_AXIS_MM = 15.0", "LEAST_NODE_SHORT_AXIS_MM = 14.0"),
        ("NORMAL_NODE_MM = 10.0", "NORMAL_NODE_MM = 9.0"),
        ("THICK_SLICE_MM = 5.0", "THICK_SLICE_MM = 8.0"),
    ),
    *mutants("response/study.py", RESPONSE, ("TOO_SMALL_MM = 5.0", "TOO_SMALL_MM = 4.0")),
    *mutants("response/time_points.py", RESPONSE, ("_NOISE_SDS = 1.96", "_NOISE_SDS = 1.0")),
    *mutants(
        "response/irecist.py",
        "tests/unit/response/test_irecist.py",
        ("Wait(28, 56)", "Wait(27, 56)"),
        ("Wait(28, 56)", "Wait(28, 57)"),
        ("Wait(28, 56)", "Wait(29, 56)"),
        ("Wait(28, 56)", "Wait(28, 55)"),
    ),
    *mutants("response/rates.py", "tests/unit/response/test_rates.py", ("_LEVEL = 0.95", "_LEVEL = 0.90")),
    *mutants(
        "response/matching.py",
        RESPONSE,
        ("NEAR_MM = 20.0", "NEAR_MM = 25.0"),
        ("NEAR_MM = 20.0", "NEAR_MM = 15.0"),
        ("_CLEARLY_NEARER = 2.0", "_CLEARLY_NEARER = 1.5"),
    ),
]

SCANS = [*READING, *DICOM_MUTANTS, *MEASUREMENTS, *RESPONSE_MUTANTS]

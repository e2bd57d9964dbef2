import assert from "node:assert/strict";
import { test } from "node:test";

import { endUnder, insideSlice, isEmpty, measureWords, placeWords, withMeasure } from "#viewer/measures.js";
import { AXIAL_PLANE, CORONAL_PLANE } from "./fake_model.js";

/** @import { Measure, Scan } from "#viewer/contract.d.ts" */

/** @type {Measure} */
const RULER = { kind: "ruler", plane: 1, index: 4, ends: [[2, 10], [5, 30]] };
/** @type {Measure} */
const ROI = { ...RULER, kind: "ROI" };

test("a ruler is as long as its pixels are, in mm", () => {
  assert.deepEqual(measureWords(RULER, CORONAL_PLANE, "HU", undefined), ["25.0 mm"], "3 x 5 mm and 20 x 1 mm");
  assert.deepEqual(measureWords(RULER, AXIAL_PLANE, "HU", undefined), ["20.2 mm"]);
});

test("an ROI tells mean, SD, extremes and area, and nothing that is not known", () => {
  const statistics = { mean: -712.4, sd: 31.26, min: -801, max: 5, voxels: 40, area_mm2: 235.6 };
  assert.deepEqual(measureWords(ROI, CORONAL_PLANE, "HU", statistics), [
    "mean −712, SD 31.3",
    "min −801, max 5.0 HU",
    "236 mm²",
  ]);
  assert.deepEqual(measureWords(ROI, CORONAL_PLANE, "HU", undefined), ["236 mm²"]);
  const empty = { voxels: 0, area_mm2: 235.6 };
  assert.deepEqual(measureWords(ROI, CORONAL_PLANE, "HU", empty), ["236 mm²", "no voxel centre inside"]);
});

test("a measure without length or area is not one", () => {
  assert.ok(isEmpty({ ...RULER, ends: [[2, 10], [2, 10]] }, AXIAL_PLANE));
  assert.ok(!isEmpty({ ...RULER, ends: [[2, 10], [2, 11]] }, AXIAL_PLANE));
  assert.ok(isEmpty({ ...ROI, ends: [[2, 10], [2, 11]] }, AXIAL_PLANE));
});

test("places stay in the slice, to a hundredth of a voxel", () => {
  assert.deepEqual(insideSlice([3.14159, -7], AXIAL_PLANE), [3.14, -0.5]);
  assert.deepEqual(insideSlice([99, 99], AXIAL_PLANE), [19.5, 29.5]);
});

test("an end is found on its own slice, from near", () => {
  const view = { number: 1, shown: 4, layout: () => ({ fromSlice: (/** @type {any} */ [y, x]) => [10 * x, 10 * y] }) };
  const looked = /** @type {Parameters<typeof endUnder>[1]} */ (view);
  assert.deepEqual(endUnder([RULER], looked, [305, 52]), { measure: RULER, end: 1 });
  assert.equal(endUnder([RULER], looked, [200, 35]), null);
  assert.equal(endUnder([RULER], { ...looked, shown: 5 }, [305, 52]), null);
  assert.equal(endUnder([RULER], { ...looked, number: 0 }, [305, 52]), null);
});

test("a corrected measure takes its own place", () => {
  assert.deepEqual(withMeasure([RULER, ROI], { ...RULER }, ROI), [ROI, ROI]);
  assert.deepEqual(withMeasure([RULER], null, ROI), [RULER, ROI]);
});

test("where a measure lies is said, on the prior visit too", () => {
  const scan = /** @type {Scan} */ ({ planes: [AXIAL_PLANE, CORONAL_PLANE, CORONAL_PLANE] });
  assert.equal(placeWords(RULER, scan), "coronal, slice 5");
  assert.equal(placeWords({ ...RULER, plane: 3 }, scan), "prior, axial, slice 5");
});

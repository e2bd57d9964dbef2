import assert from "node:assert/strict";
import { test } from "node:test";

import { discsOf, extended, resized, rounded, sizeFault } from "#viewer/brush.js";
import { AXIAL_PLANE, CORONAL_PLANE } from "./fake_model.js";

/** @import { Place, Stroke } from "#viewer/contract.d.ts" */

/** @type {Stroke} */
const DOT = { label: 1, tool: "brush", plane: 0, index: 4, radius_mm: 5, ball: false, path: [[10, 20]] };

test("a stroke follows the hand, without points that add nothing", () => {
  const longer = extended(DOT, [10, 21.3333]);
  assert.deepEqual(longer.path, [[10, 20], [10, 21.33]]);
  assert.equal(extended(longer, [10.2, 21.5]), longer);
  assert.deepEqual(DOT.path, [[10, 20]]);
});

test("a stroke ends where Python would refuse it", () => {
  const path = Array.from({ length: 2000 }, (_, n) => /** @type {Place} */ ([n, 0]));
  const longest = { ...DOT, path };
  assert.equal(extended(longest, [5000, 0]), longest);
});

test("a hundredth of a voxel is enough", () => {
  assert.deepEqual(rounded([1.23456, -0.001]), [1.23, -0]);
});

test("a brush grows and shrinks by a quarter, from 1 to 200 mm", () => {
  assert.equal(resized(10, 1), 12.5);
  assert.equal(resized(10, -1), 8);
  assert.equal(resized(190, 1), 200);
  assert.equal(resized(1, -1), 1);
  assert.equal(sizeFault(12.5), "");
  for (const size of [0, -3, 201, NaN]) assert.equal(sizeFault(size), "A brush is 1 to 200 mm wide.");
});

test("a ball cuts the other planes in discs, as large as they are there", () => {
  const coronal = { plane: CORONAL_PLANE, index: 13 };
  const [disc] = discsOf({ ...DOT, ball: true }, AXIAL_PLANE, [5, 1, 1], coronal);
  assert.deepEqual(disc, { middle: [4, 20], radius: 4 });
  assert.deepEqual(discsOf(DOT, AXIAL_PLANE, [5, 1, 1], { ...coronal, index: 15 }), [], "it only touches that slice");
  assert.equal(discsOf(DOT, AXIAL_PLANE, [5, 1, 1], { plane: AXIAL_PLANE, index: 4 })[0].radius, 5);
  assert.deepEqual(discsOf(DOT, AXIAL_PLANE, [5, 1, 1], { plane: AXIAL_PLANE, index: 5 }), [], "5 mm away");
});

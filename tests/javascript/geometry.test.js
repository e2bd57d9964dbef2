import assert from "node:assert/strict";
import { test } from "node:test";

import { angleBetween, cross, distanceToLine, lengthMm } from "#viewer/geometry.js";

/** @import { Ends, Point } from "#viewer/contract.d.ts" */

/** @type {Point} */
const SPACING = [5, 0.5, 2];

/** @type {(y0: number, x0: number, y1: number, x1: number) => Ends} */
const stroke = (y0, x0, y1, x1) => [[4, y0, x0], [4, y1, x1]];

test("a length is in mm: each axis by its own spacing", () => {
  assert.equal(lengthMm(stroke(0, 0, 6, 2), SPACING), 5); // 3 mm down, 4 mm across
  assert.equal(lengthMm([[2, 7, 7], [4, 7, 7]], SPACING), 10);
});

test("an angle is the patient's, not the voxel grid's, and at most 90 degrees", () => {
  const close = (/** @type {number} */ a, /** @type {number} */ b) =>
    assert.ok(Math.abs(a - b) < 1e-9, `${a}, not ${b}`);
  const across = stroke(0, 0, 0, 10);
  close(angleBetween(across, stroke(0, 0, 8, 2), SPACING), 45); // 4 mm by 4 mm
  close(angleBetween(across, stroke(0, 0, 8, -2), SPACING), 45);
  close(angleBetween(across, stroke(9, 3, 2, 3), SPACING), 90);
  close(angleBetween(across, stroke(5, 9, 5, 1), SPACING), 0);
});

test("strokes cross if they share a point; the ends count", () => {
  const line = stroke(10, 10, 10, 30);
  assert.ok(cross(line, stroke(5, 20, 15, 20)));
  assert.ok(cross(line, stroke(10, 20, 20, 20)), "an end on the line");
  assert.ok(cross(line, stroke(5, 30, 15, 30)), "through an end of the line");
  assert.ok(!cross(line, stroke(11, 20, 20, 20)), "stops before it");
  assert.ok(!cross(line, stroke(5, 31, 15, 31)), "passes beside it");
  assert.ok(!cross(line, stroke(12, 10, 12, 30)), "parallel");
  assert.ok(!cross(line, stroke(10, 15, 10, 25)), "upon it");
});

test("the distance to a stroke ends at its ends", () => {
  assert.equal(distanceToLine([5, 3], [[0, 0], [10, 0]]), 3);
  assert.equal(distanceToLine([13, 4], [[0, 0], [10, 0]]), 5);
  assert.equal(distanceToLine([3, 4], [[0, 0], [0, 0]]), 5, "a stroke that is a point");
});

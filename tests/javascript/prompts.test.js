import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bandOf,
  edgeFault,
  FIRST,
  fittedTo,
  hasPrompts,
  INSIDE,
  LAST,
  OUTSIDE,
  pointFault,
  promptsText,
  withEdge,
  withPoint,
} from "#viewer/prompts.js";
import { makeMark } from "./fake_model.js";

test("the last word on a voxel counts: a + takes the place of a − there, and of a + in the same voxel", () => {
  const before = makeMark(1, { inside_zyx: [[4, 1, 1], [4, 2, 2.3]], outside_zyx: [[4, 3, 3]] });
  const plus = withPoint(before, INSIDE, [4, 3, 3]);
  assert.deepEqual([plus[INSIDE], plus[OUTSIDE]], [[[4, 1, 1], [4, 2, 2.3], [4, 3, 3]], []]);
  const minus = withPoint(before, OUTSIDE, [4, 2, 2]);
  assert.deepEqual([minus[INSIDE], minus[OUTSIDE]], [[[4, 1, 1]], [[4, 3, 3], [4, 2, 2]]]);
  assert.deepEqual(before[INSIDE].length, 2, "the mark before is left as it was, for undo");
});

test("a + beyond the lesion's slices, or in another lesion's +, is refused; a − never is", () => {
  const mark = makeMark(1, { first_slice: 3, last_slice: 6 });
  const other = makeMark(2, { inside_zyx: [[5, 8, 8]] });
  assert.equal(pointFault(mark, INSIDE, [6, 8, 8], [mark, other]), "");
  assert.equal(
    pointFault(mark, INSIDE, [7, 8, 8], [mark, other]),
    "Slice 8 lies beyond slice 7, where lesion 1 stops: move that first.",
  );
  assert.match(pointFault(mark, INSIDE, [2, 8, 8], []), /^Slice 3 lies beyond slice 4/);
  assert.equal(pointFault(mark, INSIDE, [5, 8, 8], [mark, other]), "That voxel is a + of lesion 2.");
  assert.equal(pointFault(mark, OUTSIDE, [7, 8, 8], [mark, other]), "");
});

test("a lesion's first slice is told, told again it is not known", () => {
  const told = withEdge(makeMark(1), FIRST, 3);
  assert.equal(told[FIRST], 3);
  assert.equal(withEdge(told, FIRST, 2)[FIRST], 2);
  assert.equal(withEdge(told, FIRST, 3)[FIRST], null);
  assert.equal(told[LAST], null);
});

test("a lesion does not stop before its line or its +, and the reader is told so, with slices counted from 1", () => {
  const mark = makeMark(1, { inside_zyx: [[2, 9, 9]] });
  assert.equal(edgeFault(mark, FIRST, 2), "");
  assert.equal(edgeFault(mark, FIRST, 3), "A + of lesion 1 lies beyond, on slice 3.");
  assert.equal(edgeFault(mark, FIRST, 5), "The line of lesion 1 lies beyond, on slice 5.");
  assert.equal(edgeFault(mark, LAST, 4), "");
  assert.equal(edgeFault(mark, LAST, 3), "The line of lesion 1 lies beyond, on slice 5.");
});

test("a line drawn again on another slice keeps the slices that it does not contradict", () => {
  const mark = makeMark(1, { first_slice: 3, last_slice: 6 });
  assert.deepEqual(fittedTo(mark, 6), mark);
  assert.deepEqual(fittedTo(mark, 7), { ...mark, last_slice: null });
  assert.deepEqual(fittedTo(mark, 2), { ...mark, first_slice: null });
});

test("the table says in a few words what was told", () => {
  assert.equal(promptsText(makeMark(1), 1), "");
  assert.ok(!hasPrompts(makeMark(1)));
  const told = makeMark(1, {
    first_slice: 33,
    last_slice: 47,
    inside_zyx: [[40, 1, 1]],
    outside_zyx: [[1, 1, 1], [2, 2, 2]],
  });
  assert.equal(promptsText(told, 1), "+1 −2 · slices 34 to 48");
  assert.ok(hasPrompts(told));
  const [first, last] = [makeMark(1, { first_slice: 0 }), makeMark(1, { last_slice: 0 })];
  assert.deepEqual([first, last].map((mark) => promptsText(mark, 1)), ["begins on slice 1", "ends on slice 1"]);
  assert.deepEqual([first, last].map((mark) => promptsText(mark, -1)), ["ends on slice 1", "begins on slice 1"]);
});

test("the band under the slider runs from head to feet; an end that is not told is open", () => {
  const mark = makeMark(1, { first_slice: 2 }); // its line is on slice 4 of 0 to 10
  assert.deepEqual(bandOf(mark, 11, 1), { from: 0.2, to: 1, line: 0.4, open: [false, true] });
  assert.deepEqual(bandOf(mark, 11, -1), { from: 0, to: 0.8, line: 0.6, open: [true, false] });
  assert.deepEqual(bandOf(makeMark(1, { endpoints_zyx: [[0, 1, 1], [0, 1, 9]] }), 1, 1).line, 0, "one slice alone");
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { clickPoint, targetOf, tellEdge } from "#viewer/correcting.js";
import { MarkList } from "#viewer/mark_list.js";
import { PlaneMouse } from "#viewer/plane_mouse.js";
import { INSIDE, OUTSIDE } from "#viewer/prompts.js";
import { FakeModel, makeMark } from "./fake_model.js";

/** @import { Mark, Place, Point } from "#viewer/contract.d.ts" */

/**
 * A viewer on slice 5, and what it said.
 * @param {Mark[]} marks
 * @param {{ selected?: number, caudal?: number }} more
 */
function viewerOf(marks, { selected = 0, caudal = -1 } = {}) {
  const list = new MarkList(new FakeModel({ marks }), () => {});
  /** @type {string[]} */
  const said = [];
  const viewer = {
    marks: list,
    selected,
    caudal,
    cursor: /** @type {Point} */ ([5, 20, 20]),
    said,
    say: (/** @type {string} */ words) => void said.push(words),
    /** @type {(mark: Mark, cursor?: Point) => void} */
    correct: () => {},
  };
  viewer.correct = (mark, cursor = viewer.cursor) => {
    viewer.cursor = cursor;
    list.put(mark);
  };
  return viewer;
}

/** Slice 5, ten pixels a voxel. */
const VIEW = {
  shown: 5,
  plane: { cut: 0 },
  toScreen: (/** @type {Point} */ [, y, x]) => /** @type {Place} */ ([10 * x, 10 * y]),
  toVoxel: (/** @type {Place} */ [x, y]) => /** @type {Point} */ ([5, Math.round(y / 10), Math.round(x / 10)]),
};

test("corrections are of the selected lesion, or of the only one", () => {
  assert.equal(targetOf(viewerOf([makeMark(1), makeMark(2)], { selected: 2 }))?.label, 2);
  assert.equal(targetOf(viewerOf([makeMark(7)]))?.label, 7);
  assert.equal(targetOf(viewerOf([makeMark(1), makeMark(2)])), undefined);
});

test("without a lesion the reader is told what to do first", () => {
  const empty = viewerOf([]);
  clickPoint(empty, INSIDE, VIEW, [100, 100]);
  assert.deepEqual(empty.said, ["Draw a line first."]);
  const two = viewerOf([makeMark(1), makeMark(2)]);
  tellEdge(two, "begins");
  assert.deepEqual(two.said, ["Which lesion? Click its line or its row first."]);
  assert.equal(two.marks.done.length, 0);
});

test("a click sets a point and goes there; a click on its sign takes it away; both are undone", () => {
  const viewer = viewerOf([makeMark(1)]);
  clickPoint(viewer, OUTSIDE, VIEW, [302, 98]);
  assert.deepEqual(viewer.marks.current[0][OUTSIDE], [[5, 10, 30]]);
  assert.deepEqual(viewer.cursor, [5, 10, 30]);
  clickPoint(viewer, INSIDE, VIEW, [306, 104]);
  assert.deepEqual(viewer.marks.current[0], makeMark(1));
  viewer.marks.undo();
  assert.deepEqual(viewer.marks.current[0][OUTSIDE], [[5, 10, 30]]);
  viewer.marks.undo();
  assert.deepEqual(viewer.marks.current[0], makeMark(1));
  assert.deepEqual(viewer.said, []);
});

/**
 * A mouse over `VIEW`, its viewer, and a click with it.
 * @param {Mark[]} marks
 */
function mouseOver(marks) {
  const viewer = viewerOf(marks);
  const layout = () => ({ holds: () => true });
  const view = /** @type {any} */ ({ ...VIEW, viewer, layout, canvas: { addEventListener: () => {} } });
  const mouse = new PlaneMouse(view);
  /** @type {(place: Place, timeStamp: number, more?: { tool?: string, reach?: number, isTrusted?: boolean }) => void} */
  const click = (from, timeStamp, { tool = "plus", reach = 0, isTrusted = true } = {}) =>
    mouse.click(/** @type {any} */ ({ tool, from, reach }), /** @type {any} */ ({ timeStamp, isTrusted }));
  return { viewer, view, click };
}

test("two quick clicks in one place are one; elsewhere, both count", () => {
  const { viewer, click } = mouseOver([makeMark(1)]);
  click([300, 100], 1000);
  click([306, 103], 1150);
  assert.deepEqual(viewer.marks.current[0][INSIDE], [[5, 10, 30]]);
  click([320, 100], 1200);
  assert.deepEqual(viewer.marks.current[0][INSIDE], [[5, 10, 30], [5, 10, 32]]);
  click([320, 100], 1700);
  assert.deepEqual(viewer.marks.current[0][INSIDE], [[5, 10, 30]]);
});

test("a quick click on another slice, with the other sign, after a drag or by a key is a click", () => {
  const { viewer, view, click } = mouseOver([makeMark(1)]);
  click([300, 100], 1000, { reach: 30 });
  click([300, 100], 1100);
  assert.deepEqual(viewer.marks.current[0][INSIDE], [[5, 10, 30]]);
  view.shown = 6;
  view.toVoxel = (/** @type {Place} */ [x, y]) => [6, y / 10, x / 10];
  click([300, 100], 1200);
  assert.deepEqual(viewer.marks.current[0][INSIDE], [[5, 10, 30], [6, 10, 30]]);
  click([300, 100], 1300, { tool: "minus" });
  assert.deepEqual(viewer.marks.current[0][INSIDE], [[5, 10, 30]]);
  click([300, 100], 1400, { tool: "minus", isTrusted: false });
  assert.deepEqual(viewer.marks.current[0][OUTSIDE], [[6, 10, 30]]);
});

test("a sign of another slice is not under the mouse", () => {
  const viewer = viewerOf([makeMark(1, { inside_zyx: [[6, 10, 30]] })]);
  clickPoint(viewer, INSIDE, VIEW, [300, 100]);
  assert.deepEqual(viewer.marks.current[0][INSIDE], [[6, 10, 30], [5, 10, 30]]);
});

test("a lesion begins towards the head, however the scan is stored", () => {
  const fromFeet = viewerOf([makeMark(1)]); // higher slices are nearer to the head
  tellEdge(fromFeet, "begins");
  assert.deepEqual([fromFeet.marks.current[0].first_slice, fromFeet.marks.current[0].last_slice], [null, 5]);
  const fromHead = viewerOf([makeMark(1)], { caudal: 1 });
  tellEdge(fromHead, "ends");
  assert.deepEqual([fromHead.marks.current[0].first_slice, fromHead.marks.current[0].last_slice], [null, 5]);
  assert.deepEqual(fromHead.said, ["Lesion 1 ends on slice 6"]);
  tellEdge(fromHead, "ends");
  assert.equal(fromHead.marks.current[0].last_slice, null);
  assert.equal(fromHead.said[1], "Where lesion 1 ends is not known any more");
});

test("what contradicts the line is refused in words", () => {
  const viewer = viewerOf([makeMark(1)]); // its line is on slice 4, towards the feet
  tellEdge(viewer, "ends");
  assert.deepEqual(viewer.said, ["The line of lesion 1 lies beyond, on slice 5."]);
  assert.equal(viewer.marks.done.length, 0);
});

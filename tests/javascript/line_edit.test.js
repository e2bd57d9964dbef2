import assert from "node:assert/strict";
import { test } from "node:test";

import { edited, editedLines, grabbed, touched } from "#viewer/line_edit.js";
import { MarkList } from "#viewer/mark_list.js";
import { FakeModel, makeMark } from "./fake_model.js";

/** @import { Ends, Mark, Place, Point } from "#viewer/contract.d.ts" */
/** @import { Edit } from "#viewer/line_edit.js" */

/** @type {Point} */
const SHAPE = [8, 64, 64];
/** @type {Ends} crosses the line of `makeMark`, which runs in y = 10 from x = 10 to 30 */
const SHORT = [[4, 6, 20], [4, 14, 20]];

/**
 * A view of slice 4, ten pixels a voxel.
 * @param {Mark[]} marks
 * @param {{ selected?: number, tool?: string, redrawing?: boolean }} viewer
 */
function viewOf(marks, { selected = 0, tool = "line", redrawing = false } = {}) {
  return {
    shown: 4,
    viewer: { marks: new MarkList(new FakeModel({ marks }), () => {}), selected, tool, redrawing },
    toScreen: (/** @type {Point} */ [, y, x]) => /** @type {Place} */ ([10 * x, 10 * y]),
    toVoxel: (/** @type {Place} */ [x, y]) => /** @type {Point} */ ([4, Math.round(y / 10), Math.round(x / 10)]),
  };
}

/**
 * What a press at a place and a drag to a voxel make of a mark.
 * @param {ReturnType<typeof viewOf>} view
 * @param {Place} at
 * @param {Point} to
 * @param {boolean} shift
 */
function dragged(view, at, to, shift = false) {
  const edit = grabbed(view, at, shift);
  assert.ok(edit);
  return edited(edit, to, SHAPE);
}

test("a drag where nothing is draws a new line", () => {
  const mark = dragged(viewOf([makeMark(1)]), [500, 400], [4, 50, 60]);
  assert.deepEqual([mark.label, mark.endpoints_zyx], [0, [[4, 40, 50], [4, 50, 60]]]);
});

test("an end that is dragged leaves the other one alone", () => {
  const mark = dragged(viewOf([makeMark(1)]), [296, 107], [4, 20, 33]);
  assert.deepEqual([mark.label, mark.endpoints_zyx], [1, [[4, 10, 10], [4, 20, 33]]]);
});

test("a line that is dragged takes its short axis along", () => {
  const mark = dragged(viewOf([makeMark(1, { short_axis_zyx: SHORT })]), [150, 104], [4, 13, 17]);
  assert.deepEqual(mark.endpoints_zyx, [[4, 13, 12], [4, 13, 32]]);
  assert.deepEqual(mark.short_axis_zyx, [[4, 9, 22], [4, 17, 22]]);
});

test("a short axis that is dragged leaves its line alone", () => {
  const mark = dragged(viewOf([makeMark(1, { short_axis_zyx: SHORT })]), [204, 80], [4, 9, 22]);
  assert.deepEqual(mark.endpoints_zyx, makeMark(1).endpoints_zyx);
  assert.deepEqual(mark.short_axis_zyx, [[4, 7, 22], [4, 15, 22]]);
});

test("a line that is dragged keeps its length at the scan's border", () => {
  const mark = dragged(viewOf([makeMark(1)]), [200, 100], [4, 63, 63]);
  assert.deepEqual(mark.endpoints_zyx, [[4, 63, 43], [4, 63, 63]]);
  assert.deepEqual(dragged(viewOf([makeMark(1)]), [200, 100], [4, 0, 0]).endpoints_zyx, [[4, 0, 0], [4, 0, 20]]);
});

test("lines of other slices are not touched", () => {
  const elsewhere = makeMark(1, { endpoints_zyx: [[5, 10, 10], [5, 10, 30]] });
  assert.equal(touched(viewOf([elsewhere]), [100, 100]), null);
});

test("where lesions lie upon each other, the selected one is held", () => {
  const both = [makeMark(1), makeMark(2)];
  assert.equal(touched(viewOf(both, { selected: 2 }), [100, 100])?.mark.label, 2);
  assert.equal(touched(viewOf(both, { selected: 1 }), [100, 100])?.mark.label, 1);
});

test("a redrawn line keeps name and label, and loses the short axis, which was the old line's", () => {
  const old = makeMark(5, { name: "node", short_axis_zyx: SHORT });
  for (const [viewer, shift] of /** @type {const} */ ([[{ redrawing: true }, false], [{}, true]])) {
    const mark = dragged(viewOf([old], { selected: 5, ...viewer }), [500, 400], [4, 50, 60], shift);
    assert.deepEqual([mark.label, mark.name, mark.short_axis_zyx], [5, "node", null]);
  }
});

test("a short axis belongs to the line that its stroke crosses, not to the selected one", () => {
  const other = makeMark(2, { endpoints_zyx: [[4, 50, 10], [4, 50, 30]] });
  const view = viewOf([makeMark(1), other], { tool: "short axis", selected: 2 });
  const mark = dragged(view, [200, 60], [4, 14, 20]);
  assert.deepEqual([mark.label, mark.short_axis_zyx], [1, SHORT]);
  const nobodys = dragged(view, [400, 60], [4, 14, 40]);
  assert.deepEqual([nobodys.label, nobodys.endpoints_zyx], [0, null]);
});

test("without a line on the slice there is nothing to draw a short axis across", () => {
  assert.equal(grabbed(viewOf([], { tool: "short axis" }), [200, 60], false), null);
});

test("with the short axis tool a stroke may begin on the line, but an end is still held", () => {
  const view = viewOf([makeMark(1)], { tool: "short axis" });
  assert.equal(grabbed(view, [200, 100], false)?.fresh, true);
  assert.equal(grabbed(view, [300, 100], false)?.fresh, false);
});

test("an edit says which lines it changes", () => {
  const lines = (/** @type {Edit | null} */ edit) => edit && editedLines(edit);
  const view = viewOf([makeMark(1, { short_axis_zyx: SHORT })]);
  assert.deepEqual(lines(touched(view, [200, 60])), ["short_axis_zyx"]);
  assert.deepEqual(lines(touched(view, [150, 100])), ["endpoints_zyx", "short_axis_zyx"]);
});

test("lines stay on the slice where they were taken hold of, wherever the wheel turns to", () => {
  const marks = [makeMark(1, { short_axis_zyx: SHORT })];
  const ends = (/** @type {Place} */ at, tool = "line") => {
    const mark = dragged(viewOf(marks, { tool }), at, [6, 20, 33]);
    return [...(mark.endpoints_zyx ?? []), ...(mark.short_axis_zyx ?? [])].map(([z]) => z);
  };
  /** @type {Place[]} an end, the whole line, an end of the short axis, nothing */
  const places = [[296, 107], [150, 104], [200, 60], [500, 400]];
  for (const at of places) assert.deepEqual(new Set(ends(at)), new Set([4]));
  assert.deepEqual(new Set(ends([250, 50], "short axis")), new Set([4]));
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { MarkList } from "#viewer/mark_list.js";
import { FakeModel, makeMark } from "./fake_model.js";

/** @import { Mark, Stroke } from "#viewer/contract.d.ts" */

/** @param {Mark[]} marks */
function listOf(...marks) {
  const model = new FakeModel({ marks });
  const changes = { n: 0 };
  const list = new MarkList(model, () => (changes.n += 1));
  return { model, list, changes, labels: () => list.current.map((mark) => mark.label) };
}

test("each edit goes to Python at once", () => {
  const { model, list } = listOf(makeMark(1));
  list.put(makeMark(2));
  assert.deepEqual(model.saved.marks?.map((mark) => mark.label), [1, 2]);
  list.change(2, { name: "node" });
  assert.deepEqual(model.saved.marks?.map((mark) => mark.name), ["", "node"]);
  list.remove(1);
  assert.deepEqual(model.saved.marks?.map((mark) => mark.label), [2]);
});

test("edits are undone and redone one by one, and an edit after undoing ends what could be redone", () => {
  const { list, labels, model } = listOf(makeMark(1));
  list.put(makeMark(2));
  list.remove(1);
  list.undo();
  assert.deepEqual(labels(), [1, 2]);
  list.undo();
  assert.deepEqual(labels(), [1]);
  assert.equal(list.undo(), false);
  assert.deepEqual(labels(), [1], "there was nothing before");
  assert.equal(list.redo(), true);
  assert.deepEqual(labels(), [1, 2]);
  assert.deepEqual(model.saved.marks, list.current);
  list.put(makeMark(3));
  list.redo();
  assert.deepEqual(labels(), [1, 2, 3]);
});

test("marks that Python sets can be undone; Python's answer to an edit is no edit", () => {
  const { model, list, labels, changes } = listOf(makeMark(1));
  model.set("marks", [makeMark(7)]);
  assert.deepEqual(labels(), [7]);
  assert.equal(changes.n, 1);
  list.undo();
  assert.deepEqual(labels(), [1]);
  const answer = structuredClone(list.current);
  model.set("marks", answer);
  list.redo();
  assert.deepEqual(labels(), [7], "redo is still there");
});

test("a changed mark keeps its place in the table, its ends in Python's order", () => {
  const { list, labels } = listOf(makeMark(2), makeMark(1));
  list.put(makeMark(2, { endpoints_zyx: [[4, 30, 5], [4, 8, 9]], short_axis_zyx: [[4, 9, 9], [4, 9, 2]] }));
  assert.deepEqual(labels(), [2, 1]);
  assert.deepEqual(list.find(2)?.endpoints_zyx, [[4, 8, 9], [4, 30, 5]]);
  assert.deepEqual(list.find(2)?.short_axis_zyx, [[4, 9, 2], [4, 9, 9]]);
});

test("a new lesion gets the lowest label that is free", () => {
  assert.equal(listOf().list.freeLabel(), 1);
  assert.equal(listOf(makeMark(3), makeMark(1)).list.freeLabel(), 2);
});

test("deleting a lesion that is not there is nothing to undo", () => {
  const { list } = listOf(makeMark(1));
  list.remove(5);
  assert.equal(list.done.length, 0);
});

test("a label is a free whole number of 16 bits, or told why not", () => {
  const { list } = listOf(makeMark(1));
  assert.equal(list.labelFault(65535), "");
  assert.equal(list.labelFault(1), "There is a lesion 1 already.");
  for (const wanted of [0, -1, 1.5, 65536, NaN]) {
    assert.equal(list.labelFault(wanted), `A label is a whole number from 1 to 65535, not ${wanted}.`);
  }
});

/** @type {Stroke} */
const STROKE = { label: 1, tool: "brush", plane: 0, index: 4, radius_mm: 5, ball: false, path: [[1, 2]] };

test("a stroke is an edit like others: it goes to Python, is undone and redone", () => {
  const { list, model } = listOf(makeMark(1));
  list.addEdit(STROKE);
  assert.deepEqual(model.saved.edits, [STROKE]);
  list.put(makeMark(2));
  assert.equal(list.done.length, 2, "marks and strokes that are set together are one edit");
  list.undo();
  list.undo();
  assert.deepEqual([list.edits, list.current.length], [[], 1]);
  assert.deepEqual(model.saved.edits, []);
  list.redo();
  assert.deepEqual(model.saved.edits, [STROKE]);
});

test("strokes go with their lesion: another label, deleted, brought back", () => {
  const { list } = listOf(makeMark(1), makeMark(2));
  list.addEdit(STROKE);
  list.addEdit({ ...STROKE, label: 2 });
  list.change(1, { label: 7 });
  assert.deepEqual(list.edits.map(({ label }) => label), [7, 2]);
  list.remove(7);
  assert.deepEqual(list.edits.map(({ label }) => label), [2]);
  list.undo();
  list.removeHand(2);
  assert.deepEqual(list.edits.map(({ label }) => label), [7]);
});

test("a slider's moves are one edit until it is let go, and each goes to Python", () => {
  const { list, model } = listOf(makeMark(1), makeMark(2));
  list.setThreshold(1, 0.5, false);
  list.setThreshold(1, 1, false);
  assert.deepEqual(model.saved.thresholds, { 1: 1 });
  list.setThreshold(1, 1.5, true);
  list.setThreshold(2, -1, true);
  list.setThreshold(2, -1, true);
  list.setThreshold(1, 2, true);
  assert.equal(list.done.length, 3, "one for each time that a slider was let go elsewhere");
  list.undo();
  assert.deepEqual(model.saved.thresholds, { 1: 1.5, 2: -1 });
  list.undo();
  list.undo();
  assert.deepEqual(model.saved.thresholds, {});
});

test("a threshold goes with its lesion: another label, deleted, taken away with what was made by hand", () => {
  const { list, model } = listOf(makeMark(1), makeMark(2));
  list.setThreshold(1, 0.5, true);
  list.change(1, { label: 7 });
  assert.deepEqual(model.saved.thresholds, { 7: 0.5 });
  list.remove(7);
  assert.deepEqual(model.saved.thresholds, {});
  list.undo();
  list.removeHand(7);
  assert.deepEqual(model.saved.thresholds, {});
});

test("what Python's tools add is an edit that is undone like others", () => {
  const { list, model } = listOf(makeMark(1));
  list.addEdit(STROKE);
  model.set("edits", [STROKE, { ...STROKE, tool: "smooth" }]);
  list.undo();
  assert.deepEqual(model.saved.edits, [STROKE]);
});

test("whoever shows the marks is told of each edit once", () => {
  const { list, changes } = listOf(makeMark(1));
  list.addEdit(STROKE);
  list.remove(1);
  assert.equal(changes.n, 2);
});

test("a closed list listens no more", () => {
  const { model, list } = listOf();
  list.close();
  assert.equal(model.listeners.length, 0);
});

test("a page that is loaded again undoes and redoes what Python has noted", () => {
  const { model, list, labels } = listOf(makeMark(1), makeMark(2));
  assert.deepEqual(model.sent, [{ kind: "history" }]);
  const work = (/** @type {Mark[]} */ ...marks) => ({ marks, edits: [], thresholds: {}, measures: [] });
  const all = [makeMark(1), makeMark(2), makeMark(3)];
  model.tell("msg:custom", { kind: "history", done: [work(), work(makeMark(1))], undone: [work(...all)] });
  list.redo();
  assert.deepEqual(labels(), [1, 2, 3]);
  list.undo();
  list.undo();
  assert.deepEqual(labels(), [1]);
  list.undo();
  assert.deepEqual(labels(), []);
});

test("an answer that comes after the first edit is too late", () => {
  const { model, list, labels } = listOf(makeMark(1));
  list.put(makeMark(2));
  model.tell("msg:custom", {
    kind: "history",
    done: [],
    undone: [{ marks: [], edits: [], thresholds: {}, measures: [] }],
  });
  list.undo();
  assert.deepEqual(labels(), [1]);
});

test("a refused change is not a step: undo brings back the work before it, redo the work that was undone", () => {
  const { model, list, labels } = listOf(makeMark(1));
  const refused = (/** @type {() => void} */ action) => {
    const work = structuredClone(list.state);
    action();
    model.tell("msg:custom", { kind: "refused", work });
    model.set("marks", structuredClone(work.marks));
  };
  list.put(makeMark(2));
  refused(() => {
    list.put(makeMark(3));
    list.put(makeMark(4)); // before Python has answered
  });
  assert.deepEqual(labels(), [1, 2]);
  list.undo();
  assert.deepEqual(labels(), [1]);
  refused(() => list.redo());
  assert.deepEqual(labels(), [1]);
  assert.equal(list.redo(), false, "it was refused");
  assert.equal(list.undo(), false, "a refused redo is not a step");
});

test("what Python sets while an error is shown can be undone", () => {
  const { model, list, labels } = listOf(makeMark(1));
  list.put(makeMark(2));
  model.set("error", "segmentation failed");
  model.set("marks", [makeMark(1)]);
  list.undo();
  assert.deepEqual(labels(), [1, 2]);
});

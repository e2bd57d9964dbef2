import assert from "node:assert/strict";
import { test } from "node:test";

import { pressKey } from "#viewer/keys.js";
import { MarkList } from "#viewer/mark_list.js";
import { FakeModel, makeMark } from "./fake_model.js";

/** A marker of 8 slices and two lesions, the second one selected, and what keys made it do. */
function keyed() {
  /** @type {unknown[][]} */
  const done = [];
  const marks = new MarkList(new FakeModel({ marks: [makeMark(1), makeMark(2)] }), () => {});
  return {
    done,
    marks,
    selected: 2,
    scan: { shape_zyx: /** @type {[number, number, number]} */ ([8, 64, 64]) },
    scroll: (/** @type {unknown[]} */ ...step) => done.push(["scroll", ...step]),
    setSlice: (/** @type {unknown[]} */ ...slice) => done.push(["slice", ...slice]),
    giveUp: () => done.push(["give up"]),
  };
}

/**
 * Press a key; whether the page may still do its own with it, and whether the notebook hears of it.
 * @param {ReturnType<typeof keyed>} marker
 * @param {string} key
 * @param {Partial<KeyboardEvent>} modifiers
 * @param {boolean} inField whether a text field has the focus
 */
function press(marker, key, modifiers = {}, inField = false) {
  const left = { page: true, notebook: true };
  const event = {
    key,
    ...modifiers,
    target: { matches: () => inField },
    preventDefault: () => (left.page = false),
    stopPropagation: () => (left.notebook = false),
  };
  pressKey(marker, /** @type {any} */ (event));
  return left;
}

test("keys scroll by one slice, by ten, and to the ends", () => {
  const marker = keyed();
  for (const key of ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", "Escape"]) {
    assert.deepEqual(press(marker, key), { page: false, notebook: false });
  }
  const scrolled = [["scroll", 0, -1], ["scroll", 0, 1], ["scroll", 0, -10], ["scroll", 0, 10]];
  assert.deepEqual(marker.done, [...scrolled, ["slice", 0, 0], ["slice", 0, 7], ["give up"]]);
});

test("the selected lesion is deleted, and comes back with Ctrl+Z or Cmd+Z", () => {
  const marker = keyed();
  const labels = () => marker.marks.current.map((mark) => mark.label);
  press(marker, "Delete");
  assert.deepEqual(labels(), [1]);
  press(marker, "z", { ctrlKey: true });
  assert.deepEqual(labels(), [1, 2]);
  press(marker, "Z", { ctrlKey: true, shiftKey: true });
  assert.deepEqual(labels(), [1]);
  press(marker, "z", { metaKey: true });
  press(marker, "y", { ctrlKey: true });
  assert.deepEqual(labels(), [1]);
});

test("shortcuts that are not the viewer's are the notebook's, its plain letters are not", () => {
  const marker = keyed();
  assert.deepEqual(press(marker, "s", { ctrlKey: true }), { page: true, notebook: true });
  assert.deepEqual(press(marker, "ArrowUp", { altKey: true }), { page: true, notebook: true });
  assert.deepEqual(press(marker, "d"), { page: true, notebook: false });
  assert.deepEqual(marker.done, []);
});

test("in a text field, keys edit the text and no lesion", () => {
  const marker = keyed();
  assert.deepEqual(press(marker, "Backspace", {}, true), { page: true, notebook: false });
  press(marker, "z", { ctrlKey: true }, true);
  press(marker, "Home", {}, true);
  assert.deepEqual(marker.marks.current.length, 2);
  assert.deepEqual(marker.done, []);
});

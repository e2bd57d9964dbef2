import assert from "node:assert/strict";
import { test } from "node:test";

import { Display } from "#viewer/display.js";
import { COMMANDS, pressKey, SHORTCUTS } from "#viewer/keys.js";
import { AXIAL_PLANE, CORONAL_PLANE } from "./fake_model.js";

/** A viewer of 8 slices, and what keys made it do. */
function keyed() {
  /** @type {unknown[][]} */
  const done = [];
  return {
    done,
    scan: { planes: [{ ...AXIAL_PLANE, n_slices: 8 }, CORONAL_PLANE] },
    large: 0,
    setTool: (/** @type {string} */ tool) => done.push(["tool", tool]),
    tellEdge: (/** @type {string} */ which) => done.push(["edge", which]),
    display: new Display(() => done.push(["display"])),
    showMasks: true,
    show: (/** @type {{ masks: boolean }} */ what) => done.push(["show", what]),
    say: (/** @type {string} */ words) => done.push(["say", words]),
    keyboardMouse: {
      step: (/** @type {number[]} */ ...step) => done.push(["step", ...step]),
      press: () => done.push(["press"]),
    },
    scroll: (/** @type {unknown[]} */ ...step) => done.push(["scroll", ...step]),
    setSlice: (/** @type {unknown[]} */ ...slice) => done.push(["slice", ...slice]),
    resizeBrush: (/** @type {number} */ step) => done.push(["brush", step]),
    hand: {
      toggleBall: () => done.push(["ball"]),
      use: (/** @type {string} */ tool) => done.push(["use", tool]),
    },
    choosePreset: (/** @type {number} */ number) => done.push(["preset", number]),
    selectNext: (/** @type {number} */ step) => done.push(["select", step]),
    removeSelected: () => done.push(["remove"]),
    undo: () => done.push(["undo"]),
    redo: () => done.push(["redo"]),
    nextLayout: () => done.push(["layout"]),
    toggleFullScreen: () => done.push(["full screen"]),
    toggleKeyMap: () => done.push(["key map"]),
    giveUp: () => done.push(["give up"]),
  };
}

/**
 * Press a key; whether the page may still do its own with it, and whether the notebook hears of it.
 * @param {ReturnType<typeof keyed>} viewer
 * @param {string} key
 * @param {Partial<KeyboardEvent>} modifiers
 * @param {{ matches: (selector: string) => boolean }} target the element that has the focus
 */
function press(viewer, key, modifiers = {}, target = { matches: () => false }) {
  const left = { page: true, notebook: true };
  const event = {
    key,
    ...modifiers,
    target,
    preventDefault: () => (left.page = false),
    stopPropagation: () => (left.notebook = false),
  };
  pressKey(viewer, /** @type {any} */ (event));
  return left;
}

test("keys scroll by one slice, by ten, and to the ends", () => {
  const viewer = keyed();
  for (const key of ["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", "Escape"]) {
    assert.deepEqual(press(viewer, key), { page: false, notebook: false });
  }
  const scrolled = [["scroll", 0, -1], ["scroll", 0, 1], ["scroll", 0, -10], ["scroll", 0, 10]];
  assert.deepEqual(viewer.done, [...scrolled, ["slice", 0, 7], ["slice", 0, 0], ["give up"]], "the head is slice 7");
});

test("keys scroll the plane that is large", () => {
  const viewer = { ...keyed(), large: 1 };
  for (const key of ["ArrowDown", "Home", "End"]) press(viewer, key);
  assert.deepEqual(viewer.done, [["scroll", 1, 1], ["slice", 1, 0], ["slice", 1, 9]]);
});

test("letters choose tools and tell where a lesion stops, with caps lock too", () => {
  const viewer = keyed();
  for (const key of ["l", "S", "+", "=", "-", "r", "x", "b", "E", ",", "."]) press(viewer, key);
  const tools = ["line", "short axis", "plus", "plus", "minus", "brush", "eraser"].map((tool) => ["tool", tool]);
  assert.deepEqual(viewer.done, [...tools, ["edge", "begins"], ["edge", "ends"], ["brush", -1], ["brush", 1]]);
});

test("each key does one thing", () => {
  for (const list of [SHORTCUTS, COMMANDS]) {
    const keys = list.flatMap((shortcut) => shortcut.keys);
    assert.equal(new Set(keys).size, keys.length);
  }
});

test("digits choose grey windows, n and p lesions, v and f change the picture's size, ? opens the key map", () => {
  const viewer = keyed();
  for (const key of ["1", "9", "n", "p"]) press(viewer, key);
  for (const key of ["v", "f"]) press(viewer, key);
  press(viewer, "?", { shiftKey: true });
  assert.deepEqual(viewer.done, [["preset", 1], ["preset", 9], ["select", 1], ["select", -1], ["layout"], [
    "full screen",
  ], ["key map"]]);
});

test("Delete takes the selected lesion away; Ctrl or Cmd with Z and Y undo and redo", () => {
  const viewer = keyed();
  press(viewer, "Delete");
  press(viewer, "z", { ctrlKey: true });
  press(viewer, "Z", { ctrlKey: true, shiftKey: true });
  press(viewer, "z", { metaKey: true });
  press(viewer, "y", { ctrlKey: true });
  assert.deepEqual(viewer.done, [["remove"], ["undo"], ["redo"], ["undo"], ["redo"]]);
});

test("shortcuts that are not the viewer's are the notebook's, its plain letters are not", () => {
  const viewer = keyed();
  assert.deepEqual(press(viewer, "s", { ctrlKey: true }), { page: true, notebook: true });
  assert.deepEqual(press(viewer, "ArrowUp", { altKey: true }), { page: true, notebook: true });
  assert.deepEqual(press(viewer, "1", { ctrlKey: true }), { page: true, notebook: true });
  assert.deepEqual(press(viewer, "q"), { page: true, notebook: false });
  assert.deepEqual(viewer.done, []);
});

test("in a text field, keys edit the text and no lesion", () => {
  const viewer = keyed();
  const field = { matches: (/** @type {string} */ asked) => asked.startsWith("input[type=text]") };
  assert.deepEqual(press(viewer, "Backspace", {}, field), { page: true, notebook: false });
  press(viewer, "z", { ctrlKey: true }, field);
  press(viewer, "Home", {}, field);
  assert.deepEqual(viewer.done, []);
});

test("a slider takes the keys that move it, a list its letters, and both leave undo to the viewer", () => {
  const viewer = keyed();
  const held = (/** @type {string} */ kind) => ({ matches: (/** @type {string} */ asked) => asked.startsWith(kind) });
  for (const target of ["input[type=range]", "select"].map(held)) {
    for (const key of ["ArrowUp", "Home"]) press(viewer, key, {}, target);
    press(viewer, "z", { ctrlKey: true }, target);
    press(viewer, "r", {}, target);
  }
  assert.deepEqual(viewer.done, [["undo"], ["tool", "brush"], ["undo"]]);
});

test("D makes brush and eraser balls; J, K and G use the tools on the whole mask", () => {
  const viewer = keyed();
  for (const key of ["t", "j", "u", "g"]) press(viewer, key);
  assert.deepEqual(viewer.done, [["ball"], ["use", "fill"], ["use", "islands"], ["use", "smooth"]]);
});

test("no two shortcuts share a key", () => {
  for (const list of [SHORTCUTS, COMMANDS]) {
    const keys = list.flatMap((shortcut) => shortcut.keys);
    assert.equal(new Set(keys).size, keys.length, keys.join(" "));
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { draggedWindow } from "#viewer/grey_window.js";

test("to the right is wider about the same level, down is a higher level of the same width", () => {
  assert.deepEqual(draggedWindow([-160, 240], [50, 0]), [-240, 320]);
  assert.deepEqual(draggedWindow([-160, 240], [0, 50]), [-80, 320]);
  assert.deepEqual(draggedWindow([-160, 240], [0, 0]), [-160, 240]);
});

test("however far it is dragged, black stays below white", () => {
  const [low, high] = draggedWindow([-160, 240], [-5000, 0]);
  assert.deepEqual([low, high], [38, 42], "a hundredth of the width");
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { draggedWindow, widthAndLevel, windowFault, windowOf } from "#viewer/grey_window.js";

test("to the right is wider about the same level, down is a higher level of the same width", () => {
  assert.deepEqual(draggedWindow([-160, 240], [50, 0]), [-240, 320]);
  assert.deepEqual(draggedWindow([-160, 240], [0, 50]), [-80, 320]);
  assert.deepEqual(draggedWindow([-160, 240], [0, 0]), [-160, 240]);
});

test("however far it is dragged, black stays below white", () => {
  const [low, high] = draggedWindow([-160, 240], [-5000, 0]);
  assert.deepEqual([low, high], [38, 42], "a hundredth of the width");
});

test("W and L are width and middle, and back", () => {
  assert.deepEqual(widthAndLevel([-160, 240]), [400, 40]);
  assert.deepEqual(windowOf(400, 40), [-160, 240]);
});

test("what is typed and no window is told so", () => {
  assert.equal(windowFault(1500, -600), "");
  for (const width of [0, -5, NaN, 1e9]) assert.match(windowFault(width, 0), /^W, the window's width/);
  for (const level of [NaN, -1e9]) assert.match(windowFault(400, level), /^L, the window's level/);
});

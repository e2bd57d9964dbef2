import assert from "node:assert/strict";
import { test } from "node:test";

import { handleUnder } from "#viewer/crosshair.js";
import { Display } from "#viewer/display.js";
import { AXIAL_PLANE } from "./fake_model.js";

/** @import { Place, Point } from "#viewer/contract.d.ts" */

test("slabs come in turn, are as thick as asked for, and single slices are none", () => {
  let changes = 0;
  const display = new Display(() => changes += 1);
  assert.equal(display.slab, null);
  const turn = [1, 2, 3, 4].map(() => {
    display.nextSlab();
    return display.slab?.how;
  });
  assert.deepEqual(turn, ["max", "mean", "min", undefined]);
  display.nextSlab();
  assert.equal(display.setSlabMm(25), "");
  assert.deepEqual(display.slab, { how: "max", mm: 25 });
  assert.equal(display.slabWords, "max, 25 mm");
  for (const bad of [0, -3, NaN, 1001]) assert.match(display.setSlabMm(bad), /1 to 1000 mm/);
  assert.equal(display.slabMm, 25);
  display.resizeSlab(-1);
  assert.equal(display.slabMm, 17);
  for (let n = 0; n < 40; n += 1) display.resizeSlab(1);
  assert.equal(display.slabMm, 1000);
  assert.equal(changes, 5 + 1 + 1 + 40);
});

test("outlines alone have no fill, and the fill comes back", () => {
  const display = new Display(() => {});
  display.set({ opacity: 0.6 });
  assert.equal(display.fill, 0.6);
  display.set({ outlineOnly: true });
  assert.equal(display.fill, 0);
  display.set({ outlineOnly: false });
  assert.equal(display.fill, 0.6);
});

test("each line of the crosshair is grabbed at its ends, by the border, and nowhere else", () => {
  const view = {
    plane: AXIAL_PLANE,
    size: /** @type {Place} */ ([300, 200]),
    toScreen: () => /** @type {Place} */ ([120, 80]),
  };
  const cursor = /** @type {Point} */ ([4, 8, 12]);
  assert.deepEqual(handleUnder(view, cursor, [122, 5]), [AXIAL_PLANE.across], "the upright line moves sideways");
  assert.deepEqual(handleUnder(view, cursor, [295, 77]), [AXIAL_PLANE.down]);
  assert.deepEqual(handleUnder(view, cursor, [120, 80]), [], "its middle lies on the tumour, where lines are drawn");
  assert.deepEqual(handleUnder(view, cursor, [140, 5]), []);
});

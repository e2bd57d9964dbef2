import assert from "node:assert/strict";
import { test } from "node:test";

import { smoothFault } from "#viewer/hand_bar.js";
import { typed, typedWindow } from "#viewer/options_panel.js";

test("an empty field is left to Python, a typed one is its number", () => {
  assert.equal(typed(" "), null);
  assert.equal(typed("0"), 0);
  assert.deepEqual(typedWindow(["-160", "240"]), [-160, 240]);
  assert.equal(typedWindow(["", ""]), null);
});

test("a mask is smoothed by as much as Python takes", () => {
  assert.equal(smoothFault(2), "");
  for (const mm of [0, -1, 20.5, NaN]) assert.equal(smoothFault(mm), "A mask is smoothed by 0.1 to 20 mm.");
});

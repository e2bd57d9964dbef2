import assert from "node:assert/strict";
import { test } from "node:test";

import { handWords, lesionNumbers, repeatWords } from "#viewer/lesion_text.js";
import { makeMark } from "./fake_model.js";

/** @import { Result } from "#viewer/contract.d.ts" */

/** @type {Result} */
const RESULT = {
  label: 1,
  state: "proposed",
  seconds: 0.256,
  hand_added_voxels: 0,
  hand_removed_voxels: 0,
  volume_ml: 2.345,
  longest_diameter_mm: 20.04,
  short_axis_mm: 0,
};

test("lines are in mm of the patient, masks in ml and mm", () => {
  const mark = makeMark(1, { short_axis_zyx: [[4, 6, 20], [4, 14, 20]] });
  assert.deepEqual(lesionNumbers(mark, RESULT, [5, 0.7, 0.7]), {
    line: "14.0",
    drawnShort: "5.6",
    volume: "2.35",
    longest: "20.0",
    short: "0.0",
  });
});

test("what is not known is a dash, not a zero; a rejected mask has no numbers", () => {
  const dashes = { line: "20.0", drawnShort: "", volume: "–", longest: "–", short: "–" };
  assert.deepEqual(lesionNumbers(makeMark(1), undefined, [5, 1, 1]), dashes);
  /** @type {Result} */
  const rejected = { label: 1, state: "rejected", seconds: 0.25, hand_added_voxels: 0, hand_removed_voxels: 0 };
  assert.deepEqual(lesionNumbers(makeMark(1), rejected, [5, 1, 1]), dashes);
  assert.equal(handWords(rejected, true, undefined), "by hand", "nor are its voxels counted");
});

test("repeats are told as standard deviations", () => {
  const repeated = { ...RESULT, n_repeats: 8, volume_sd_ml: 0.412, diameter_sd_mm: 1.25, short_axis_sd_mm: 0.9 };
  assert.equal(repeatWords(repeated), "SD of 8 repeats: 0.41 ml, 1.3 and 0.9 mm");
  assert.equal(repeatWords(RESULT), "");
});

test("the table says how much a hand added and removed, and a threshold of its own", () => {
  const edited = { ...RESULT, hand_added_voxels: 120, hand_removed_voxels: 30 };
  assert.equal(handWords(edited, true, undefined), "by hand: +120 −30 voxels");
  assert.equal(handWords(edited, true, -1.5), "by hand: +120 −30 voxels · threshold -1.50");
  assert.equal(handWords(RESULT, false, 0), "threshold 0.00");
  assert.equal(handWords(undefined, true, undefined), "by hand", "its mask is still to come");
  assert.equal(handWords(RESULT, false, undefined), "");
});

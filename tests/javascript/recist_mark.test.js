import assert from "node:assert/strict";
import { test } from "node:test";

import { faultOf, isPoint, newMark, ordered } from "#viewer/recist_mark.js";
import { makeMark } from "./fake_model.js";

/** @import { Ends } from "#viewer/contract.d.ts" */

/** @type {(y0: number, y1: number, x?: number) => Ends} down the line of `makeMark`, which runs in y = 10 from x = 10 to 30 */
const across = (y0, y1, x = 20) => [[4, y0, x], [4, y1, x]];

test("ends are sorted by z, y, x, as numbers", () => {
  assert.deepEqual(ordered([[4, 100, 2], [4, 20, 30]]), [[4, 20, 30], [4, 100, 2]]);
  assert.deepEqual(ordered([[4, 5, 30], [4, 5, 4]]), [[4, 5, 4], [4, 5, 30]]);
  assert.equal(ordered(null), null);
});

test("a click is a point, not a line", () => {
  assert.ok(isPoint(makeMark(1, { endpoints_zyx: [[4, 1, 1], [4, 1, 1]] })));
  assert.ok(isPoint(makeMark(1, { short_axis_zyx: across(12, 12) })));
  assert.ok(!isPoint(makeMark(1, { short_axis_zyx: across(5, 15) })));
  assert.ok(!isPoint(newMark()));
});

test("a short axis that crosses its line and is not longer has no fault", () => {
  assert.equal(faultOf(makeMark(1), [5, 1, 1]), "");
  assert.equal(faultOf(makeMark(1, { short_axis_zyx: across(5, 15) }), [5, 1, 1]), "");
  assert.equal(faultOf(makeMark(1, { short_axis_zyx: across(0, 20) }), [5, 1, 1]), "", "as long as the line");
});

test("the fault of a short axis is named, with its lesion and lengths", () => {
  const off = makeMark(3, { short_axis_zyx: across(12, 20) });
  assert.equal(faultOf(off, [5, 1, 1]), "The short axis does not cross the line of lesion 3.");
  const long = makeMark(3, { short_axis_zyx: across(5, 18) });
  assert.equal(faultOf(long, [5, 1, 1]), "");
  assert.equal(
    faultOf(long, [5, 2, 1]), // tall voxels
    "26.0 mm across lesion 3 is longer than its line (20.0 mm): redraw the line there.",
  );
  assert.match(faultOf({ ...newMark(), short_axis_zyx: across(1, 5) }, [5, 1, 1]), /does not cross a line/);
});

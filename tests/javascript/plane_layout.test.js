import assert from "node:assert/strict";
import { test } from "node:test";

import { leafStep, panned, PlaneLayout, sliceWords, WHOLE_SLICE, zoomed } from "#viewer/plane_layout.js";
import { AXIAL_PLANE as AXIAL, CORONAL_PLANE as CORONAL } from "./fake_model.js";

/** @import { Place, Point } from "#viewer/contract.d.ts" */

/** @type {Place} */
const SIZE = [300, 300];

test("the whole slice stands in the middle of the canvas, as large as it can be", () => {
  const layout = new PlaneLayout(AXIAL, SIZE, WHOLE_SLICE); // 10 pixels a voxel, 50 free above and below
  assert.deepEqual(layout.toScreen([3, 0, 0]), [5, 55]);
  assert.deepEqual(layout.toScreen([3, 19, 29]), [295, 245]);
});

test("voxels have their true proportions", () => {
  const layout = new PlaneLayout(CORONAL, SIZE, WHOLE_SLICE);
  const [x0, y0] = layout.toScreen([0, 0, 0]);
  const [x1, y1] = layout.toScreen([1, 0, 1]);
  assert.equal(Math.abs(y1 - y0) / Math.abs(x1 - x0), 5);
});

test("a flipped axis runs the other way", () => {
  const { toScreen } = {
    toScreen: (/** @type {Point} */ p) => new PlaneLayout(CORONAL, SIZE, WHOLE_SLICE).toScreen(p),
  };
  assert.ok(toScreen([9, 0, 0])[1] < toScreen([0, 0, 0])[1], "the head, z = 9, is up");
  assert.ok(toScreen([0, 0, 0])[0] < toScreen([0, 0, 29])[0]);
  const mirrored = new PlaneLayout({ ...AXIAL, flip_across: true }, SIZE, WHOLE_SLICE);
  assert.deepEqual(mirrored.toScreen([3, 0, 0]), [295, 55]);
});

test("the voxel under the mouse is the one that is drawn there, however the picture is flipped, zoomed and moved", () => {
  for (const plane of [AXIAL, CORONAL, { ...AXIAL, flip_across: true, flip_down: true }]) {
    for (const sight of [WHOLE_SLICE, { zoom: 3.7, pan: /** @type {Place} */ ([-41, 17]) }]) {
      const layout = new PlaneLayout(plane, SIZE, sight);
      for (const point of /** @type {Point[]} */ ([[0, 0, 0], [7, 13, 21], [9, 19, 29]])) {
        assert.deepEqual(layout.toVoxel(layout.toScreen(point), point), point);
      }
    }
  }
});

test("a voxel reaches to its edges, and beside the picture the nearest one counts", () => {
  const layout = new PlaneLayout(AXIAL, SIZE, WHOLE_SLICE);
  assert.deepEqual(layout.toVoxel([19.9, 50.1], [3, 7, 7]), [3, 0, 1]);
  assert.deepEqual(layout.toVoxel([20.1, 60.1], [3, 7, 7]), [3, 1, 2]);
  assert.deepEqual(layout.toVoxel([-50, 1000], [3, 7, 7]), [3, 19, 0]);
});

test("what is beside the slice is not on it", () => {
  const layout = new PlaneLayout(AXIAL, SIZE, WHOLE_SLICE); // 50 pixels free above and below
  assert.deepEqual([[1, 51], [299, 249]].map((place) => layout.holds(/** @type {Place} */ (place))), [true, true]);
  assert.deepEqual([[1, 49], [299, 251]].map((place) => layout.holds(/** @type {Place} */ (place))), [false, false]);
});

test("rows and columns between voxels, for the brush", () => {
  for (const plane of [AXIAL, CORONAL, { ...AXIAL, flip_across: true, flip_down: true }]) {
    const layout = new PlaneLayout(plane, SIZE, { zoom: 2, pan: [7, -3] });
    const point = /** @type {Point} */ ([7, 13, 21]);
    const [row, column] = layout.toSlice(layout.toScreen(point));
    assert.ok(Math.hypot(row - point[plane.down], column - point[plane.across]) < 1e-9);
    layout.fromSlice(layout.toSlice([80, 200])).forEach((value, i) => assert.ok(Math.abs(value - [80, 200][i]) < 1e-9));
    assert.equal(layout.scale, plane === CORONAL ? 12 : 20, "300 pixels for 50 or 30 mm, twice as large");
  }
});

test("the place that is zoomed about stays where it is", () => {
  /** @type {Place} */
  const place = [80, 200];
  const sight = { zoom: 2, pan: /** @type {Place} */ ([30, -10]) };
  const before = new PlaneLayout(AXIAL, SIZE, sight);
  const after = new PlaneLayout(AXIAL, SIZE, zoomed(sight, 1.44, place, SIZE));
  const edge = (/** @type {PlaneLayout} */ { a, d, e, f }) => [(place[0] - e) / a, (place[1] - f) / d];
  edge(after).forEach((value, i) => assert.ok(Math.abs(value - edge(before)[i]) < 1e-9));
  assert.equal(after.a, before.a * 1.44);
});

test("leafing on goes to the feet, the back and the left, whichever way the scan is stored", () => {
  const sagittal = { ...AXIAL, name: "sagittal", cut: 2, across: 1, down: 0, flip_down: true };
  const planes = [{ ...AXIAL, flip_across: true }, { ...CORONAL, flip_across: true }, sagittal];
  assert.deepEqual(planes.map((_, number) => leafStep(planes, number)), [-1, 1, -1]);
  const unflipped = [AXIAL, { ...CORONAL, flip_down: false }, { ...sagittal, flip_down: false }];
  assert.deepEqual(unflipped.map((_, number) => leafStep(unflipped, number)), [1, 1, 1]);
});

test("slices are counted from 1, with DICOM's position where it is known", () => {
  assert.deepEqual(sliceWords(AXIAL, 0), ["slice 1 / 10", ""]);
  assert.deepEqual(sliceWords({ ...AXIAL, place_mm: [-20, 2.5] }, 7), ["slice 8 / 10", "−2.5 mm"]);
  assert.deepEqual(sliceWords({ ...AXIAL, place_mm: [12.34, -5] }, 1), ["slice 2 / 10", "7.3 mm"]);
});

test("zooming ends at half the size and at thirty times", () => {
  assert.equal(zoomed(WHOLE_SLICE, 1e-3, [0, 0], SIZE).zoom, 0.5);
  assert.equal(zoomed(WHOLE_SLICE, 1e3, [0, 0], SIZE).zoom, 30);
});

test("planes that are moved together move as many mm along the axes that they share", () => {
  const axial = new PlaneLayout(AXIAL, SIZE, WHOLE_SLICE); // 10 pixels a mm
  const coronal = new PlaneLayout(CORONAL, [150, 150], WHOLE_SLICE); // 3 pixels a mm: 50 mm high
  assert.deepEqual([axial.scale, coronal.scale], [10, 3]);
  assert.deepEqual(panned(WHOLE_SLICE, axial, coronal, [20, 30]).pan, [6, 0], "both show x, the axial plane alone y");
  assert.deepEqual(panned(WHOLE_SLICE, coronal, axial, [6, 9]).pan, [20, 0]);
  assert.deepEqual(panned({ zoom: 1, pan: [1, 2] }, axial, axial, [20, 30]).pan, [21, 32]);
});

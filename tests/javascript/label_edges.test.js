import assert from "node:assert/strict";
import { test } from "node:test";

import { labelEdges } from "#viewer/label_edges.js";

test("one voxel has four edges, where it lies in the slice", () => {
  const [edges] = labelEdges({ start: [10, 20], shape: [1, 1], labels: [7], codes: new Uint8Array([1]) });
  assert.deepEqual(edges, [[20, 10, 21, 10], [20, 11, 21, 11], [20, 10, 20, 11], [21, 10, 21, 11]]);
});

test("no edge runs inside a label; where two labels meet, both have one", () => {
  const patch = {
    start: /** @type {[number, number]} */ ([0, 0]),
    shape: /** @type {[number, number]} */ ([1, 3]),
    labels: [4, 8],
  };
  const [first, second] = labelEdges({ ...patch, codes: new Uint8Array([1, 1, 2]) });
  assert.equal(first.length, 6, "two voxels side by side");
  assert.equal(second.length, 4);
  const between = [2, 0, 2, 1];
  for (const edges of [first, second]) assert.ok(edges.some((edge) => edge.join() === between.join()));
});

test("background inside a mask is outlined", () => {
  const codes = new Uint8Array([1, 1, 1, 1, 0, 1, 1, 1, 1]);
  const [edges] = labelEdges({ start: [0, 0], shape: [3, 3], labels: [1], codes });
  assert.equal(edges.length, 12 + 4);
});

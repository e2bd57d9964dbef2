import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutNames, layoutOf } from "#viewer/layouts.js";
import { AXIAL_PLANE, CORONAL_PLANE } from "./fake_model.js";

/** @import { Scan } from "#viewer/contract.d.ts" */

const PLANES = [AXIAL_PLANE, CORONAL_PLANE, { ...CORONAL_PLANE, name: "sagittal" }];
const SCAN = /** @type {Scan} */ ({ planes: PLANES, prior: null });

test("layouts with the prior visit are offered where there is one", () => {
  assert.deepEqual(layoutNames(SCAN), ["three planes", "2 x 2 with 3D", "axial", "coronal", "sagittal"]);
  const more = layoutNames({ ...SCAN, prior: [] }).slice(5);
  assert.deepEqual(more, ["axial beside prior", "coronal beside prior", "sagittal beside prior"]);
});

test("each layout shows its planes, and keys scroll the large one", () => {
  assert.deepEqual(layoutOf("three planes", SCAN), { kind: "three", large: 0, shown: [0, 1, 2], scene: false });
  assert.deepEqual(layoutOf("2 x 2 with 3D", SCAN), { kind: "four", large: 0, shown: [0, 1, 2], scene: true });
  assert.deepEqual(layoutOf("coronal", SCAN), { kind: "one", large: 1, shown: [1], scene: false });
  assert.deepEqual(layoutOf("coronal beside prior", SCAN), { kind: "beside", large: 1, shown: [1, 4], scene: false });
});

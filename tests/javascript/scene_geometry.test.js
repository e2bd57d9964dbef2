import assert from "node:assert/strict";
import { test } from "node:test";

import { ballAround, dot, eyeAt, normalsOf, turned } from "#viewer/scene_geometry.js";

/** @import { Vector } from "#viewer/scene_geometry.js" */

/** @type {(a: number[], b: number[]) => void} */
const near = (a, b) => a.forEach((value, n) => assert.ok(Math.abs(value - b[n]) < 1e-6, `${a} is not ${b}`));

test("from the front the patient's right is on the left, the head up", () => {
  const { right, up, near: towards } = eyeAt(0, 0);
  near(right, [-1, 0, 0]);
  near(up, [0, 0, 1]);
  near(towards, [0, 1, 0]);
});

test("however the eye is turned, its directions are at right angles and right-handed", () => {
  const { right, up, near: towards } = eyeAt(0.7, -0.4);
  for (const [a, b] of [[right, up], [up, towards], [towards, right]]) assert.ok(Math.abs(dot(a, b)) < 1e-12);
  for (const one of [right, up, towards]) assert.ok(Math.abs(dot(one, one) - 1) < 1e-12);
  const [a, b] = [right, up];
  near([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]], towards);
});

test("a drag takes the patient's front along, and never over the head", () => {
  /** @type {Vector} */
  const front = [0, 1, 0];
  const [yaw, pitch] = turned(0, 0, 30, 0);
  assert.ok(dot(eyeAt(yaw, pitch).right, front) > 0, "to the right");
  const [, down] = turned(0, 0, 0, 30);
  assert.ok(dot(eyeAt(0, down).up, front) < 0, "down");
  assert.equal(turned(0, 0, 0, 10000)[1], 1.5);
});

test("normals stand on a surface, as its corners are turned", () => {
  const normals = normalsOf(new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0]), new Uint32Array([0, 1, 2]));
  near([...normals], [0, 0, 1, 0, 0, 1, 0, 0, 1]);
});

test("the ball holds all points; without any there is one of 1 mm", () => {
  assert.deepEqual(ballAround([[0, 0, 0, 6, 0, 0], [3, 8, 0]]), { center: [3, 4, 0], radius: 5 });
  assert.deepEqual(ballAround([]), { center: [0, 0, 0], radius: 1 });
});

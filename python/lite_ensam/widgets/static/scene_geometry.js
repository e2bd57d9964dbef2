// Where the eye is, and what light falls on a surface. Nothing here touches the page.

import { clamp } from "./values.js";

/** @typedef {[number, number, number]} Vector world mm: x, y, z to the right, the front and the head */
/** @typedef {{ right: Vector, up: Vector, near: Vector }} Eye directions of the screen, and towards the eye */

/**
 * Directions of the screen for an eye that has gone round the patient, from the front.
 * @param {number} yaw radians, to the patient's right
 * @param {number} pitch radians, upwards
 * @returns {Eye}
 */
export function eyeAt(yaw, pitch) {
  const [sinA, cosA, sinB, cosB] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return {
    right: [-cosA, sinA, 0],
    up: [-sinA * sinB, -cosA * sinB, cosB],
    near: [sinA * cosB, cosA * cosB, sinB],
  };
}

/**
 * @param {number} yaw
 * @param {number} pitch
 * @param {number} dx pixels of a drag to the right, which turns what is seen along
 * @param {number} dy and down
 * @returns {[yaw: number, pitch: number]} never over the head
 */
export const turned = (yaw, pitch, dx, dy) => [yaw + dx / 120, clamp(pitch + dy / 120, -1.5, 1.5)];

/**
 * A normal of each vertex: the mean of its triangles', by their areas.
 * @param {Float32Array} vertices x, y, z of each
 * @param {Uint32Array} triangles three vertices each
 */
export function normalsOf(vertices, triangles) {
  const normals = new Float32Array(vertices.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [3 * triangles[t], 3 * triangles[t + 1], 3 * triangles[t + 2]];
    const [ux, uy, uz] = [0, 1, 2].map((k) => vertices[b + k] - vertices[a + k]);
    const [vx, vy, vz] = [0, 1, 2].map((k) => vertices[c + k] - vertices[a + k]);
    const cross = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const corner of [a, b, c]) for (let k = 0; k < 3; k += 1) normals[corner + k] += cross[k];
  }
  for (let n = 0; n < normals.length; n += 3) {
    const length = Math.hypot(normals[n], normals[n + 1], normals[n + 2]) || 1;
    for (let k = 0; k < 3; k += 1) normals[n + k] /= length;
  }
  return normals;
}

/**
 * The ball about points.
 * @param {Iterable<Float32Array | number[]>} parts x, y, z of each point
 * @returns {{ center: Vector, radius: number }}
 */
export function ballAround(parts) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const part of parts) {
    for (let n = 0; n < part.length; n += 1) {
      low[n % 3] = Math.min(low[n % 3], part[n]);
      high[n % 3] = Math.max(high[n % 3], part[n]);
    }
  }
  if (low[0] > high[0]) return { center: [0, 0, 0], radius: 1 };
  const [x, y, z] = low.map((value, k) => (value + high[k]) / 2);
  return { center: [x, y, z], radius: Math.max(Math.hypot(...low.map((value, k) => high[k] - value)) / 2, 1) };
}

/** @type {(a: Vector, b: Vector) => number} */
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

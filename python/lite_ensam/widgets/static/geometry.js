// Lengths, angles and crossings: of strokes between voxels, in mm, and of strokes on the screen, in pixels.

import { clamp } from "./values.js";

/** @import { Ends, Place, Point } from "./contract.d.ts" */

/**
 * A point of what each axis has.
 * @param {(axis: number) => number} coordinate
 * @returns {Point}
 */
export const pointOf = (coordinate) => [coordinate(0), coordinate(1), coordinate(2)];

/**
 * Both ends of a line, each made into something else.
 * @template T, U
 * @param {Ends<T>} ends
 * @param {(end: T) => U} change
 * @returns {Ends<U>}
 */
export const eachEnd = ([from, to], change) => [change(from), change(to)];

/**
 * @param {Ends} ends
 * @param {Point} spacing mm
 */
const stepMm = ([from, to], spacing) => pointOf((axis) => (to[axis] - from[axis]) * spacing[axis]);

/**
 * @param {Ends} ends
 * @param {Point} spacing mm
 */
export const lengthMm = (ends, spacing) => Math.hypot(...stepMm(ends, spacing));

/**
 * Degrees between two lines in the axial plane, 0 to 90.
 * @param {Ends} line
 * @param {Ends} other
 * @param {Point} spacing mm
 */
export function angleBetween(line, other, spacing) {
  const [a, b] = [stepMm(line, spacing), stepMm(other, spacing)];
  const dot = a.reduce((sum, value, axis) => sum + value * b[axis], 0);
  return (Math.acos(clamp(Math.abs(dot) / (Math.hypot(...a) * Math.hypot(...b)), 0, 1)) * 180) / Math.PI;
}

/**
 * Whether two strokes of an axial slice cross or touch; parallel ones do not.
 * @param {Ends} first
 * @param {Ends} second
 */
export function cross([a, b], [c, d]) {
  /** @type {(from: Point, to: Point, point: Point) => number} */
  const side = ([, y0, x0], [, y1, x1], [, y, x]) => (y1 - y0) * (x - x0) - (x1 - x0) * (y - y0);
  const [ac, ad, ca, cb] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  return ac !== ad && ac * ad <= 0 && ca * cb <= 0;
}

/**
 * How far a place is from a stroke on the screen.
 * @param {Place} place
 * @param {Ends<Place>} stroke
 */
export function distanceToLine([x, y], [[x0, y0], [x1, y1]]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = clamp(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

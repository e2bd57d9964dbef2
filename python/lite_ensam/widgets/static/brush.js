// Strokes of brush and eraser, as Python lays them over the network's masks (hand_edits.py).

import { clamp } from "./values.js";

/** @import { Place, Plane, Point, Stroke } from "./contract.d.ts" */

/** @type {Record<string, boolean>} whether a tool erases */
export const BRUSHES = { brush: false, eraser: true };

const MOST_POINTS = 2000; // Python takes no more
const NEAREST = 0.5; // voxels; nearer points add nothing
const [LEAST_MM, MOST_MM] = [1, 200];
const SIZE_STEP = 1.25;

/**
 * A longer stroke; the same one if the hand has hardly moved.
 * @param {Stroke} stroke
 * @param {Place} point row and column
 * @returns {Stroke}
 */
export function extended(stroke, [row, column]) {
  const [y, x] = stroke.path[stroke.path.length - 1];
  if (stroke.path.length >= MOST_POINTS || Math.hypot(row - y, column - x) < NEAREST) return stroke;
  return { ...stroke, path: [...stroke.path, rounded([row, column])] };
}

/**
 * A place in a slice to a hundredth of a voxel: it travels as text.
 * @param {Place} point
 * @returns {Place}
 */
export const rounded = ([row, column]) => [Math.round(row * 100) / 100, Math.round(column * 100) / 100];

/**
 * The next size of a brush.
 * @param {number} diameter mm
 * @param {number} step 1 for larger, -1 for smaller
 */
export const resized = (diameter, step) => Math.round(clamp(diameter * SIZE_STEP ** step, LEAST_MM, MOST_MM) * 10) / 10;

/**
 * Why a brush cannot be of a size, in words; "" if it can.
 * @param {number} diameter mm
 */
export const sizeFault = (diameter) =>
  diameter >= LEAST_MM && diameter <= MOST_MM ? "" : `A brush is ${LEAST_MM} to ${MOST_MM} mm wide.`;

/**
 * Where a ball that is drawn on one plane cuts the slice of another: middles (row, column) and radii in mm.
 * @param {Stroke} stroke
 * @param {Plane} drawnOn
 * @param {Point} spacing mm
 * @param {{ plane: Plane, index: number }} slice
 * @returns {{ middle: Place, radius: number }[]}
 */
export function discsOf({ index, radius_mm, path }, drawnOn, spacing, { plane, index: shown }) {
  return path.flatMap(([row, column]) => {
    const point = [0, 0, 0];
    point[drawnOn.cut] = index;
    point[drawnOn.down] = row;
    point[drawnOn.across] = column;
    const square = radius_mm ** 2 - ((point[plane.cut] - shown) * spacing[plane.cut]) ** 2;
    return square > 0 ? [{ middle: [point[plane.down], point[plane.across]], radius: Math.sqrt(square) }] : [];
  });
}

// What a reader tells of a lesion beyond its lines: points inside and outside, the slices where it begins and ends.
// Python refuses marks that contradict themselves (core/recist.py); here the reader is told why before that.

import { LINE } from "./recist_mark.js";
import { same } from "./values.js";

/** @import { EdgeKey, Mark, Point, PointKey } from "./contract.d.ts" */

export const INSIDE = "inside_zyx";
export const OUTSIDE = "outside_zyx";
export const FIRST = "first_slice";
export const LAST = "last_slice";

/** @type {Record<string, PointKey>} by tool */
export const POINT_TOOLS = { plus: INSIDE, minus: OUTSIDE };

/** @type {Record<PointKey, string>} */
export const SIGNS = { [INSIDE]: "+", [OUTSIDE]: "−" };

/**
 * Readers count slices from 1.
 * @param {number} z
 */
export const sliceNumber = (z) => z + 1;

/**
 * The voxel that holds a point.
 * @param {Point} point
 * @returns {Point}
 */
const voxelOf = ([z, y, x]) => [Math.round(z), Math.round(y), Math.round(x)];

/**
 * The mark without a point, or without those in the same voxel.
 * @param {Mark} mark
 * @param {Point} point
 * @returns {Mark}
 */
export function withoutPoint(mark, point) {
  /** @type {(points: Point[]) => Point[]} */
  const others = (points) => points.filter((other) => !same(voxelOf(other), voxelOf(point)));
  return { ...mark, [INSIDE]: others(mark[INSIDE]), [OUTSIDE]: others(mark[OUTSIDE]) };
}

/**
 * The mark with a point; the last word on a voxel counts.
 * @param {Mark} mark
 * @param {PointKey} key
 * @param {Point} point
 * @returns {Mark}
 */
export function withPoint(mark, key, point) {
  const rest = withoutPoint(mark, point);
  return { ...rest, [key]: [...rest[key], point] };
}

/**
 * Why a point cannot be set, in words; "" if it can.
 * @param {Mark} mark
 * @param {PointKey} key
 * @param {Point} point
 * @param {Mark[]} others all lesions
 */
export function pointFault(mark, key, point, others) {
  if (key === OUTSIDE) return "";
  const z = point[0];
  const [first, last] = [mark[FIRST] ?? z, mark[LAST] ?? z];
  if (z < first || z > last) {
    const end = sliceNumber(z < first ? first : last);
    return `Slice ${sliceNumber(z)} lies beyond slice ${end}, where lesion ${mark.label} stops: move that first.`;
  }
  const owner = others.find((other) => other.label !== mark.label && has(other[INSIDE], point));
  return owner ? `That voxel is a + of lesion ${owner.label}.` : "";
}

/** @type {(points: Point[], point: Point) => boolean} */
const has = (points, point) => points.some((other) => same(voxelOf(other), voxelOf(point)));

/**
 * The mark with its first or last slice; told again, it is not known any more.
 * @param {Mark} mark
 * @param {EdgeKey} key
 * @param {number} z
 * @returns {Mark}
 */
export const withEdge = (mark, key, z) => ({ ...mark, [key]: mark[key] === z ? null : z });

/**
 * Why a lesion cannot stop on a slice, in words; "" if it can.
 * @param {Mark} mark
 * @param {EdgeKey} key
 * @param {number} z
 */
export function edgeFault(mark, key, z) {
  /** @type {(other: number) => boolean} */
  const isBeyond = (other) => (key === FIRST ? other < z : other > z);
  const line = mark[LINE][0][0];
  if (isBeyond(line)) return `The line of lesion ${mark.label} lies beyond, on slice ${sliceNumber(line)}.`;
  const point = mark[INSIDE].find((inside) => isBeyond(voxelOf(inside)[0]));
  return point ? `A + of lesion ${mark.label} lies beyond, on slice ${sliceNumber(voxelOf(point)[0])}.` : "";
}

/**
 * Whether there is more than lines.
 * @param {Mark} mark
 */
export const hasPrompts = (mark) =>
  mark[FIRST] !== null || mark[LAST] !== null || mark[INSIDE].length + mark[OUTSIDE].length > 0;

/** What a lesion of lines alone has. */
export const NO_PROMPTS = {
  [FIRST]: /** @type {number | null} */ (null),
  [LAST]: /** @type {number | null} */ (null),
  [INSIDE]: /** @type {Point[]} */ ([]),
  [OUTSIDE]: /** @type {Point[]} */ ([]),
};

/**
 * A mark whose line was drawn again, without what its slice contradicts.
 * @template {Pick<Mark, EdgeKey>} T
 * @param {T} mark
 * @param {number} z slice of the line
 * @returns {T}
 */
export function fittedTo(mark, z) {
  const [first, last] = [mark[FIRST], mark[LAST]];
  return {
    ...mark,
    [FIRST]: first !== null && first <= z ? first : null,
    [LAST]: last !== null && last >= z ? last : null,
  };
}

/**
 * In words, for the table: "+2 −1 · slices 34 to 48"; "" if there is nothing.
 * @param {Mark} mark
 * @param {number} caudal step of the index from head to feet, the way in which a lesion begins and ends
 */
export function promptsText(mark, caudal) {
  /** @type {PointKey[]} */
  const kinds = [INSIDE, OUTSIDE];
  const counts = kinds.flatMap((key) => (mark[key].length ? `${SIGNS[key]}${mark[key].length}` : []));
  const [first, last] = [mark[FIRST], mark[LAST]].map((z) => (z === null ? "" : sliceNumber(z)));
  const [begins, ends] = caudal > 0 ? [first, last] : [last, first];
  const range = first && last
    ? `slices ${first} to ${last}`
    : begins
    ? `begins on slice ${begins}`
    : ends
    ? `ends on slice ${ends}`
    : "";
  return [counts.join(" "), range].filter(Boolean).join(" · ");
}

/**
 * Where on a slider of slices a lesion lies, in parts of its way from the head; ends that are not known are the scan's.
 * @param {Mark} mark
 * @param {number} nSlices
 * @param {number} step of the index from head to feet
 * @returns {{ from: number, to: number, line: number, open: [from: boolean, to: boolean] }}
 */
export function bandOf(mark, nSlices, step) {
  const most = Math.max(nSlices - 1, 1);
  /** @type {(z: number) => number} */
  const share = (z) => (step > 0 ? z : nSlices - 1 - z) / most;
  const ends = [mark[FIRST] ?? 0, mark[LAST] ?? nSlices - 1].map(share);
  /** @type {[boolean, boolean]} */
  const open = [mark[FIRST] === null, mark[LAST] === null];
  if (step < 0) open.reverse();
  return { from: Math.min(...ends), to: Math.max(...ends), line: share(mark[LINE][0][0]), open };
}

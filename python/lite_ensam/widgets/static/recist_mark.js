// A RECIST mark: the line along a lesion's longest diameter and, perhaps, the short axis across it.

import { cross, lengthMm } from "./geometry.js";
import { same } from "./values.js";

/** @import { Draft, Ends, Mark, Point } from "./contract.d.ts" */

export const LINE = "endpoints_zyx";
export const SHORT_AXIS = "short_axis_zyx";

/** @returns {Draft} */
export const newMark = () => ({
  label: 0,
  name: "",
  tracking_uid: "",
  [LINE]: null,
  [SHORT_AXIS]: null,
  first_slice: null,
  last_slice: null,
  inside_zyx: [],
  outside_zyx: [],
});

/**
 * @param {Draft} draft
 * @returns {draft is Mark}
 */
export const hasLine = (draft) => draft[LINE] !== null;

/**
 * Whether a line of the mark has no length.
 * @param {Draft} mark
 */
export const isPoint = (mark) => [mark[LINE], mark[SHORT_AXIS]].some((ends) => ends !== null && same(ends[0], ends[1]));

/**
 * A line's ends in the order that Python keeps them in.
 * @template {Ends | null} T
 * @param {T} ends
 * @returns {T}
 */
export function ordered(ends) {
  if (!ends) return ends;
  const sorted = [...ends].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return /** @type {T} */ (sorted);
}

/**
 * What is wrong with a mark's short axis, in words; "" if nothing is, or there is none.
 * @param {Draft} mark
 * @param {Point} spacing mm
 */
export function faultOf({ label, [LINE]: line, [SHORT_AXIS]: short }, spacing) {
  if (!short) return "";
  if (!line) return "That stroke does not cross a line: a short axis crosses the line of its lesion.";
  if (!cross(line, short)) return `The short axis does not cross the line of lesion ${label}.`;
  const [long, across] = [line, short].map((ends) => lengthMm(ends, spacing).toFixed(1));
  if (Number(across) <= Number(long)) return "";
  return `${across} mm across lesion ${label} is longer than its line (${long} mm): redraw the line there.`;
}

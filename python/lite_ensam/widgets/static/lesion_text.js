// What the table says of a lesion.

import { lengthMm } from "./geometry.js";
import { LINE, SHORT_AXIS } from "./recist_mark.js";

/** @import { Mark, Point, Result } from "./contract.d.ts" */

/**
 * Numbers of a lesion in words: of its lines in mm, of its mask in ml and mm.
 * @param {Mark} mark
 * @param {Result | undefined} result
 * @param {Point} spacing mm
 */
export function lesionNumbers(mark, result, spacing) {
  const short = mark[SHORT_AXIS];
  return {
    line: lengthMm(mark[LINE], spacing).toFixed(1),
    drawnShort: short ? lengthMm(short, spacing).toFixed(1) : "",
    volume: inWords(result?.volume_ml, 2),
    longest: inWords(result?.longest_diameter_mm, 1),
    short: inWords(result?.short_axis_mm, 1),
  };
}

/**
 * Standard deviations of repeats in words: "SD of 8 repeats: 0.41 ml, 1.2 and 0.9 mm"; "" without repeats.
 * @param {Result | undefined} result
 */
export function repeatWords(result) {
  if (!result?.n_repeats) return "";
  const [long, short] = [result.diameter_sd_mm, result.short_axis_sd_mm].map((sd) => inWords(sd, 1));
  return `SD of ${result.n_repeats} repeats: ${inWords(result.volume_sd_ml, 2)} ml, ${long} and ${short} mm`;
}

/** @type {(value: number | undefined, digits: number) => string} */
const inWords = (value, digits) => (value === undefined ? "–" : value.toFixed(digits));

/**
 * What a hand did to a lesion: "by hand: +120 −30 voxels · threshold 1.25"; "" if it did nothing. A mask that was
 * rejected has no voxels to count.
 * @param {Result | undefined} result
 * @param {boolean} edited
 * @param {number | undefined} threshold of its own
 */
export function handWords(result, edited, threshold) {
  const counts = result && result.state !== "rejected"
    ? `: +${result.hand_added_voxels} −${result.hand_removed_voxels} voxels`
    : "";
  const voxels = edited ? `by hand${counts}` : "";
  return [voxels, threshold === undefined ? "" : `threshold ${threshold.toFixed(2)}`].filter(Boolean).join(" · ");
}

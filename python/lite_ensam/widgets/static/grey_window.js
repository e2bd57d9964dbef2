/** @import { GreyWindow, Place } from "./contract.d.ts" */

/**
 * The window that a drag makes of another: sideways for its width, up and down for its level.
 * @param {GreyWindow} window at the drag's start
 * @param {Place} drag pixels to the right and down
 * @returns {GreyWindow}
 */
export function draggedWindow(window, [right, down]) {
  const [width, level] = widthAndLevel(window);
  const pace = Math.max(width, 20) / 250; // values a pixel: wide windows change faster
  return windowOf(Math.max(width + right * pace * 2, width / 100), level + down * pace);
}

/**
 * W and L, as radiologists name a window.
 * @param {GreyWindow} window
 * @returns {[width: number, level: number]}
 */
export const widthAndLevel = ([low, high]) => [high - low, (low + high) / 2];

/**
 * @param {number} width above 0
 * @param {number} level
 * @returns {GreyWindow}
 */
export const windowOf = (width, level) => [level - width / 2, level + width / 2];

const MOST = 1e6; // no scanner's values go so far

/**
 * Why W and L that were typed are not a window, in words; "" if they are.
 * @param {number} width
 * @param {number} level
 */
export function windowFault(width, level) {
  if (!(width > 0 && width <= MOST)) return "W, the window's width, must be above 0.";
  return Math.abs(level) <= MOST ? "" : "L, the window's level, must lie within ±1,000,000.";
}

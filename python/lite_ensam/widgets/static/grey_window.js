/** @import { GreyWindow, Place } from "./contract.d.ts" */

/**
 * The window that a drag makes of another: sideways for its width, up and down for its level.
 * @param {GreyWindow} window at the drag's start
 * @param {Place} drag pixels to the right and down
 * @returns {GreyWindow}
 */
export function draggedWindow([low, high], [right, down]) {
  const width = high - low;
  const pace = Math.max(width, 20) / 250; // values a pixel: wide windows change faster
  const newWidth = Math.max(width + right * pace * 2, width / 100);
  const level = (low + high) / 2 + down * pace;
  return [level - newWidth / 2, level + newWidth / 2];
}

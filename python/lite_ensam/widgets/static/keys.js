// What keys do while the widget has the focus.

import { AXIAL } from "./plane_layout.js";

/** @import { Point } from "./contract.d.ts" */
/** @import { MarkList } from "./mark_list.js" */

/**
 * What is asked of a `Marker`.
 * @typedef {object} Keyed
 * @property {{ shape_zyx: Point }} scan
 * @property {MarkList} marks
 * @property {number} selected
 * @property {(plane: number, step: number) => void} scroll
 * @property {(plane: number, index: number) => void} setSlice
 * @property {() => void} giveUp
 */

const PAGE = 10; // slices
const TAKES_KEYS = "input[type=text], input[type=number], input[data-control=threshold]";

/** @type {Record<string, (marker: Keyed) => void>} */
const KEYS = {
  ArrowUp: (marker) => marker.scroll(AXIAL, -1),
  ArrowDown: (marker) => marker.scroll(AXIAL, 1),
  PageUp: (marker) => marker.scroll(AXIAL, -PAGE),
  PageDown: (marker) => marker.scroll(AXIAL, PAGE),
  Home: (marker) => marker.setSlice(AXIAL, 0),
  End: (marker) => marker.setSlice(AXIAL, marker.scan.shape_zyx[0] - 1),
  Delete: (marker) => marker.marks.remove(marker.selected),
  Backspace: (marker) => marker.marks.remove(marker.selected),
  Escape: (marker) => marker.giveUp(),
};

/** @type {Record<string, (marker: Keyed) => void>} with Ctrl or Cmd */
const COMMANDS = {
  z: (marker) => marker.marks.undo(),
  y: (marker) => marker.marks.redo(),
  "Shift+z": (marker) => marker.marks.redo(),
};

/**
 * Do what a key is for, unless the field that has the focus needs it.
 * @param {Keyed} marker
 * @param {KeyboardEvent} event
 */
export function pressKey(marker, event) {
  const command = event.ctrlKey || event.metaKey;
  const key = command && event.shiftKey ? `Shift+${event.key.toLowerCase()}` : event.key;
  const action = event.altKey ? null : (command ? COMMANDS : KEYS)[key];
  // Ctrl+S and the like are the notebook's; its plain letters (d, d: delete the cell) must not hear of this.
  if (action || !(command || event.altKey)) event.stopPropagation();
  const target = /** @type {Element} */ (event.target);
  if (!action || target.matches(TAKES_KEYS)) return;
  event.preventDefault();
  action(marker);
}

// What keys do while the widget has the focus.

import { AXIAL } from "./plane_layout.js";

/** @import { Point } from "./contract.d.ts" */
/** @import { MarkList } from "./mark_list.js" */

/**
 * What is asked of a `Viewer`.
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

/** @type {Record<string, (viewer: Keyed) => void>} */
const KEYS = {
  ArrowUp: (viewer) => viewer.scroll(AXIAL, -1),
  ArrowDown: (viewer) => viewer.scroll(AXIAL, 1),
  PageUp: (viewer) => viewer.scroll(AXIAL, -PAGE),
  PageDown: (viewer) => viewer.scroll(AXIAL, PAGE),
  Home: (viewer) => viewer.setSlice(AXIAL, 0),
  End: (viewer) => viewer.setSlice(AXIAL, viewer.scan.shape_zyx[0] - 1),
  Delete: (viewer) => viewer.marks.remove(viewer.selected),
  Backspace: (viewer) => viewer.marks.remove(viewer.selected),
  Escape: (viewer) => viewer.giveUp(),
};

/** @type {Record<string, (viewer: Keyed) => void>} with Ctrl or Cmd */
const COMMANDS = {
  z: (viewer) => viewer.marks.undo(),
  y: (viewer) => viewer.marks.redo(),
  "Shift+z": (viewer) => viewer.marks.redo(),
};

/**
 * Do what a key is for, unless the field that has the focus needs it.
 * @param {Keyed} viewer
 * @param {KeyboardEvent} event
 */
export function pressKey(viewer, event) {
  const command = event.ctrlKey || event.metaKey;
  const key = command && event.shiftKey ? `Shift+${event.key.toLowerCase()}` : event.key;
  const action = event.altKey ? null : (command ? COMMANDS : KEYS)[key];
  // Ctrl+S and the like are the notebook's; its plain letters (d, d: delete the cell) must not hear of this.
  if (action || !(command || event.altKey)) event.stopPropagation();
  const target = /** @type {Element} */ (event.target);
  if (!action || target.matches(TAKES_KEYS)) return;
  event.preventDefault();
  action(viewer);
}

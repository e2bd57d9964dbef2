// What the left button does, in words over the picture.

/** @import { Viewer } from "./viewer.js" */

/** @type {Record<string, string>} by tool */
const OF_TOOLS = {
  "short axis": "Drag across a line, at right angles",
  plus: "Click on tumour that the mask misses · Esc: done",
  minus: "Click where the mask is wrong · Esc: done",
  brush: "Paint tumour that is missing · , and . size · Esc: done",
  eraser: "Wipe what is not tumour · , and . size · Esc: done",
  crosshair: "Drag the crosshair on any plane · Esc: done",
  ruler: "Drag from end to end: a distance, not a lesion · Esc: done",
  ROI: "Drag from corner to corner of an ellipse · Esc: done",
};

/**
 * What to do next, as long as that is not plain.
 * @param {Viewer} viewer
 */
export function instruction({ tool, redrawing, selected, marks }) {
  if (redrawing) return `Draw the new line of lesion ${selected} · Esc: leave it as it is`;
  if (tool === "line" && !marks.current.length) return "Scroll to a tumour, then drag along its longest diameter";
  return OF_TOOLS[tool] ?? "";
}

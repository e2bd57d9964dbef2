// The browser's half of RecistViewer, as anywidget wants it: canvas 2D, nothing fetched. Python joins this module and
// all that it imports into one text (widgets/bundle.py).
//
// Python holds the scan, the marks and the masks. Slices come as 8-bit images on request (SliceStore), each plane is
// drawn by a PlaneView and listened to by a PlaneMouse, the lines are edited in MarkList (undo, redo), the table is a
// LesionTable, and Viewer ties them to the model. contract.d.ts says what the model holds.

import { Viewer } from "./viewer.js";

/** @import { Model } from "./contract.d.ts" */

/**
 * @param {{ model: Model, el: HTMLElement }} host
 * @returns {() => void} what anywidget calls when the view is closed
 */
function render({ model, el }) {
  const viewer = new Viewer(model, el);
  return () => viewer.close();
}

export default { render };

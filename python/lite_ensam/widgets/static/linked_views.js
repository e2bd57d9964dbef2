// Zoom and pan of one plane, and of all others with it if they are linked.

import { panned, zoomed } from "./plane_layout.js";

/** @import { Place } from "./contract.d.ts" */
/** @import { PlaneView } from "./plane_view.js" */

/** @type {(view: PlaneView) => PlaneView[]} */
const together = (view) => (view.viewer.display.linked ? view.viewer.views : [view]);

/**
 * Zoom about a place on the screen, which stays where it is; in linked planes the crosshair stays.
 * @param {PlaneView} view
 * @param {number} factor
 * @param {Place | null} place the middle if there is none
 */
export function zoomViews(view, factor, place) {
  const { viewer } = view;
  for (const other of together(view)) {
    const [w, h] = other.size;
    const fixed = other === view ? place ?? [w / 2, h / 2] : other.toScreen(viewer.cursor);
    other.sight = zoomed(other.sight, factor, fixed, [w, h]);
  }
  viewer.draw();
}

/**
 * Move the picture, by pixels of the screen; linked planes as many mm along the axes that they share with this one.
 * @param {PlaneView} view
 * @param {Place} step
 */
export function panViews(view, step) {
  const source = view.layout();
  for (const other of together(view)) other.sight = panned(other.sight, source, other.layout(), step);
  view.viewer.draw();
}

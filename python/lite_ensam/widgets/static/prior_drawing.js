import { writeInside } from "./drawing.js";

/** @import { LabelPatch } from "./contract.d.ts" */
/** @import { PlaneView } from "./plane_view.js" */

/**
 * Numbers of the prior visit's masks, beside those of the slice that is shown.
 * @param {CanvasRenderingContext2D} context
 * @param {PlaneView} view of the prior visit
 * @param {LabelPatch | null} patch
 */
export function drawPriorResults(context, view, patch) {
  if (!patch || !view.viewer.showMasks) return;
  const layout = view.layout();
  patch.labels.forEach((label, n) => {
    const result = view.viewer.scan.prior?.find((one) => one.label === label);
    if (!result) return;
    const columns = patch.shape[1];
    const at = patch.codes.indexOf(n + 1); // its first voxel, on its upper edge
    const [row, column] = [Math.floor(at / columns) + patch.start[0], at % columns + patch.start[1]];
    const [x, y] = layout.fromSlice([row, column]);
    const words = `${label}: ${result.longest_diameter_mm.toFixed(1)} mm, ${result.volume_ml.toFixed(2)} ml`;
    writeInside(context, words, x + 9, y - 6, view.viewer.colorOf(label));
  });
}

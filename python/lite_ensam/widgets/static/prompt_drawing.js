// What a reader tells and paints of a lesion, on a plane: points, slices, the stroke under the hand.

import { BRUSHES, discsOf } from "./brush.js";
import { targetOf } from "./correcting.js";
import { strokeSeen, writeInside } from "./drawing.js";
import { lengthMm, pointOf } from "./geometry.js";
import { AXIAL } from "./plane_layout.js";
import { FIRST, INSIDE, LAST, OUTSIDE } from "./prompts.js";
import { LINE } from "./recist_mark.js";

/** @import { EdgeKey, Mark, Place, Point } from "./contract.d.ts" */
/** @import { PlaneLayout } from "./plane_layout.js" */
/** @import { PlaneView } from "./plane_view.js" */

const RADIUS = 6; // pixels of a click's disc
const ARM = 3.2; // and of the sign in it

/**
 * @param {CanvasRenderingContext2D} context
 * @param {PlaneView} view
 * @param {Mark} mark
 * @param {string} color
 */
export function drawPrompts(context, view, mark, color) {
  if (view.number === AXIAL) writeEdge(context, view, mark, color);
  else drawEdges(context, view, mark, color);
  for (const point of mark[INSIDE]) if (isShown(view, point)) drawSign(context, view.toScreen(point), color, true);
  for (const point of mark[OUTSIDE]) if (isShown(view, point)) drawSign(context, view.toScreen(point), color, false);
}

/** @type {(view: PlaneView, point: Point) => boolean} */
const isShown = (view, point) => Math.round(point[view.plane.cut]) === view.shown;

/**
 * A disc with + or −: told apart by shape, not by colour.
 * @param {CanvasRenderingContext2D} context
 * @param {Place} place
 * @param {string} color of the lesion
 * @param {boolean} inside
 */
function drawSign(context, [x, y], color, inside) {
  context.beginPath();
  context.arc(x, y, RADIUS, 0, 2 * Math.PI);
  context.fillStyle = inside ? "white" : "black";
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = color;
  context.stroke();
  context.strokeStyle = inside ? "black" : "white";
  context.lineCap = "butt";
  context.beginPath();
  context.moveTo(x - ARM, y);
  context.lineTo(x + ARM, y);
  if (inside) {
    context.moveTo(x, y - ARM);
    context.lineTo(x, y + ARM);
  }
  context.stroke();
}

/**
 * Where the lesion stops, as strokes along the outer faces of its first and last slice, as wide as two lines.
 * @param {CanvasRenderingContext2D} context
 * @param {PlaneView} view coronal or sagittal
 * @param {Mark} mark
 * @param {string} color
 */
function drawEdges(context, view, mark, color) {
  const { cut, across } = view.plane;
  const { spacing_mm: spacing } = view.viewer.scan;
  const [from, to] = mark[LINE];
  const middle = pointOf((axis) => (from[axis] + to[axis]) / 2);
  const reach = lengthMm(mark[LINE], spacing);
  if (Math.abs(view.shown - middle[cut]) * spacing[cut] > reach) return;
  /** @type {[EdgeKey, number][]} */
  const faces = [[FIRST, -0.5], [LAST, 0.5]];
  for (const [key, face] of faces) {
    const z = mark[key];
    if (z === null) continue;
    /** @type {(side: number) => Place} */
    const end = (side) => {
      const point = pointOf((
        axis,
      ) => (axis === across ? middle[across] + (side * reach) / spacing[across] : middle[axis]));
      return view.toScreen([z + face, point[1], point[2]]);
    };
    context.setLineDash([7, 4]);
    strokeSeen(context, [end(-1), end(1)], color, 1.6);
    context.setLineDash([]);
  }
}

/**
 * Whether the slice shown is the lesion's first or last, in words beside its line's middle.
 * @param {CanvasRenderingContext2D} context
 * @param {PlaneView} view axial
 * @param {Mark} mark
 * @param {string} color
 */
function writeEdge(context, view, mark, color) {
  const words = edgeWords(mark, view.shown, view.viewer.caudal);
  if (!words) return;
  const [from, to] = mark[LINE];
  const [x, y] = view.toScreen(pointOf((axis) => (from[axis] + to[axis]) / 2));
  writeInside(context, `${mark.label} ${words}`, x + 9, y + 22, color);
}

/** @type {(mark: Mark, z: number, caudal: number) => string} */
function edgeWords(mark, z, caudal) {
  const [begins, ends] = caudal > 0 ? [mark[FIRST], mark[LAST]] : [mark[LAST], mark[FIRST]];
  if (z === begins) return z === ends ? "begins and ends here" : "begins here";
  return z === ends ? "ends here" : "";
}

/**
 * The stroke that is being drawn, until Python's mask takes its place; and the brush, as wide as it paints.
 * @param {CanvasRenderingContext2D} context
 * @param {PlaneView} view
 * @param {PlaneLayout} layout
 */
export function drawBrush(context, view, layout) {
  const { stroke, tool, brushMm, scan } = view.viewer;
  if (!(tool in BRUSHES) || view.visit) return;
  const label = targetOf(view.viewer)?.label ?? 0;
  const color = BRUSHES[tool] ? "#ffffff" : view.viewer.colorOf(label);
  if (stroke && stroke.plane === view.number && stroke.index === view.shown) {
    context.globalAlpha = 0.5;
    context.strokeStyle = color;
    context.lineWidth = 2 * stroke.radius_mm * layout.scale;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    const [first, ...others] = stroke.path.map((point) => layout.fromSlice(point));
    context.moveTo(...first);
    [first, ...others].forEach((place) => context.lineTo(...place)); // a dot has a length of nothing, and round ends
    context.stroke();
    context.globalAlpha = 1;
  } else if (stroke?.ball) {
    context.globalAlpha = 0.5;
    context.fillStyle = color;
    context.beginPath();
    const slice = { plane: view.plane, index: view.shown };
    for (const { middle, radius } of discsOf(stroke, scan.planes[stroke.plane], scan.spacing_mm, slice)) {
      const [x, y] = layout.fromSlice(middle);
      context.moveTo(x, y);
      context.arc(x, y, radius * layout.scale, 0, 2 * Math.PI);
    }
    context.fill();
    context.globalAlpha = 1;
  }
  const { at } = view.mouse;
  if (!at) return;
  context.beginPath();
  context.arc(...at, Math.max((brushMm / 2) * layout.scale, 1), 0, 2 * Math.PI);
  context.strokeStyle = color;
  context.lineWidth = 1.2;
  context.stroke();
}

// The crosshair: dragged on any plane as a whole with its tool, or one of its lines by the line's end; moved and used
// as a mouse by keys.

import { strokeLine } from "./drawing.js";
import { clamp } from "./values.js";

/** @import { Place, Point } from "./contract.d.ts" */
/** @import { PlaneView } from "./plane_view.js" */
/** @import { Viewer } from "./viewer.js" */

/**
 * What a pressed button holds: `move` as the mouse moves, `end` when it lets go, and whether it was dragged.
 * @typedef {{ move: (at: Place) => void, end: (at: Place, dragged: boolean) => void }} Held
 */

const HANDLE_PX = 18; // length of the thick end of a line, at the plane's border
const NEAR_PX = 6; // from which it is grabbed

/**
 * The axes of the crosshair that a press would move: both with the tool, one at the end of a line.
 * @param {Pick<PlaneView, "plane" | "size" | "toScreen">} view
 * @param {Point} cursor
 * @param {Place} at
 * @returns {number[]} array axes, none for a press on something else
 */
export function handleUnder(view, cursor, [x, y]) {
  const { plane, size: [w, h] } = view;
  const [crossX, crossY] = view.toScreen(cursor);
  /** @type {(along: number, length: number) => boolean} */
  const atBorder = (along, length) => along <= HANDLE_PX || along >= length - HANDLE_PX;
  const axes = [];
  if (Math.abs(x - crossX) <= NEAR_PX && atBorder(y, h)) axes.push(plane.across);
  if (Math.abs(y - crossY) <= NEAR_PX && atBorder(x, w)) axes.push(plane.down);
  return axes;
}

/**
 * @param {PlaneView} view
 * @param {number[]} axes that follow the mouse
 * @param {Place} at where it was pressed
 * @returns {Held}
 */
export function holdCrosshair(view, axes, at) {
  /** @type {(at: Place) => void} */
  const move = (place) => {
    const point = view.toVoxel(place);
    /** @type {Point} */
    const cursor = [...view.viewer.cursor];
    for (const axis of axes) cursor[axis] = point[axis];
    view.viewer.setCursor(cursor);
  };
  move(at);
  return { move, end: move };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {PlaneView} view
 */
export function drawCrosshair(context, view) {
  const [x, y] = view.toScreen(view.viewer.cursor);
  const [w, h] = view.size;
  const thin = view.viewer.tool === "crosshair" ? "rgba(120, 190, 255, 0.8)" : "rgba(120, 190, 255, 0.28)";
  strokeLine(context, [[x, 0], [x, h]], thin, 1);
  strokeLine(context, [[0, y], [w, y]], thin, 1);
  context.lineCap = "butt";
  for (const [from, to] of [[0, HANDLE_PX], [h - HANDLE_PX, h]]) thick(context, [x, from], [x, to]);
  for (const [from, to] of [[0, HANDLE_PX], [w - HANDLE_PX, w]]) thick(context, [from, y], [to, y]);
}

/** @type {(context: CanvasRenderingContext2D, from: Place, to: Place) => void} */
const thick = (context, from, to) => strokeLine(context, [from, to], "rgba(120, 190, 255, 0.75)", 3);

/** Keys as a mouse whose place is the crosshair of the plane that is large. */
export class KeyboardMouse {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.down = false;
  }

  get view() {
    return this.viewer.views[this.viewer.large];
  }

  /**
   * Move the crosshair by voxels of the screen's directions; it stays in sight.
   * @param {number} right
   * @param {number} down
   */
  step(right, down) {
    const { viewer, view } = this;
    const { plane } = view;
    const { shape_zyx: shape } = viewer.scan;
    /** @type {Point} */
    const cursor = [...viewer.cursor];
    const [across, vertical] = [plane.flip_across ? -right : right, plane.flip_down ? -down : down];
    cursor[plane.across] = clamp(cursor[plane.across] + across, 0, shape[plane.across] - 1);
    cursor[plane.down] = clamp(cursor[plane.down] + vertical, 0, shape[plane.down] - 1);
    viewer.setCursor(cursor);
    const [x, y] = view.toScreen(cursor);
    const [w, h] = view.size;
    if (x < 0 || y < 0 || x > w || y > h) view.panBy([w / 2 - x, h / 2 - y]);
    if (this.down) this.tell("pointermove");
    viewer.probe.show(cursor);
  }

  /** Press the button at the crosshair, or let it go. A click's tool does both at once. */
  press() {
    this.down = !this.down;
    this.tell(this.down ? "pointerdown" : "pointerup");
    if (this.down && ["plus", "minus"].includes(this.viewer.tool)) this.press();
    else if (this.down) this.viewer.say("Shift + arrows: draw · Space: done · Esc: give up");
  }

  cancel() {
    this.down = false;
  }

  /** @param {string} kind of a pointer's event */
  tell(kind) {
    const { canvas } = this.view;
    const { left, top } = canvas.getBoundingClientRect();
    const [x, y] = this.view.toScreen(this.viewer.cursor);
    const place = { clientX: left + x, clientY: top + y };
    canvas.dispatchEvent(new PointerEvent(kind, { ...place, button: 0, bubbles: true, cancelable: true }));
  }
}

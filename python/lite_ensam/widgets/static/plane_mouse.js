import { BRUSHES, extended, rounded } from "./brush.js";
import { draggedWindow } from "./grey_window.js";
import { askedTarget, clickPoint, NEAR_PX } from "./correcting.js";
import { handleUnder, holdCrosshair } from "./crosshair.js";
import { edited, editedLines, grabbed, touched } from "./line_edit.js";
import { isMeasure } from "./measures.js";
import { AXIAL } from "./plane_layout.js";
import { POINT_TOOLS } from "./prompts.js";
import { faultOf, hasLine, isPoint, LINE } from "./recist_mark.js";

/** @import { Draft, GreyWindow, Place } from "./contract.d.ts" */
/** @import { Held } from "./crosshair.js" */
/** @import { Edit } from "./line_edit.js" */
/** @import { PlaneView } from "./plane_view.js" */

/**
 * A button that is held down: where it went down, how far the mouse has been from there, what the drag changes.
 * @typedef {{ tool: string, from: Place, last: Place, reach: number, window: GreyWindow, edit: Edit | null,
 *    held: Held | null }} Drag
 */

const CLICK_PX = 4; // a shorter drag is a click,
const STILL_PX = 1; // and was meant as one if the hand was as still as this
const AXIAL_ONLY = "Lines are drawn on the axial plane, where RECIST measures; here a drag moves the crosshair";
const ONLY_SHOWN = "The prior visit is for comparison: draw on the scan beside it";
const DOUBLE_MS = 400; // a second click within, in the same place, is the same one
const BESIDE = "That is beside the scan: click on it";
const NOT_A_CLICK = "A + or − is set by a click: press and let go in one place";
const TOO_SHORT = "Too short for a line: drag farther, from end to end";
const WHEEL_STEP = 40;
export const ZOOM_STEP = 1.2;

/** @type {Record<string, string>} by tool */
const CURSORS = { window: "ns-resize", pan: "grab" };

/** @type {(from: Place, to: Place) => Place} */
const offset = (from, to) => [to[0] - from[0], to[1] - from[1]];

/** @type {(from: Place, to: Place) => number} */
const distance = (from, to) => Math.hypot(...offset(from, to));

/** What the mouse does on a plane: draws and moves lines, scrolls, windows, zooms, pans. */
export class PlaneMouse {
  /** @param {PlaneView} view */
  constructor(view) {
    this.view = view;
    this.viewer = view.viewer;
    /** @type {Drag | null} */
    this.drag = null;
    /** @type {Place | null} where the mouse is over the canvas */
    this.at = null;
    this.wheel = 0;
    /** when (ms, by the events' clock) and where a point was last set or taken away */
    this.clicked = { at: -Infinity, from: /** @type {Place} */ ([0, 0]), tool: "", shown: 0 };
    this.pressed = { at: -Infinity, from: /** @type {Place} */ ([0, 0]) };
    this.cursorBefore = this.viewer.cursor;
    const { canvas } = view;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.end(event));
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("pointerleave", () => {
      this.at = null;
      this.viewer.probe.show(null);
      if (this.viewer.tool in BRUSHES) view.draw();
    });
    canvas.addEventListener("dblclick", () => {
      if (POINT_TOOLS[this.viewer.tool]) return;
      view.resetView();
      this.viewer.setCursor(this.cursorBefore); // where the first of both clicks found it
    });
    canvas.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Lines are drawn on axial slices only. */
  get draws() {
    return this.view.number === AXIAL && ["line", "short axis"].includes(this.drag?.tool ?? this.viewer.tool);
  }

  /**
   * @param {MouseEvent} event
   * @returns {Place}
   */
  place(event) {
    const box = this.view.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (this.drag) return;
    event.preventDefault();
    this.viewer.root.focus({ preventScroll: true });
    if (event.isTrusted) this.view.canvas.setPointerCapture(event.pointerId); // not those that keys make
    const at = this.place(event);
    const isSecond = event.timeStamp - this.pressed.at < DOUBLE_MS && distance(at, this.pressed.from) <= NEAR_PX;
    if (!isSecond) this.cursorBefore = this.viewer.cursor;
    this.pressed = { at: event.timeStamp, from: at };
    const tool = event.button === 2 ? "window" : event.button === 1 ? "pan" : this.viewer.tool;
    const held = event.button === 0 ? this.hold(at) : null;
    this.drag = { tool, from: at, last: at, reach: 0, window: this.viewer.store.window, edit: null, held };
    if (held) return;
    if (tool in BRUSHES) this.beginStroke(at);
    if (!this.draws) return;
    this.drag.edit = grabbed(this.view, at, event.shiftKey);
    this.viewer.say(this.drag.edit ? "" : "Draw a line on this slice first: a short axis belongs to one.");
  }

  /**
   * What a press takes hold of besides marks and masks: the crosshair, a ruler or an ROI.
   * @param {Place} at
   */
  hold(at) {
    const { view, viewer } = this;
    const { across, down } = view.plane;
    if (viewer.tool === "crosshair") return holdCrosshair(view, [across, down], at);
    if (view.visit && !isMeasure(viewer.tool)) {
      const held = holdCrosshair(view, [across, down], at);
      /** @type {Held["end"]} */
      const end = (place, dragged) => {
        held.end(place, dragged);
        viewer.say(ONLY_SHOWN);
      };
      return { ...held, end };
    }
    const axes = handleUnder(view, viewer.cursor, at);
    return axes.length ? holdCrosshair(view, axes, at) : viewer.measuring.hold(view, at);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const at = (this.at = this.place(event));
    const { drag, viewer, view } = this;
    if (!drag) {
      this.hover(at);
      return;
    }
    drag.reach = Math.max(drag.reach, distance(at, drag.from));
    const { last } = drag;
    drag.last = at;
    if (drag.held) {
      drag.held.move(at);
    } else if (drag.tool === "pan") {
      view.panBy(offset(last, at));
    } else if (drag.tool === "window") {
      viewer.setWindow(draggedWindow(drag.window, offset(drag.from, at)));
    } else if (POINT_TOOLS[drag.tool]) {
      return; // a click comes of it, or nothing
    } else if (drag.tool in BRUSHES) {
      if (viewer.stroke) viewer.stroke = extended(viewer.stroke, view.layout().toSlice(at));
      if (viewer.stroke?.ball) viewer.views.forEach((other) => other.draw());
      else view.draw();
    } else if (!this.draws) {
      viewer.setCursor(view.toVoxel(at));
    } else if (drag.reach > CLICK_PX && drag.edit) {
      viewer.draft = edited(drag.edit, view.toVoxel(at), viewer.scan.shape_zyx);
      viewer.draw();
    }
  }

  /** Another voxel may lie under the mouse now: the slice changed, or the picture moved. */
  lookAgain() {
    if (this.at) this.viewer.probe.show(this.view.toVoxel(this.at), this.view.visit);
  }

  /** @param {Place} at */
  hover(at) {
    this.lookAgain();
    if (this.viewer.tool in BRUSHES) this.view.draw(); // the brush goes along
    const handle = this.viewer.tool === "crosshair" || handleUnder(this.view, this.viewer.cursor, at).length;
    const overLine = this.draws ? touched(this.view, at) : null;
    const overEnd = overLine && "key" in overLine;
    this.view.canvas.style.cursor = handle
      ? "move"
      : overLine
      ? (overEnd ? "pointer" : "move")
      : (CURSORS[this.viewer.tool] ?? "");
  }

  /** @param {PointerEvent} event */
  end(event) {
    const { drag, viewer, view } = this;
    if (!drag) return;
    const drew = this.draws;
    this.drag = null;
    if (drag.held) {
      drag.held.end(this.place(event), drag.reach > CLICK_PX);
      return;
    }
    if (drag.tool === "window" || drag.tool === "pan") return;
    if (drag.tool in BRUSHES) {
      this.endStroke();
      return;
    }
    if (POINT_TOOLS[drag.tool]) {
      this.click(drag, event);
      return;
    }
    const { draft } = viewer;
    viewer.draft = null;
    if (drew && draft && drag.edit && !isPoint(draft)) {
      this.finish(draft, drag.edit);
    } else if (drew && drag.edit && !drag.edit.fresh) {
      viewer.select(drag.edit.mark.label);
    } else if (!drew || drag.reach <= CLICK_PX) {
      viewer.setCursor(view.toVoxel(this.place(event)));
    }
    if (!drew && drag.reach > CLICK_PX) viewer.say(AXIAL_ONLY);
    if (drew && drag.edit?.fresh && drag.reach > STILL_PX && (!draft || isPoint(draft))) viewer.say(TOO_SHORT);
    viewer.draw();
  }

  /** @param {Place} at */
  beginStroke(at) {
    const { viewer, view } = this;
    const mark = askedTarget(viewer);
    if (!mark) return;
    const result = viewer.model.get("results").find(({ label }) => label === mark.label);
    // a mask that the network is still at is painted on once it is there
    const willHaveMask = result ? result.state !== "rejected" : viewer.model.get("auto_segment");
    if (!willHaveMask) {
      viewer.say(`Lesion ${mark.label} has no mask to edit: segment or accept it first.`);
      return;
    }
    viewer.stroke = {
      label: mark.label,
      tool: viewer.tool,
      plane: view.number,
      index: view.shown,
      radius_mm: viewer.brushMm / 2,
      ball: viewer.hand.ball,
      path: [rounded(view.layout().toSlice(at))],
    };
    view.draw();
  }

  endStroke() {
    const { viewer } = this;
    const { stroke } = viewer;
    viewer.stroke = null;
    if (stroke) viewer.paint(stroke);
  }

  /**
   * A + or − is set, or taken away.
   * @param {Drag} drag
   * @param {PointerEvent} event
   */
  click({ tool, reach, from }, { timeStamp, isTrusted }) {
    const { clicked, view } = this;
    const isSame = clicked.tool === tool && clicked.shown === view.shown && distance(from, clicked.from) <= NEAR_PX;
    // keys, whose clicks are not trusted, make no double clicks
    if (isTrusted && isSame && timeStamp - clicked.at < DOUBLE_MS) return;
    if (reach > CLICK_PX) this.viewer.say(NOT_A_CLICK);
    else if (!view.layout().holds(from)) this.viewer.say(BESIDE);
    else {
      this.clicked = { at: timeStamp, from, tool, shown: view.shown };
      clickPoint(this.viewer, POINT_TOOLS[tool], view, from);
    }
  }

  /**
   * Take a drawn mark over. An invalid short axis is refused; a line's correction never is.
   * @param {Draft} draft
   * @param {Edit} edit
   */
  finish(draft, edit) {
    const { viewer } = this;
    const fault = faultOf(draft, viewer.scan.spacing_mm);
    if (hasLine(draft) && (!fault || editedLines(edit).includes(LINE))) viewer.finish(draft);
    if (fault) viewer.say(fault);
  }

  cancel() {
    this.drag = null;
    this.viewer.draft = null;
    this.viewer.stroke = null;
    this.viewer.measuring.cancel();
    this.viewer.draw();
  }

  /** @param {WheelEvent} event */
  turn(event) {
    event.preventDefault();
    event.stopPropagation();
    this.wheel += event.deltaMode ? event.deltaY * WHEEL_STEP : event.deltaY;
    if (Math.abs(this.wheel) < WHEEL_STEP) return;
    const step = Math.sign(this.wheel);
    this.wheel = 0;
    if (event.ctrlKey || event.metaKey) this.view.zoomBy(ZOOM_STEP ** -step, this.place(event));
    else this.viewer.scroll(this.view.number % this.viewer.scan.planes.length, step);
  }
}

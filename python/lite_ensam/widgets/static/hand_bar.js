// The tools of the hand above the picture: brush and eraser, flat or as a ball, and what Python does to a whole mask.

import { BRUSHES } from "./brush.js";
import { askedTarget } from "./correcting.js";
import { make, makeButton, makeCheck, nameIt, setPressed } from "./elements.js";

/** @import { Viewer } from "./viewer.js" */
/** @typedef {"fill" | "islands" | "smooth"} MaskTool */

/** @type {Record<MaskTool, string>} said until Python tells what was done */
const BUSY = { fill: "Filling between slices …", islands: "Looking for islands …", smooth: "Smoothing …" };
const [LEAST_SMOOTH_MM, MOST_SMOOTH_MM] = [0.1, 20]; // Python takes no more

/**
 * Why a mask cannot be smoothed by so much, in words; "" if it can.
 * @param {number} mm
 */
export const smoothFault = (mm) =>
  mm >= LEAST_SMOOTH_MM && mm <= MOST_SMOOTH_MM
    ? ""
    : `A mask is smoothed by ${LEAST_SMOOTH_MM} to ${MOST_SMOOTH_MM} mm.`;

/** Brush, eraser, fill between slices, islands, smooth. */
export class HandBar {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.ball = false; // whether brush and eraser reach before and behind the slice
    this.smoothMm = 2;
    const titles = {
      brush: "paint tumour by hand on any plane (R); it stays when the network answers again",
      eraser: "wipe the mask by hand on any plane (X)",
    };
    this.brushes = Object.entries(titles).map(([tool, title]) =>
      makeButton(tool, title, () => viewer.setTool(tool), { tool })
    );
    this.size = this.field("brush, mm wide", "width of the brush in mm", (mm) => viewer.setBrush(mm));
    const ball = makeCheck("3D", "a ball instead of a disc: slices before and behind, too (T)", false, () => {
      this.toggleBall();
      viewer.root.focus({ preventScroll: true }); // keys are for the picture again
    }, { control: "ball" });
    this.ballBox = ball.box;
    this.smooth = this.field("smooth, mm", "how much is smoothed, in mm", (mm) => {
      const fault = smoothFault(mm);
      if (!fault) this.smoothMm = mm;
      viewer.say(fault || `Smooth: ${this.smoothMm} mm`);
    });
    /** @type {(tool: MaskTool, text: string, title: string) => HTMLButtonElement} */
    const button = (tool, text, title) => makeButton(text, title, () => this.use(tool), { action: tool });
    /** @type {(title: string, ...children: Node[]) => HTMLElement} */
    const group = (title, ...children) => make("span", { className: "le-group", title }, ...children);
    this.root = group("by hand", ...this.brushes, make("label", {}, this.size, " mm"), ball.root);
    this.wholeMask = group(
      "the whole mask, by hand",
      button("fill", "fill between", "draw the slices between those that were painted by hand (J)"),
      button("islands", "islands", "remove all parts but the one that holds the line (U)"),
      button("smooth", "smooth", "smooth the border and keep the volume (G)"),
      make("label", {}, this.smooth, " mm"),
    );
  }

  /**
   * A number that can be typed; Enter takes it over, and keys are for the picture again.
   * @param {string} title
   * @param {string} name
   * @param {(value: number) => void} action
   */
  field(title, name, action) {
    const field = make("input", { type: "number", min: "0", step: "any", className: "le-window", title });
    nameIt(field, name);
    field.addEventListener("change", () => action(Number(field.value)));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.viewer.root.focus({ preventScroll: true });
    });
    return field;
  }

  toggleBall() {
    this.ball = !this.ball;
    const { viewer } = this;
    if (!(viewer.tool in BRUSHES)) viewer.setTool("brush");
    viewer.say(this.ball ? "3D: brush and eraser are balls" : "Brush and eraser stay on their slice");
  }

  /** @param {MaskTool} tool */
  use(tool) {
    const mark = askedTarget(this.viewer);
    if (!mark) return;
    this.viewer.say(BUSY[tool]);
    this.viewer.model.send({ kind: "tool", tool, label: mark.label, mm: this.smoothMm });
  }

  update() {
    const { viewer } = this;
    const root = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
    this.brushes.forEach((button) => setPressed(button, button.dataset.tool === viewer.tool));
    if (root.activeElement !== this.size) this.size.value = String(viewer.brushMm);
    if (root.activeElement !== this.smooth) this.smooth.value = String(this.smoothMm);
    this.ballBox.checked = this.ball;
  }
}

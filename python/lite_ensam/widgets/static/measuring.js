// Rulers and ROIs under the hand, on the planes, and in their list.

import { fillDot, strokeSeen, writeBeside } from "./drawing.js";
import { make, makeButton } from "./elements.js";
import { eachEnd } from "./geometry.js";
import { endUnder, insideSlice, isEmpty, isMeasure, measureWords, placeWords, withMeasure } from "./measures.js";
import { clamp, same } from "./values.js";

/** @import { FromPython, Measure, Place, Statistics } from "./contract.d.ts" */
/** @import { Held } from "./crosshair.js" */
/** @import { PlaneView } from "./plane_view.js" */
/** @import { Viewer } from "./viewer.js" */

const COLOR = "#fff26b";

/** The measures of a viewer: which there are, which one is being drawn, what Python knows of their voxels. */
export class Measuring {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Measure | null} the one under the hand */
    this.draft = null;
    /** @type {Measure | null} what it was before */
    this.old = null;
    /** @type {Map<string, Statistics | undefined>} by the measure's JSON; undefined while Python is asked */
    this.statistics = new Map();
    this.list = make("ul", { className: "le-measures" });
    this.root = make("div", { hidden: true }, make("b", { textContent: "measured (not lesions)" }), this.list);
  }

  get all() {
    return this.viewer.marks.measures;
  }

  /** @param {Measure[]} measures */
  replace(measures) {
    this.viewer.marks.commit({ measures });
  }

  /** @param {Measure} measure */
  remove(measure) {
    this.replace(this.all.filter((one) => !same(one, measure)));
  }

  removeLast() {
    const last = this.all.at(-1);
    if (last) this.remove(last);
    this.viewer.say(
      last ? `${last.kind} deleted · Ctrl+Z brings it back` : "Nothing to delete: draw a ruler or an ROI first.",
    );
  }

  /** @param {FromPython} message */
  hear(message) {
    if (message.kind !== "roi") return;
    this.statistics.set(JSON.stringify(message.measure), message.statistics);
    this.viewer.refresh();
  }

  /** @param {Measure} measure */
  words(measure) {
    const { planes, unit } = this.viewer.scan;
    return measureWords(measure, planes[measure.plane % planes.length], unit, this.statisticsOf(measure));
  }

  /**
   * What Python knows of an ROI; it is asked once, when the hand has let go.
   * @param {Measure} measure
   */
  statisticsOf(measure) {
    if (measure.kind !== "ROI" || measure === this.draft) return undefined;
    const key = JSON.stringify(measure);
    if (!this.statistics.has(key)) {
      this.statistics.set(key, undefined);
      this.viewer.model.send({ kind: "roi", measure });
    }
    return this.statistics.get(key);
  }

  /**
   * A press on a plane: the end of a measure that is there is moved, or another one begins.
   * @param {PlaneView} view
   * @param {Place} at
   * @returns {Held | null}
   */
  hold(view, at) {
    const { viewer } = this;
    const found = endUnder(this.all, view, at);
    const { tool } = viewer;
    if (!isMeasure(tool)) return null;
    /** @type {(at: Place) => Place} */
    const placed = (place) => insideSlice(view.layout().toSlice(place), view.plane);
    const fixed = found ? found.measure.ends[1 - found.end] : placed(at);
    this.old = found?.measure ?? null;
    const { kind, plane, index } = found?.measure ?? { kind: tool, plane: view.number, index: view.shown };
    /** @type {(place: Place) => void} */
    const move = (place) => {
      this.draft = { kind, plane, index, ends: [fixed, placed(place)] };
      view.draw();
    };
    return {
      move,
      end: (place, dragged) => {
        if (dragged) move(place);
        const { draft, old } = this;
        this.cancel();
        if (draft && !isEmpty(draft, view.plane)) this.replace(withMeasure(this.all, old, draft));
        else if (!found) viewer.say(`Drag from one ${tool === "ruler" ? "end to the other" : "corner to the other"}`);
        viewer.draw();
      },
    };
  }

  cancel() {
    this.draft = this.old = null;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {PlaneView} view
   */
  draw(context, view) {
    const shown = this.all.filter((measure) => !this.old || !same(measure, this.old));
    for (const measure of this.draft ? [...shown, this.draft] : shown) {
      if (measure.plane === view.number && measure.index === view.shown) this.drawOne(context, view, measure);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {PlaneView} view
   * @param {Measure} measure
   */
  drawOne(context, view, measure) {
    const layout = view.layout();
    const ends = eachEnd(measure.ends, (end) => layout.fromSlice(end));
    const [[x0, y0], [x1, y1]] = ends;
    if (measure.kind === "ruler") {
      strokeSeen(context, ends, COLOR, 1.4);
    } else {
      context.beginPath();
      context.ellipse((x0 + x1) / 2, (y0 + y1) / 2, Math.abs(x1 - x0) / 2, Math.abs(y1 - y0) / 2, 0, 0, 2 * Math.PI);
      for (const [style, width] of /** @type {[string, number][]} */ ([["rgba(0, 0, 0, 0.7)", 3.8], [COLOR, 1.4]])) {
        context.strokeStyle = style;
        context.lineWidth = width;
        context.stroke();
      }
    }
    ends.forEach((end) => fillDot(context, end, 3, "black", COLOR));
    writeBeside(context, this.words(measure), [Math.min(x0, x1), Math.max(x0, x1)], (y0 + y1) / 2, COLOR);
  }

  update() {
    const { viewer } = this;
    this.root.hidden = !this.all.length;
    this.list.replaceChildren(...this.all.map((measure) => {
      const words = `${measure.kind}: ${this.words(measure).join("; ")}`;
      const place = placeWords(measure, viewer.scan);
      return make(
        "li",
        { data: { measure: measure.kind } },
        makeButton(`${words} (${place})`, "show it", () => this.show(measure)),
        makeButton("×", `take this ${measure.kind} away`, () => this.remove(measure)),
      );
    }));
  }

  /** @param {Measure} measure */
  show({ plane, index, ends: [from, to] }) {
    const { viewer } = this;
    const { cut, across, down } = viewer.scan.planes[plane % viewer.scan.planes.length];
    /** @type {[number, number, number]} */
    const cursor = [...viewer.cursor];
    cursor[cut] = index;
    cursor[down] = clamp(Math.round((from[0] + to[0]) / 2), 0, viewer.scan.shape_zyx[down] - 1);
    cursor[across] = clamp(Math.round((from[1] + to[1]) / 2), 0, viewer.scan.shape_zyx[across] - 1);
    viewer.setCursor(cursor);
  }
}

import { drawCrosshair } from "./crosshair.js";
import { fillDot, fillOf, outlinesOf, strokeLine, strokeSeen, writeInside, writeText } from "./drawing.js";
import { contextOf, make, nameIt } from "./elements.js";
import { angleBetween, eachEnd, lengthMm } from "./geometry.js";
import { panViews, zoomViews } from "./linked_views.js";
import { AXIAL, PlaneLayout, sliceWords, WHOLE_SLICE } from "./plane_layout.js";
import { PlaneMouse } from "./plane_mouse.js";
import { drawBrush, drawPrompts } from "./prompt_drawing.js";
import { drawPriorResults } from "./prior_drawing.js";
import { hasLine, LINE, SHORT_AXIS } from "./recist_mark.js";
import { same } from "./values.js";

/** @import { Draft, Ends, Place, Point } from "./contract.d.ts" */
/** @import { Viewer } from "./viewer.js" */
/** @import { Sight } from "./plane_layout.js" */
/** @import { KeptPatch } from "./slice_store.js" */

const OFF_PERPENDICULAR = 10; // degrees from which a short axis says that it is none

/** One plane on a canvas: image, masks, lines, letters. */
export class PlaneView {
  /**
   * @param {Viewer} viewer
   * @param {number} number of the plane: axial, coronal, sagittal, and these three of the prior visit
   */
  constructor(viewer, number) {
    this.viewer = viewer;
    this.number = number;
    const { planes } = viewer.scan;
    this.plane = planes[number % planes.length];
    this.visit = Math.floor(number / planes.length); // 1 for the prior one
    this.name = `${this.visit ? "prior " : ""}${this.plane.name}`;
    this.canvas = make("canvas", { className: "le-canvas", data: { plane: this.name } });
    this.canvas.setAttribute("role", "img");
    this.root = make("div", { className: `le-plane le-${this.visit ? "prior" : this.plane.name}` }, this.canvas);
    /** @type {Sight} */
    this.sight = WHOLE_SLICE;
    this.shown = -1; // the slice that is on the screen
    this.image = make("canvas", { width: this.plane.shape[1], height: this.plane.shape[0] });
    /** @type {Uint8Array | null} what `image` was filled with */
    this.pixels = null;
    this.mouse = new PlaneMouse(this);
  }

  get index() {
    return this.viewer.cursor[this.plane.cut];
  }

  get isHidden() {
    return this.root.hidden;
  }

  // ---- where things are

  /** @returns {Place} */
  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  layout() {
    return new PlaneLayout(this.plane, this.size, this.sight);
  }

  /**
   * Screen place of a voxel.
   * @param {Point} point
   */
  toScreen(point) {
    return this.layout().toScreen(point);
  }

  /**
   * The voxel under a screen place, on the slice that is shown; inside the scan.
   * @param {Place} place
   */
  toVoxel(place) {
    /** @type {Point} */
    const slice = [...this.viewer.cursor];
    if (this.shown >= 0) slice[this.plane.cut] = this.shown;
    return this.layout().toVoxel(place, slice);
  }

  /**
   * Zoom about a place on the screen, which stays where it is; the middle if there is none.
   * @param {number} factor
   * @param {Place | null} place
   */
  zoomBy(factor, place = null) {
    zoomViews(this, factor, place);
  }

  /**
   * Move the picture, by pixels of the screen.
   * @param {Place} step
   */
  panBy(step) {
    panViews(this, step);
  }

  resetView() {
    this.sight = WHOLE_SLICE;
    this.draw();
  }

  // ---- drawing

  draw() {
    if (this.isHidden) return;
    const { images, patches } = this.viewer.store;
    const pixels = images.get(`${this.number}/${this.index}`);
    if (pixels) {
      if (pixels !== this.pixels) this.fillImage(pixels);
      this.shown = this.index;
      this.canvas.dataset.window = this.viewer.store.window.join(" ");
    }
    if (this.shown < 0) return;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = this.size;
    if (this.canvas.width !== Math.round(w * ratio) || this.canvas.height !== Math.round(h * ratio)) {
      this.canvas.width = Math.round(w * ratio);
      this.canvas.height = Math.round(h * ratio);
    }
    const context = contextOf(this.canvas);
    const place = this.layout();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = "black";
    context.fillRect(0, 0, w, h);
    context.setTransform(ratio * place.a, 0, 0, ratio * place.d, ratio * place.e, ratio * place.f);
    context.imageSmoothingEnabled = this.viewer.display.smooth;
    context.drawImage(this.image, 0, 0);
    const patch = patches.get(`${this.number}/${this.shown}`);
    if (patch && this.viewer.showMasks) this.drawMasks(context, patch, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawCrosshair(context, this);
    if (this.visit) drawPriorResults(context, this, patch ?? null);
    const marks = this.visit ? [] : this.viewer.drawnMarks();
    marks.forEach((mark) => this.drawMark(context, mark));
    marks.filter(hasLine).forEach((mark) => drawPrompts(context, this, mark, this.viewer.colorOf(mark.label)));
    if (this.viewer.showDiameters) this.drawDiameters(context);
    this.viewer.measuring.draw(context, this);
    drawBrush(context, this, place);
    this.drawWords(context, w, h);
    this.canvas.dataset.index = String(this.shown);
    this.canvas.dataset.scale = place.scale.toFixed(3);
    this.canvas.dataset.slab = this.viewer.display.slabWords;
    if (patches.has(`${this.number}/${this.shown}`)) {
      this.canvas.dataset.maskVersion = String(this.viewer.store.version);
      this.canvas.dataset.masks = patch ? patch.labels.join(" ") : "";
    }
    this.mouse.lookAgain();
  }

  /** @param {Uint8Array} pixels */
  fillImage(pixels) {
    const context = contextOf(this.image);
    const image = context.createImageData(this.image.width, this.image.height);
    const words = new Uint32Array(image.data.buffer);
    for (let i = 0; i < words.length; i += 1) words[i] = 0xff000000 | (pixels[i] * 0x010101);
    context.putImageData(image, 0, 0);
    this.pixels = pixels;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {KeptPatch} patch
   * @param {number} ratio pixels of the canvas a pixel of the screen
   */
  drawMasks(context, patch, ratio) {
    const colors = patch.labels.map((label) => this.viewer.colorOf(label));
    patch.outlines ??= outlinesOf(patch);
    if (!patch.fill || !same(patch.colors, colors)) {
      patch.fill = fillOf(patch, colors);
      patch.colors = colors;
    }
    context.imageSmoothingEnabled = false;
    context.globalAlpha = this.viewer.display.fill;
    context.drawImage(patch.fill, patch.start[1], patch.start[0]);
    context.globalAlpha = 1;
    const { a, d, e, f } = this.layout();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    patch.outlines.forEach((outline, i) => {
      const path = new Path2D();
      path.addPath(outline, new DOMMatrix([a, 0, 0, d, e, f]));
      context.strokeStyle = colors[i];
      context.stroke(path);
    });
  }

  /**
   * The line in its slice; its shadow, dotted, in the planes that cut it.
   * @param {CanvasRenderingContext2D} context
   * @param {Draft} mark
   */
  drawMark(context, mark) {
    const line = mark[LINE];
    if (!line) {
      if (this.number === AXIAL) this.drawShortAxis(context, mark, "white", true);
      return;
    }
    const cut = line.map((end) => end[this.plane.cut]).sort((a, b) => a - b);
    if (this.shown < Math.floor(cut[0]) || this.shown > Math.ceil(cut[1])) return;
    const color = this.viewer.colorOf(mark.label);
    const selected = mark.label === this.viewer.selected;
    const ends = eachEnd(line, (end) => this.toScreen(end));
    if (this.number !== AXIAL) {
      this.drawShadow(context, ends, color, selected ? 2.4 : 1.6);
      const short = mark[SHORT_AXIS];
      if (short) this.drawShadow(context, eachEnd(short, (end) => this.toScreen(end)), color, selected ? 2 : 1.2);
      return;
    }
    this.drawShortAxis(context, mark, color, selected);
    this.drawLine(context, ends, color, selected, 1.6);
    const [x, y] = ends[0][0] > ends[1][0] ? ends[0] : ends[1];
    const length = lengthMm(line, this.viewer.scan.spacing_mm).toFixed(1);
    writeInside(context, `${mark.label || "new"}: ${length} mm`, x + 9, y + 4, color);
  }

  /**
   * A line in a plane that cuts it.
   * @param {CanvasRenderingContext2D} context
   * @param {Ends<Place>} ends
   * @param {string} color
   * @param {number} width
   */
  drawShadow(context, ends, color, width) {
    context.setLineDash([2, 3]);
    strokeSeen(context, ends, color, width);
    context.setLineDash([]);
  }

  /**
   * Of a mark that may have no line yet: a stroke that has not crossed one.
   * @param {CanvasRenderingContext2D} context
   * @param {Draft} mark
   * @param {string} color
   * @param {boolean} selected
   */
  drawShortAxis(context, { [LINE]: line, [SHORT_AXIS]: short }, color, selected) {
    if (!short) return;
    const { spacing_mm: spacing } = this.viewer.scan;
    const ends = eachEnd(short, (end) => this.toScreen(end));
    this.drawLine(context, ends, color, selected, 1.2);
    const angle = line ? angleBetween(line, short, spacing) : 90;
    const askew = 90 - angle > OFF_PERPENDICULAR ? ` (${angle.toFixed(0)}° to the line)` : "";
    const [x, y] = ends[0][1] < ends[1][1] ? ends[0] : ends[1];
    const [left, right] = eachEnd(line ?? short, (end) => this.toScreen(end)).sort((a, b) => a[0] - b[0]);
    const isLeft = right[1] < left[1]; // away from a line that rises to the right, and from its own words
    const words = `${lengthMm(short, spacing).toFixed(1)} mm${askew}`;
    writeInside(context, words, isLeft ? x + 8 : x - 8, y - 9, color, isLeft);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Ends<Place>} ends
   * @param {string} color
   * @param {boolean} selected
   * @param {number} width
   */
  drawLine(context, ends, color, selected, width) {
    strokeSeen(context, ends, color, selected ? width + 0.8 : width);
    const [fill, stroke] = selected ? [color, "white"] : ["black", color];
    ends.forEach((end) => fillDot(context, end, width + (selected ? 2.9 : 1.9), fill, stroke));
  }

  /**
   * Longest diameter and short axis of the masks, on the slice where they were measured.
   * @param {CanvasRenderingContext2D} context
   */
  drawDiameters(context) {
    if (this.number !== AXIAL) return;
    for (const row of this.viewer.model.get("results")) {
      if (row.longest_diameter_slice !== this.shown) continue;
      context.setLineDash([5, 4]);
      for (const ends of [row.longest_diameter_zyx, row.short_axis_zyx]) {
        if (ends) strokeLine(context, eachEnd(ends, (end) => this.toScreen(end)), "white", 1.2);
      }
      context.setLineDash([]);
    }
  }

  /**
   * Which plane and slice this is, and the patient's sides.
   * @param {CanvasRenderingContext2D} context
   * @param {number} w
   * @param {number} h
   */
  drawWords(context, w, h) {
    const { name } = this;
    const [slice, position] = sliceWords(this.plane, this.shown);
    const words = [name, slice, position, this.viewer.display.slabWords].filter(Boolean);
    words.forEach((text, line) => writeText(context, text, 6, 16 + 16 * line, "white"));
    nameIt(this.canvas, words.join(", "));
    const [left, right, top, bottom] = this.plane.sides;
    writeText(context, left, 5, h / 2, "white");
    writeText(context, right, w - 15, h / 2, "white");
    writeText(context, top, w / 2 - 4, 15, "white");
    writeText(context, bottom, w / 2 - 4, h - 7, "white");
  }
}

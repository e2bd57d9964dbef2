// The lesions in 3D: surfaces of their masks and their lines, turned by mouse and keys.

import { strokeSeen, writeText } from "./drawing.js";
import { contextOf, make, nameIt } from "./elements.js";
import { ballAround, dot, eyeAt, turned } from "./scene_geometry.js";
import { bytesOf } from "./slice_store.js";
import { SurfacePainter } from "./surface_painter.js";
import { clamp } from "./values.js";

/** @import { FromPython, Place, SurfacesMessage } from "./contract.d.ts" */
/** @import { Vector } from "./scene_geometry.js" */
/** @import { Viewer } from "./viewer.js" */
/** @typedef {{ label: number, vertices: Float32Array, triangles: Uint32Array, line_mm: [Vector, Vector] }} Surface */

const FROM = /** @type {const} */ ([0.35, 0.4]); // the eye: from the front, a little from the right and above
const MARGIN = 1.25;
const KEY_PX = 24; // a key turns as much as such a drag
const AXES_PX = 26;
const NO_WEBGL = "3D needs WebGL, which this browser does not offer.";

/** @type {Record<string, Place>} by key: the drag that it stands for */
const TURNS = { ArrowLeft: [-KEY_PX, 0], ArrowRight: [KEY_PX, 0], ArrowUp: [0, -KEY_PX], ArrowDown: [0, KEY_PX] };
/** @type {Record<string, number>} */
const ZOOMS = { "+": 1.2, "=": 1.2, "-": 1 / 1.2 };

export class SceneView {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.solid = make("canvas", { className: "le-canvas" });
    this.solid.setAttribute("aria-hidden", "true"); // the canvas over it has the words
    this.over = make("canvas", { className: "le-canvas", tabIndex: 0, data: { plane: "3D" } });
    this.over.setAttribute("role", "img");
    nameIt(this.over, "lesions in 3D: arrow keys turn, + and − zoom");
    this.root = make("div", { className: "le-plane le-scene", hidden: true }, this.solid, this.over);
    /** @type {SurfacePainter | null} */
    this.painter = null;
    /** @type {Surface[]} */
    this.surfaces = [];
    this.version = -1; // of the masks that are shown or asked for
    this.ball = ballAround([]);
    this.fault = "";
    /** @type {number} radians, see `eyeAt` */
    this.yaw = FROM[0];
    /** @type {number} */
    this.pitch = FROM[1];
    this.zoom = 1;
    this.over.addEventListener("pointermove", (event) => {
      if (event.buttons === 1) this.turn(event.movementX, event.movementY);
    });
    this.over.addEventListener("pointerdown", (event) => {
      if (event.isTrusted) this.over.setPointerCapture(event.pointerId);
    });
    this.over.addEventListener("dblclick", () => {
      this.resetEye();
      this.draw();
    });
    this.over.addEventListener("wheel", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.zoomBy(event.deltaY > 0 ? 1 / 1.2 : 1.2);
    }, { passive: false });
    this.over.addEventListener("keydown", (event) => {
      const [turn, zoom] = [TURNS[event.key], ZOOMS[event.key]];
      if (!turn && !zoom || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      if (turn) this.turn(...turn);
      if (zoom) this.zoomBy(zoom);
    });
  }

  close() {
    this.painter?.close();
    this.painter = null;
    this.surfaces = [];
  }

  resetEye() {
    [this.yaw, this.pitch] = FROM;
    this.zoom = 1;
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  turn(dx, dy) {
    [this.yaw, this.pitch] = turned(this.yaw, this.pitch, dx, dy);
    this.draw();
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.zoom = clamp(this.zoom * factor, 0.2, 20);
    this.draw();
  }

  /** Ask for the surfaces of masks that are new, and draw; nothing is done while 3D is not shown. */
  update() {
    if (this.root.hidden) return;
    const version = this.viewer.store.version;
    if (version !== this.version) {
      this.version = version;
      this.viewer.model.send({ kind: "surfaces" });
    }
    this.paint();
  }

  /**
   * @param {FromPython} message
   * @param {(DataView | ArrayBuffer)[]} buffers
   */
  hear(message, buffers) {
    if (message.kind !== "surfaces") return;
    const parts = buffers.map((buffer) => bytesOf(buffer).slice().buffer); // aligned to 4 bytes
    this.surfaces = message.surfaces.map(({ label, line_mm }, n) => ({
      label,
      line_mm,
      vertices: new Float32Array(parts[2 * n]),
      triangles: new Uint32Array(parts[2 * n + 1]),
    }));
    this.ball = ballAround(this.surfaces.flatMap(({ vertices, line_mm }) => [vertices, line_mm.flat()]));
    this.paint();
  }

  /** Surfaces in their colours, then the picture. */
  paint() {
    try {
      this.painter ??= new SurfacePainter(this.solid);
    } catch {
      this.fault = NO_WEBGL;
    }
    this.painter?.setShapes(
      this.surfaces.map(({ label, ...shape }) => ({ ...shape, color: this.viewer.colorOf(label) })),
    );
    this.draw();
  }

  draw() {
    const ratio = globalThis.devicePixelRatio || 1;
    const [w, h] = [this.over.clientWidth, this.over.clientHeight];
    for (const canvas of [this.solid, this.over]) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
    }
    const { center, radius } = this.ball;
    const eye = eyeAt(this.yaw, this.pitch);
    const pixels = this.zoom * Math.min(w, h) / (2 * MARGIN * radius); // a mm
    this.painter?.draw(eye, center, [2 * pixels / w, 2 * pixels / h], 1 / (MARGIN * radius));
    const context = contextOf(this.over);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    /** @type {(point: Vector) => Place} */
    const toScreen = ([x, y, z]) => {
      /** @type {Vector} */
      const p = [x - center[0], y - center[1], z - center[2]];
      return [w / 2 + dot(eye.right, p) * pixels, h / 2 - dot(eye.up, p) * pixels];
    };
    for (const { label, line_mm: [from, to] } of this.surfaces) {
      const ends = /** @type {[Place, Place]} */ ([toScreen(from), toScreen(to)]);
      strokeSeen(context, ends, "#fff26b", 1.6);
      writeText(context, String(label), ends[1][0] + 6, ends[1][1] + 4, this.viewer.colorOf(label));
    }
    this.drawAxes(context, eye, h);
    writeText(context, this.fault || (this.surfaces.length ? "3D" : "3D: no mask yet"), 6, 16, "white");
    this.over.dataset.surfaces = this.surfaces.map(({ label }) => label).join(" ");
    this.over.dataset.eye = `${this.yaw.toFixed(2)} ${this.pitch.toFixed(2)} ${this.zoom.toFixed(2)}`;
  }

  /**
   * Where the patient's left, front and head are, if that is known.
   * @param {CanvasRenderingContext2D} context
   * @param {import("./scene_geometry.js").Eye} eye
   * @param {number} h
   */
  drawAxes(context, { right, up }, h) {
    if (!this.viewer.scan.planes[0].sides[0]) return;
    ["L", "A", "H"].forEach((letter, axis) => {
      const sign = axis ? 1 : -1; // x runs to the right
      const [x, y] = [sign * right[axis] * AXES_PX, -sign * up[axis] * AXES_PX];
      const [left, top] = [44, h - 44];
      strokeSeen(context, [[left, top], [left + x, top + y]], "#bbb", 1.2);
      writeText(context, letter, left + 1.35 * x - 4, top + 1.35 * y + 5, "white");
    });
  }
}

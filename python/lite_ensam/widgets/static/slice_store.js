import { same } from "./values.js";

/** @import { FromPython, GreyWindow, LabelPatch, Model, Slab, SliceAt, SlicesMessage } from "./contract.d.ts" */

/**
 * A label patch and how it was drawn last (plane_view.js).
 * @typedef {LabelPatch & { outlines?: Path2D[], colors?: string[], fill?: HTMLCanvasElement }} KeptPatch
 */

const CACHE_BYTES = 96e6;
const PREFETCH = 4; // slices ahead in the direction of scrolling
const PREFETCH_AT_ONCE = 2; // what the user wants next waits for no more than these

/** Images and label patches by slice; what is missing is asked for, the visible slices first. */
export class SliceStore {
  /**
   * @param {Model} model
   * @param {() => void} onArrival
   */
  constructor(model, onArrival) {
    this.model = model;
    this.onArrival = onArrival;
    /** @type {Map<string, Uint8Array>} "plane/index" to an image; the oldest come first */
    this.images = new Map();
    /** @type {Map<string, KeptPatch | null>} "plane/index" to what the slice shows of the masks; null for nothing */
    this.patches = new Map();
    this.bytes = 0;
    this.window = model.get("window");
    /** @type {Slab | null} slices that are shown as one */
    this.slab = null;
    this.version = model.get("_mask_version");
    this.id = Math.random().toString(36).slice(2);
    this.waiting = false;
    /** @type {(message: FromPython, buffers: (DataView | ArrayBuffer)[]) => void} */
    this.onMessage = (message, buffers) => {
      if (message.kind === "slices") this.receive(message, buffers);
    };
    model.on("msg:custom", this.onMessage);
  }

  /** Give the memory back. */
  close() {
    this.model.off("msg:custom", this.onMessage);
    this.forgetImages();
    this.patches.clear();
  }

  /**
   * Ask for what is missing; one request travels at a time.
   * @param {SliceAt[]} visible
   * @param {SliceAt[]} ahead is asked for when nothing visible is missing
   */
  request(visible, ahead) {
    if (this.waiting) return;
    let wants = this.missing(visible);
    if (!wants.length) wants = this.missing(ahead).slice(0, PREFETCH_AT_ONCE);
    if (!wants.length) return;
    this.waiting = true;
    this.model.send({ kind: "slices", id: this.id, window: this.window, slab: this.slab, wants });
  }

  /**
   * Slices without image or masks, and whether the image is wanted too.
   * @param {SliceAt[]} slices
   */
  missing(slices) {
    /** @type {[...SliceAt, withImage: boolean][]} */
    const wants = slices.map(([plane, index]) => [plane, index, !this.images.has(`${plane}/${index}`)]);
    return wants.filter(([plane, index, withImage]) => withImage || !this.patches.has(`${plane}/${index}`));
  }

  /**
   * Slices that were asked for, or masks that Python sends by itself when they are new.
   * @param {SlicesMessage} message
   * @param {(DataView | ArrayBuffer)[]} buffers
   */
  receive(message, buffers) {
    if (message.id === this.id) this.waiting = false;
    if (message.mask_version > this.version) this.setMaskVersion(message.mask_version);
    const parts = buffers.map(bytesOf);
    for (const slice of message.slices) {
      const key = `${slice.plane}/${slice.index}`;
      const image = slice.image ? parts.shift() : null;
      const codes = slice.patch ? parts.shift() : null;
      if (image && same([message.window, message.slab], [this.window, this.slab])) this.keepImage(key, image);
      if (message.mask_version === this.version) {
        this.patches.set(key, slice.patch?.labels.length && codes ? { ...slice.patch, codes } : null);
      }
    }
    this.onArrival();
  }

  /**
   * @param {string} key
   * @param {Uint8Array} image
   */
  keepImage(key, image) {
    if (this.images.has(key)) return;
    this.images.set(key, image);
    this.bytes += image.length;
    for (const [oldest, old] of this.images) {
      if (this.bytes <= CACHE_BYTES) break;
      this.images.delete(oldest);
      this.bytes -= old.length;
    }
  }

  /** @param {GreyWindow} window */
  setWindow(window) {
    if (same(window, this.window)) return;
    this.window = window;
    this.forgetImages();
  }

  /** @param {Slab | null} slab */
  setSlab(slab) {
    if (same(slab, this.slab)) return;
    this.slab = slab;
    this.forgetImages();
  }

  forgetImages() {
    this.images.clear();
    this.bytes = 0;
  }

  /** @param {number} version */
  setMaskVersion(version) {
    if (version === this.version) return;
    this.version = version;
    this.patches.clear();
  }
}

/**
 * Hosts differ in which of the two they hand over.
 * @param {DataView | ArrayBuffer} buffer
 */
export const bytesOf = (buffer) =>
  ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);

/**
 * The next slices of a plane in the direction of scrolling.
 * @param {SliceAt} shown
 * @param {number} step 1 or -1
 * @param {number} nSlices
 * @returns {SliceAt[]}
 */
export function slicesAhead([plane, index], step, nSlices) {
  const next = Array.from({ length: PREFETCH }, (_, n) => index + step * (n + 1));
  return next.filter((i) => i >= 0 && i < nSlices).map((i) => [plane, i]);
}

// How the picture is shown; nothing here changes a mark or a mask.

import { clamp } from "./values.js";

/** @import { Slab } from "./contract.d.ts" */

/** @type {Slab["how"][]} */
const HOWS = ["max", "mean", "min"];
const [LEAST_MM, MOST_MM] = [1, 1000];
const SLAB_STEP = 1.5;

/** The reader's choices, and what is to be done when one changes. */
export class Display {
  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.opacity = 0.3; // of the masks' fill
    this.outlineOnly = false;
    this.smooth = true; // grey values between voxels are interpolated
    this.linked = true; // zoom and pan of one plane are those of all
    /** @type {Slab["how"] | ""} "" for single slices */
    this.slabHow = "";
    this.slabMm = 10;
  }

  /** How much of a mask's fill covers the picture. */
  get fill() {
    return this.outlineOnly ? 0 : this.opacity;
  }

  /**
   * The slices that are shown as one; null for single slices.
   * @returns {Slab | null}
   */
  get slab() {
    return this.slabHow && { how: this.slabHow, mm: this.slabMm } || null;
  }

  /** @param {Partial<Pick<Display, "opacity" | "outlineOnly" | "smooth" | "linked" | "slabHow" | "slabMm">>} choice */
  set(choice) {
    Object.assign(this, choice);
    this.onChange();
  }

  /** Single slices, then each kind of slab in turn. */
  nextSlab() {
    const hows = ["", ...HOWS];
    this.set({ slabHow: /** @type {Slab["how"] | ""} */ (hows[(hows.indexOf(this.slabHow) + 1) % hows.length]) });
  }

  /**
   * Why a slab cannot be so thick, in words; "" if it can, and is now.
   * @param {number} mm
   */
  setSlabMm(mm) {
    if (!(mm >= LEAST_MM && mm <= MOST_MM)) return `A slab is ${LEAST_MM} to ${MOST_MM} mm thick.`;
    this.set({ slabMm: mm });
    return "";
  }

  /** @param {number} step 1 for a thicker slab, -1 for a thinner one */
  resizeSlab(step) {
    this.set({ slabMm: Math.round(clamp(this.slabMm * SLAB_STEP ** step, LEAST_MM, MOST_MM)) });
  }

  /** The slab in words, "" for single slices. */
  get slabWords() {
    return this.slabHow && `${this.slabHow}, ${this.slabMm} mm`;
  }
}

import { same } from "./values.js";

/** @import { FromPython, Point } from "./contract.d.ts" */
/** @import { Viewer } from "./viewer.js" */

const REST_MS = 80; // the mouse rests: the value under it is asked for

/** The voxel under the mouse and its grey value, which Python knows. */
export class Probe {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Point | null} */
    this.under = null;
    this.visit = 0; // of the plane under the mouse
    /** @type {ReturnType<typeof setTimeout> | undefined} until the mouse rests */
    this.resting = undefined;
  }

  close() {
    clearTimeout(this.resting);
  }

  /**
   * @param {Point | null} point
   * @param {number} visit 0, or 1 for the prior one
   * @param {string} value in words
   */
  show(point, visit = 0, value = "") {
    if (same([point, visit], [this.under, this.visit]) && !value) return;
    this.under = point;
    this.visit = visit;
    this.viewer.page.showPlace(point, value);
    clearTimeout(this.resting);
    const ask = () => point && this.viewer.model.send({ kind: "value", zyx: point, visit });
    if (point && !value) this.resting = setTimeout(ask, REST_MS);
  }

  /** @param {FromPython} message */
  hear(message) {
    if (message.kind !== "value" || !same([message.zyx, message.visit], [this.under, this.visit])) return;
    this.show(message.zyx, message.visit, `${Math.round(message.value * 10) / 10} ${this.viewer.scan.unit}`);
  }
}

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
    /** @type {ReturnType<typeof setTimeout> | undefined} until the mouse rests */
    this.resting = undefined;
  }

  close() {
    clearTimeout(this.resting);
  }

  /**
   * @param {Point | null} point
   * @param {string} value in words
   */
  show(point, value = "") {
    if (same(point, this.under) && !value) return;
    this.under = point;
    this.viewer.page.showPlace(point, value);
    clearTimeout(this.resting);
    const ask = () => point && this.viewer.model.send({ kind: "value", zyx: point });
    if (point && !value) this.resting = setTimeout(ask, REST_MS);
  }

  /** @param {FromPython} message */
  hear(message) {
    if (message.kind !== "value" || !same(message.zyx, this.under)) return;
    this.show(message.zyx, `${Math.round(message.value * 10) / 10} ${this.viewer.scan.unit}`);
  }
}

import { make, nameIt } from "./elements.js";
import { AXIAL, leafStep } from "./plane_layout.js";
import { bandOf, promptsText } from "./prompts.js";

/** @import { Mark } from "./contract.d.ts" */
/** @import { Viewer } from "./viewer.js" */

/** The slices of the large plane, and under them where the selected lesion begins and ends. */
export class SliceSlider {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.slider = make("input", { type: "range", min: "0", step: "1", className: "le-slider" });
    this.slider.addEventListener("input", () => viewer.setSlice(viewer.large, Number(this.slider.value)));
    this.range = make("b", {});
    this.line = make("i", { className: "le-band-line" });
    this.band = make("div", { className: "le-band" }, this.range, this.line);
    this.root = make("div", {}, this.slider, this.band);
  }

  /** @param {Mark | undefined} mark */
  update(mark) {
    const { viewer, slider } = this;
    const { planes } = viewer.scan;
    const { name, cut, n_slices } = planes[viewer.large];
    const step = leafStep(planes, viewer.large);
    slider.max = String(n_slices - 1);
    slider.dir = step > 0 ? "ltr" : "rtl"; // the head, the front and the right are at its left
    slider.value = String(viewer.cursor[cut]);
    slider.title = `${name} slice`;
    nameIt(slider, slider.title);
    this.band.style.visibility = mark && viewer.large === AXIAL ? "" : "hidden";
    if (mark) this.showBand(mark, n_slices, step);
  }

  /**
   * @param {Mark} mark
   * @param {number} nSlices
   * @param {number} step
   */
  showBand(mark, nSlices, step) {
    const { from, to, line, open } = bandOf(mark, nSlices, step);
    const color = this.viewer.colorOf(mark.label);
    Object.assign(this.range.style, { left: `${100 * from}%`, width: `${100 * (to - from)}%` });
    this.range.style.background = open[0] && open[1] ? "none" : color;
    this.range.classList.toggle("le-open-left", open[0]);
    this.range.classList.toggle("le-open-right", open[1]);
    Object.assign(this.line.style, { left: `${100 * line}%`, background: color });
    this.band.title = `lesion ${mark.label}: ${promptsText(mark, step) || "where it begins and ends is not told"}`;
  }
}

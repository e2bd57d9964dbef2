import { make, nameIt } from "./elements.js";
import { KeyMap } from "./key_map.js";
import { AXIAL } from "./plane_layout.js";
import { bandOf, promptsText } from "./prompts.js";

/** @import { Mark, Point } from "./contract.d.ts" */
/** @import { Viewer } from "./viewer.js" */

const HINT =
  "wheel or ↑ ↓: slices · right drag: window · Ctrl + wheel: zoom · middle drag: pan · click in a plane: go there · " +
  "Ctrl+Z: undo · ?: all keys";
const DISCLAIMER = "Research use, not a medical device.";
const NO_SIDES = "Anatomical sides are unknown: arrays carry no orientation. Open a file to see them.";

/** Where everything stands: tools above, planes left, table right, and the words around them. */
export class Page {
  /** @param {Viewer} viewer whose planes, tools and table are made */
  constructor(viewer) {
    const { scan, toolbar, controls, table } = viewer;
    const [axial, coronal, sagittal] = viewer.views.map((view) => view.root);
    const last = String(scan.shape_zyx[0] - 1);
    this.slider = make("input", {
      type: "range",
      min: "0",
      max: last,
      step: "1",
      className: "le-slider",
      title: "slice, from head to feet",
      dir: viewer.caudal > 0 ? "ltr" : "rtl",
    });
    nameIt(this.slider, "axial slice");
    this.viewer = viewer;
    this.bandLine = make("i", { className: "le-band-line" });
    this.band = make("div", { className: "le-band" }, make("b", {}), this.bandLine);
    this.slider.addEventListener("input", () => viewer.setSlice(AXIAL, Number(this.slider.value)));
    this.message = make("div", { className: "le-message" });
    this.message.setAttribute("aria-live", "polite");
    axial.append(this.message);
    this.placeText = make("span", {
      className: "le-place",
      title: "voxel under the mouse, counted from 0 as in Python",
    });
    this.keyMap = new KeyMap(() => viewer.toggleKeyMap());
    this.errorText = make("div", { className: "le-error", title: "click to close" });
    this.errorText.setAttribute("role", "alert");
    this.errorText.addEventListener("click", () => viewer.put("error", ""));
    this.root = make(
      "div",
      { className: "le-root", tabIndex: 0 },
      toolbar.root,
      this.errorText,
      this.keyMap.root,
      make(
        "div",
        { className: "le-stage" },
        make(
          "div",
          { className: "le-planes" },
          make("div", { className: "le-main" }, axial, this.slider, this.band, this.placeText),
          make("div", { className: "le-side" }, coronal, sagittal),
        ),
        make("div", { className: "le-panel" }, controls.root, table.root),
      ),
      make(
        "div",
        { className: "le-foot" },
        HINT,
        make("b", {}, scan.planes[0].sides[0] ? "" : `${NO_SIDES} `, DISCLAIMER),
      ),
    );
    nameIt(this.root, "CT viewer; press ? for its keys");
    this.root.setAttribute("role", "group");
  }

  /**
   * Words over the picture.
   * @param {string} words
   * @param {boolean} busy whether Python is at work
   */
  say(words, busy) {
    this.message.textContent = words;
    this.message.hidden = !words;
    this.message.classList.toggle("le-busy", busy);
  }

  /**
   * The slider, and under it where a lesion begins and ends.
   * @param {number} z
   * @param {Mark | undefined} mark
   */
  showSlice(z, mark) {
    this.slider.value = String(z);
    this.band.style.visibility = mark ? "" : "hidden";
    if (!mark) return;
    const { from, to, line, open } = bandOf(mark, this.viewer.scan.shape_zyx[AXIAL], this.viewer.caudal);
    const bar = /** @type {HTMLElement} */ (this.band.firstChild);
    const color = this.viewer.colorOf(mark.label);
    Object.assign(bar.style, { left: `${100 * from}%`, width: `${100 * (to - from)}%`, borderColor: color });
    bar.style.background = open[0] && open[1] ? "none" : color;
    bar.classList.toggle("le-open-left", open[0]);
    bar.classList.toggle("le-open-right", open[1]);
    Object.assign(this.bandLine.style, { left: `${100 * line}%`, background: color });
    this.band.title = `lesion ${mark.label}: ${promptsText(mark) || "where it begins and ends is not told"}`;
  }

  /** @param {string} error */
  showError(error) {
    this.errorText.textContent = error;
    this.errorText.hidden = !error;
  }

  /**
   * The voxel under the mouse.
   * @param {Point | null} point
   * @param {string} value
   */
  showPlace(point, value) {
    this.placeText.textContent = point ? `voxel z ${point[0]}  y ${point[1]}  x ${point[2]}  ${value}` : "";
  }
}

import { make } from "./elements.js";
import { AXIAL } from "./plane_layout.js";

/** @import { Point } from "./contract.d.ts" */
/** @import { Viewer } from "./viewer.js" */

const HINT =
  "wheel or ↑ ↓: slices · right drag: window · Ctrl + wheel: zoom · middle drag: pan · click in a plane: go there · " +
  "drag an end or a line: correct it · Ctrl+Z: undo · Del: delete";
const DISCLAIMER = "Research use, not a medical device.";
const NO_SIDES = "Which side is which is not known: an array does not say, a file does.";

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
      title: "slice",
    });
    this.slider.addEventListener("input", () => viewer.setSlice(AXIAL, Number(this.slider.value)));
    this.message = make("div", { className: "le-message" });
    this.message.setAttribute("aria-live", "polite");
    axial.append(this.message);
    this.placeText = make("span", { className: "le-place" });
    this.errorText = make("div", { className: "le-error", title: "click to close" });
    this.errorText.setAttribute("role", "alert");
    this.errorText.addEventListener("click", () => viewer.put("error", ""));
    this.root = make(
      "div",
      { className: "le-root", tabIndex: 0 },
      toolbar.root,
      this.errorText,
      make(
        "div",
        { className: "le-stage" },
        make(
          "div",
          { className: "le-planes" },
          make("div", { className: "le-main" }, axial, this.slider, this.placeText),
          make("div", { className: "le-side" }, coronal, sagittal),
        ),
        make("div", { className: "le-panel" }, controls.root, table.root),
      ),
      make("div", { className: "le-foot" }, HINT, make("b", {}, scan.planes[0].sides[0] ? "" : NO_SIDES, DISCLAIMER)),
    );
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
    this.placeText.textContent = point ? `z ${point[0]}  y ${point[1]}  x ${point[2]}  ${value}` : "";
  }
}

import { make, nameIt } from "./elements.js";
import { KeyMap } from "./key_map.js";
import { OptionsPanel } from "./options_panel.js";
import { SliceSlider } from "./slice_slider.js";

/** @import { Point } from "./contract.d.ts" */
/** @import { Layout } from "./layouts.js" */
/** @import { PlaneView } from "./plane_view.js" */
/** @import { SceneView } from "./scene_view.js" */
/** @import { Viewer } from "./viewer.js" */

const HINT =
  "wheel or ↑ ↓: slices · right drag: window · Ctrl + wheel: zoom · middle drag: pan · click in a plane: go there · " +
  "Ctrl+Z: undo · ?: all keys";
const DISCLAIMER = "Research use, not a medical device.";
const NO_KERNEL = "The kernel was restarted: this viewer saves and computes nothing any more. Run its cell again.";
const NO_SIDES = "Anatomical sides are unknown: arrays carry no orientation. Open a file to see them.";

/** Where everything stands: tools above, planes left, table right, and the words around them. */
export class Page {
  /** @param {Viewer} viewer whose planes, tools and table are made */
  constructor(viewer) {
    const { scan, toolbar, controls, displayBar, measuring, table } = viewer;
    this.slider = new SliceSlider(viewer);
    this.options = new OptionsPanel(viewer);
    this.message = make("div", { className: "le-message" });
    this.message.setAttribute("aria-live", "polite");
    this.placeText = make("span", {
      className: "le-place",
      title: "voxel under the mouse, counted from 0 as in Python",
    });
    this.keyMap = new KeyMap(() => viewer.toggleKeyMap());
    this.errorText = make("div", { className: "le-error", title: "click to close" });
    this.errorText.setAttribute("role", "alert");
    this.errorText.addEventListener("click", () => viewer.put("error", ""));
    this.planes = make(
      "div",
      { className: "le-planes" },
      ...viewer.views.map((view) => view.root),
      viewer.scene.root,
      this.message,
      make("div", { className: "le-under" }, this.slider.root, this.placeText),
    );
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
          { className: "le-box" },
          this.planes,
        ),
        make(
          "div",
          { className: "le-panel" },
          make("div", { className: "le-controls" }, toolbar.grey),
          displayBar.root,
          controls.root,
          table.root,
          measuring.root,
          this.options.root,
        ),
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
   * One plane or two as large as there is room, the axial one with two small ones, or four alike.
   * @param {PlaneView[]} views
   * @param {SceneView} scene
   * @param {Layout} layout
   */
  arrange(views, scene, { kind, large, shown, scene: withScene }) {
    this.planes.dataset.layout = kind;
    scene.root.hidden = !withScene;
    views.forEach(({ root, number }) => {
      root.hidden = !shown.includes(number);
      root.classList.toggle("le-large", number === large);
    });
  }

  /** From now on: the kernel that the viewer belongs to is gone. */
  tellNoKernel() {
    this.showError(NO_KERNEL);
    this.showError = () => {};
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

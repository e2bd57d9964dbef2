import { make, makeButton, makeCheck, nameIt, setPressed } from "./elements.js";
import { targetOf } from "./correcting.js";
import { widthAndLevel, windowFault, windowOf } from "./grey_window.js";
import { ZOOM_STEP } from "./plane_mouse.js";
import { same } from "./values.js";

/** @import { Viewer } from "./viewer.js" */

/** The buttons above the picture: tools, undo, zoom, layout; and `grey`, those of the grey window, beside it. */
export class Toolbar {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {(title: string, ...children: Node[]) => HTMLElement} */
    const group = (title, ...children) => make("span", { className: "le-group", title }, ...children);
    const tools = {
      line: "drag along a tumour's longest diameter",
      "short axis": "drag across a line that is there, at right angles",
      window: "drag sideways for the window's width, up and down for its level (or drag with the right button)",
      pan: "drag the picture (or drag with the middle button)",
      crosshair: "drag the crosshair on any plane (C); the thick ends of its lines are dragged with every tool",
    };
    const measures = {
      ruler: ["ruler", "a distance in mm on any plane; it makes no lesion (D)"],
      ROI: ["ROI", "mean, SD, minimum, maximum and area of an ellipse (A)"],
    };
    const points = {
      plus: ["+ tumour", "click on tumour that the mask misses (+); click the sign again to take it away"],
      minus: ["− not tumour", "click where the mask is wrong (-); click the sign again to take it away"],
    };
    const buttons = Object.entries(tools).map(([tool, title]) =>
      makeButton(tool, title, () => viewer.setTool(tool), { tool })
    );
    const clicks = Object.entries({ ...points, ...measures }).map(([tool, [text, title]]) =>
      makeButton(text, title, () => viewer.setTool(tool), { tool })
    );
    this.tools = [...buttons, ...clicks];
    this.presets = Object.entries(viewer.scan.windows).map(([name, range], n) => {
      const title = `${range.join(" to ")} ${viewer.scan.unit} (${n + 1})`;
      return makeButton(name, title, () => viewer.setWindow(range), { preset: name });
    });
    this.width = this.windowField("window width", "width");
    this.level = this.windowField("window level", "level");
    this.undo = makeButton("undo", "Ctrl+Z", () => viewer.undo(), { action: "undo" });
    this.redo = makeButton("redo", "Ctrl+Y", () => viewer.redo(), { action: "redo" });
    this.layout = make(
      "select",
      { title: "which planes are shown (V)", data: { control: "layout" } },
      ...viewer.layouts().map((name) => make("option", { value: name }, name)),
    );
    nameIt(this.layout, "layout");
    this.layout.addEventListener("change", () => {
      viewer.setLayout(this.layout.value);
      viewer.focusPicture();
    });
    this.fullScreen = makeButton("full screen", "all of the screen, and back (F)", () => viewer.toggleFullScreen(), {
      action: "full screen",
    });
    this.grey = group(
      "grey values",
      ...this.presets,
      make("label", {}, "W", this.width),
      make("label", {}, "L", this.level),
    );
    const large = () => viewer.views[viewer.large];
    this.root = make(
      "div",
      { className: "le-toolbar" },
      group("what the left button does", ...buttons),
      group(
        "put a mask right: the network answers at once",
        ...clicks.slice(0, 2),
        makeButton(
          "begins here",
          "no slice before this one shows the tumour (B); again: not known",
          () => viewer.tellEdge("begins"),
          {
            action: "begins",
          },
        ),
        makeButton(
          "ends here",
          "no slice after this one shows the tumour (E); again: not known",
          () => viewer.tellEdge("ends"),
          {
            action: "ends",
          },
        ),
      ),
      viewer.hand.root,
      group("measure: this makes no lesion", ...clicks.slice(2)),
      group("", this.undo, this.redo),
      group(
        "",
        makeButton("−", "smaller (Ctrl + wheel)", () => large().zoomBy(1 / ZOOM_STEP)),
        makeButton("+", "larger (Ctrl + wheel)", () => large().zoomBy(ZOOM_STEP)),
        makeButton("fit", "whole slice (double click)", () => viewer.views.forEach((view) => view.resetView())),
        this.layout,
        this.fullScreen,
        makeButton("?", "keys and mouse", () => viewer.toggleKeyMap(), { action: "key map" }),
      ),
    );
  }

  /**
   * W or L as a number that can be typed; Enter or leaving it takes it over.
   * @param {string} name
   * @param {string} control
   */
  windowField(name, control) {
    const { viewer } = this;
    const field = make("input", {
      type: "number",
      step: "any",
      className: "le-window",
      title: name,
      data: { control },
    });
    nameIt(field, name);
    field.addEventListener("change", () => {
      const [width, level] = [this.width, this.level].map((given) => (given.value === "" ? NaN : Number(given.value)));
      const fault = windowFault(width, level);
      if (!fault) viewer.setWindow(windowOf(width, level));
      viewer.say(fault);
    });
    this.leaveOnEnter(field);
    return field;
  }

  /**
   * Enter takes a number over; keys are for the picture again.
   * @param {HTMLInputElement} field
   */
  leaveOnEnter(field) {
    const { viewer } = this;
    field.addEventListener("keydown", (event) => event.key === "Enter" && viewer.root.focus({ preventScroll: true }));
  }

  /** The planes are as high as this, in one row or in several, leaves room for. */
  makeRoom() {
    this.viewer.root.style.setProperty("--le-toolbar", `${this.root.offsetHeight}px`);
  }

  update() {
    const { viewer } = this;
    const [low, high] = viewer.store.window;
    const root = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
    widthAndLevel([low, high]).forEach((value, n) => {
      const field = [this.width, this.level][n];
      if (root.activeElement !== field) field.value = String(Math.round(value));
    });
    this.tools.forEach((button) => setPressed(button, button.dataset.tool === viewer.tool));
    this.presets.forEach((button) => {
      setPressed(button, same(viewer.scan.windows[button.dataset.preset ?? ""], [low, high]));
    });
    viewer.hand.update();
    this.layout.value = viewer.layout;
    setPressed(this.fullScreen, viewer.isFullScreen);
    this.undo.disabled = !viewer.marks.done.length;
    this.redo.disabled = !viewer.marks.undone.length;
  }
}

/** What is done with the lines: segment, threshold, what is shown. */
export class Controls {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    const { model } = viewer;
    const segment = makeButton("Segment", "make the masks that are missing", () => viewer.segment(), {
      action: "segment",
    });
    const auto = makeCheck(
      "auto",
      "segment each line as soon as it is finished",
      model.get("auto_segment"),
      (on) => viewer.put("auto_segment", on),
      { control: "auto" },
    );
    this.auto = auto.box;
    this.threshold = make("input", {
      type: "range",
      min: "-6",
      max: "6",
      step: "0.25",
      data: { control: "threshold" },
    });
    this.threshold.addEventListener("input", () => this.slide(false));
    this.threshold.addEventListener("change", () => this.slide(true));
    this.thresholdText = make("span", { className: "le-number" });
    this.thresholdName = make("span", {});
    const masks = makeCheck("masks", "show the masks", viewer.showMasks, (on) => viewer.show({ masks: on }), {
      control: "masks",
    });
    const diameters = makeCheck(
      "diameters",
      "show where the masks were measured",
      viewer.showDiameters,
      (on) => viewer.show({ diameters: on }),
      { control: "diameters" },
    );
    this.root = make(
      "div",
      { className: "le-controls" },
      segment,
      auto.root,
      masks.root,
      diameters.root,
      make(
        "label",
        {
          title:
            "score above which a voxel is tumour, of the selected lesion: left for a larger mask, right for a smaller one",
        },
        this.thresholdName,
        this.threshold,
        this.thresholdText,
      ),
      viewer.hand.wholeMask,
    );
  }

  update() {
    const { model } = this.viewer;
    this.auto.checked = model.get("auto_segment");
    const mark = targetOf(this.viewer);
    const threshold = this.viewer.marks.state.thresholds[mark?.label ?? 0] ?? model.get("threshold");
    this.threshold.disabled = !mark;
    this.threshold.value = String(threshold);
    this.thresholdText.textContent = mark ? threshold.toFixed(2) : "";
    this.thresholdName.textContent = mark ? `threshold of ${mark.label}` : "threshold: choose a lesion";
  }

  /**
   * The selected lesion's threshold follows the slider.
   * @param {boolean} letGo
   */
  slide(letGo) {
    const mark = targetOf(this.viewer);
    if (!mark) return;
    this.viewer.notice = ""; // what was said of the mask before
    this.viewer.marks.setThreshold(mark.label, Number(this.threshold.value), letGo);
  }
}

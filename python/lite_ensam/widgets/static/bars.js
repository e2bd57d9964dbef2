import { make, makeButton, makeCheck, setPressed } from "./elements.js";
import { ZOOM_STEP } from "./plane_mouse.js";
import { same } from "./values.js";

/** @import { Marker } from "./marker.js" */

/** The buttons above the picture: tools, windows, undo, zoom. */
export class Toolbar {
  /** @param {Marker} marker */
  constructor(marker) {
    this.marker = marker;
    /** @type {(title: string, ...children: Node[]) => HTMLElement} */
    const group = (title, ...children) => make("span", { className: "le-group", title }, ...children);
    const tools = {
      line: "drag along a tumour's longest diameter",
      "short axis": "drag across a line that is there, at right angles",
      window: "drag sideways for the window's width, up and down for its level (or drag with the right button)",
      pan: "drag the picture (or drag with the middle button)",
    };
    this.tools = Object.entries(tools).map(([tool, title]) =>
      makeButton(tool, title, () => marker.setTool(tool), { tool })
    );
    this.presets = Object.entries(marker.scan.windows).map(([name, range]) =>
      makeButton(name, `window ${range.join(" to ")}`, () => marker.setWindow(range), { preset: name })
    );
    this.windowText = make("span", { className: "le-window" });
    this.undo = makeButton("undo", "Ctrl+Z", () => marker.marks.undo(), { action: "undo" });
    this.redo = makeButton("redo", "Ctrl+Y", () => marker.marks.redo(), { action: "redo" });
    const [axial] = marker.views;
    this.root = make(
      "div",
      { className: "le-toolbar" },
      group("what the left button does", ...this.tools),
      group("grey values", ...this.presets, this.windowText),
      group("", this.undo, this.redo),
      group(
        "",
        makeButton("−", "smaller (Ctrl + wheel)", () => axial.zoomBy(1 / ZOOM_STEP)),
        makeButton("+", "larger (Ctrl + wheel)", () => axial.zoomBy(ZOOM_STEP)),
        makeButton("fit", "whole slice (double click)", () => marker.views.forEach((view) => view.resetView())),
      ),
    );
  }

  update() {
    const { marker } = this;
    const [low, high] = marker.store.window;
    this.tools.forEach((button) => setPressed(button, button.dataset.tool === marker.tool));
    this.presets.forEach((button) => {
      setPressed(button, same(marker.scan.windows[button.dataset.preset ?? ""], [low, high]));
    });
    this.windowText.textContent = `${Math.round(low)} to ${Math.round(high)} ${marker.scan.unit}`;
    this.undo.disabled = !marker.marks.done.length;
    this.redo.disabled = !marker.marks.undone.length;
  }
}

/** What is done with the lines: segment, threshold, what is shown. */
export class Controls {
  /** @param {Marker} marker */
  constructor(marker) {
    this.marker = marker;
    const { model } = marker;
    const segment = makeButton("Segment", "make the masks that are missing", () => model.send({ kind: "segment" }), {
      action: "segment",
    });
    const auto = makeCheck(
      "auto",
      "segment each line as soon as it is finished",
      model.get("auto_segment"),
      (on) => marker.put("auto_segment", on),
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
    this.threshold.addEventListener("input", () => marker.put("threshold", Number(this.threshold.value)));
    this.thresholdText = make("span", { className: "le-number" });
    const masks = makeCheck("masks", "show the masks", marker.showMasks, (on) => marker.show({ masks: on }), {
      control: "masks",
    });
    const diameters = makeCheck(
      "diameters",
      "show where the masks were measured",
      marker.showDiameters,
      (on) => marker.show({ diameters: on }),
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
        { title: "score above which a voxel is tumour: left for larger masks, right for smaller ones" },
        "threshold",
        this.threshold,
        this.thresholdText,
      ),
    );
  }

  update() {
    const { model } = this.marker;
    this.auto.checked = model.get("auto_segment");
    this.threshold.value = String(model.get("threshold"));
    this.thresholdText.textContent = model.get("threshold").toFixed(2);
  }
}

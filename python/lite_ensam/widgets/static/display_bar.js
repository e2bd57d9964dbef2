import { make, makeCheck, nameIt } from "./elements.js";

/** @import { Slab } from "./contract.d.ts" */
/** @import { Viewer } from "./viewer.js" */

const SLABS = { "": "single slices", max: "maximum (MIP)", mean: "mean", min: "minimum" };

/** What is shown of masks and slices, and how. */
export class DisplayBar {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    const { display } = viewer;
    this.viewer = viewer;
    this.opacity = make("input", { type: "range", min: "0", max: "1", step: "0.05", data: { control: "opacity" } });
    this.opacity.addEventListener("input", () => display.set({ opacity: Number(this.opacity.value) }));
    nameIt(this.opacity, "opacity of the masks");
    /** @type {(text: string, title: string, name: "outlineOnly" | "smooth" | "linked") => ReturnType<typeof makeCheck>} */
    const check = (text, title, name) =>
      makeCheck(text, title, display[name], (on) => display.set({ [name]: on }), { control: name });
    this.outlineOnly = check("outline only", "show the masks' outlines without their fill (O)", "outlineOnly");
    this.smooth = check("interpolate", "interpolate between voxels, or show each voxel as a square (I)", "smooth");
    this.linked = check("linked zoom", "zoom and pan all planes together (K)", "linked");
    this.slabHow = make(
      "select",
      { title: "slices that are shown as one (M)", data: { control: "slab" } },
      ...Object.entries(SLABS).map(([value, text]) => make("option", { value }, text)),
    );
    nameIt(this.slabHow, "slab");
    this.slabHow.addEventListener("change", () => {
      display.set({ slabHow: /** @type {Slab["how"] | ""} */ (this.slabHow.value) });
      viewer.focusPicture();
    });
    this.slabMm = make("input", {
      type: "number",
      step: "any",
      className: "le-window",
      title: "thickness of the slab in mm ([ and ])",
      data: { control: "slab thickness" },
    });
    nameIt(this.slabMm, "thickness of the slab in mm");
    this.slabMm.addEventListener("change", () => viewer.say(display.setSlabMm(Number(this.slabMm.value))));
    this.slabMm.addEventListener("keydown", (event) => event.key === "Enter" && viewer.focusPicture());
    this.root = make(
      "div",
      { className: "le-controls" },
      make("label", { title: "opacity of the masks' fill" }, "fill", this.opacity),
      this.outlineOnly.root,
      this.smooth.root,
      this.linked.root,
      make("label", {}, "slab ", this.slabHow, this.slabMm, " mm"),
    );
  }

  update() {
    const { viewer: { display }, slabMm } = this;
    this.opacity.value = String(display.opacity);
    this.opacity.disabled = display.outlineOnly;
    this.outlineOnly.box.checked = display.outlineOnly;
    this.smooth.box.checked = display.smooth;
    this.linked.box.checked = display.linked;
    this.slabHow.value = display.slabHow;
    slabMm.disabled = !display.slabHow;
    const root = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
    if (root.activeElement !== slabMm) slabMm.value = String(display.slabMm);
  }
}

// How the network is run: the options of `lite_ensam.segment`. Python checks them and says what is wrong with one.

import { make, makeCheck, nameIt } from "./elements.js";
import { same } from "./values.js";

/** @import { RunOptions } from "./contract.d.ts" */
/** @import { Viewer } from "./viewer.js" */

/** @type {Record<string, Record<string, string>>} what each choice is called, by option and value */
const CHOICES = {
  border: { readers: "as readers draw it", edge: "where it is seen in the scan" },
  crop: { "": "as the weights want", lesion: "a cube for each line", joint: "one box for all lines" },
  engine: { openvino: "openvino (fast)", torch: "torch (reference)" },
};

/**
 * A number that was typed; null for an empty field, which is left to Python.
 * @param {string} text
 */
export const typed = (text) => (text.trim() === "" ? null : Number(text));

/**
 * Two ends that were typed; null if both are empty.
 * @param {[string, string]} texts
 * @returns {RunOptions["window"]}
 */
export function typedWindow([low, high]) {
  const ends = [typed(low), typed(high)];
  return ends.every((end) => end === null) ? null : /** @type {[number, number]} */ (ends);
}

/** A panel that folds out. */
export class OptionsPanel {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {RunOptions | null} */
    this.seen = null;
    this.choices = Object.entries(CHOICES).map(([name, words]) => {
      const options = Object.entries(words).map(([value, text]) => make("option", { value }, text));
      const field = make("select", { data: { option: name } }, ...options);
      field.addEventListener("change", () => this.put({ [name]: field.value || null }));
      return field;
    });
    this.mirror = makeCheck("average with the mirror image", "twice the network's time", false, (on) => {
      this.put({ mirror: on });
    }, { option: "mirror" });
    this.repeats = this.field("number", "n_repeats", (text) => ({ n_repeats: typed(text) ?? 0 }));
    this.threads = this.field("number", "threads", (text) => ({ threads: typed(text) }));
    this.weights = this.field("text", "weights", (text) => ({ weights: text.trim() }));
    const ends = () => ({ window: typedWindow([this.low.value, this.high.value]) });
    this.low = this.field("number", "low", ends);
    this.high = this.field("number", "high", ends);
    this.threads.placeholder = "all";
    this.weights.placeholder = "those that ship";
    this.low.placeholder = this.high.placeholder = "–";
    nameIt(this.low, "lowest HU that the network looks at");
    nameIt(this.high, "highest HU that the network looks at");
    const [border, crop, engine] = this.choices;
    /** @type {(text: string, title: string, ...fields: (Node | string)[]) => HTMLElement} */
    const row = (text, title, ...fields) =>
      make("label", { title }, make("span", {}, text), make("span", {}, ...fields));
    const window = viewer.scan.unit === "HU" ? "HU that the network looks at" : "HU that 0 and 255 stand for";
    this.root = make(
      "details",
      { className: "le-options" },
      make("summary", {}, "how the network is run"),
      row("border", "where a tumour ends", border),
      row("window", window, this.low, " to ", this.high, " HU"),
      row(
        "repeats",
        "segment each lesion this many times more, each with a slightly different line, to estimate standard deviations; try 8",
        this.repeats,
      ),
      this.mirror.root,
      row("weights", "a folder of your own weights, as `lite-ensam export` makes it", this.weights),
      row("engine", "what runs the network", engine),
      row("threads", "CPU threads of the engine", this.threads),
      row("crop", "what the network is shown", crop),
    );
  }

  /**
   * @param {"number" | "text"} type
   * @param {string} option
   * @param {(text: string) => Partial<RunOptions>} read
   */
  field(type, option, read) {
    const field = make("input", { type, data: { option } });
    if (type === "number") Object.assign(field, { step: "any", className: "le-window" });
    // Python has no incomplete window: both ends are typed first
    const isWhole = () => !["low", "high"].includes(option) || (this.low.value === "") === (this.high.value === "");
    field.addEventListener("change", () => isWhole() && this.put(read(field.value)));
    field.addEventListener("keydown", (event) => event.key === "Enter" && this.viewer.focusPicture());
    return field;
  }

  /** @param {{ [Name in keyof RunOptions]?: RunOptions[Name] | null }} change */
  put(change) {
    const { model } = this.viewer;
    this.viewer.put("options", /** @type {RunOptions} */ ({ ...model.get("options"), ...change }));
  }

  /** Show options that have changed, by Python or here; what is being typed stays. */
  update() {
    const options = this.viewer.model.get("options");
    if (same(options, this.seen)) return;
    this.seen = options;
    const [low, high] = options.window ?? [null, null];
    /** @type {[HTMLInputElement | HTMLSelectElement, unknown][]} */
    const values = [
      [this.choices[0], options.border],
      [this.choices[1], options.crop],
      [this.choices[2], options.engine],
      [this.repeats, options.n_repeats],
      [this.threads, options.threads],
      [this.weights, options.weights],
      [this.low, low],
      [this.high, high],
    ];
    for (const [field, value] of values) field.value = String(value ?? "");
    this.mirror.box.checked = options.mirror;
  }
}

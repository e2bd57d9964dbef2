import { LINE, ordered, SHORT_AXIS } from "./recist_mark.js";
import { same } from "./values.js";

/** @import { FromPython, Mark, HandEdit, Model, ModelEvent, Work } from "./contract.d.ts" */

export const HIGHEST_LABEL = 65535; // of a label map's 16 bits
/** @type {ModelEvent[]} */
const EVENTS = ["change:marks", "change:edits", "change:thresholds", "change:measures"];

/** The marks, the edits by hand, the lesions' thresholds and the measures as they are changed, with undo and redo. */
export class MarkList {
  /**
   * @param {Model} model
   * @param {() => void} onChange is called when there are others, drawn here or sent by Python
   */
  constructor(model, onChange) {
    this.model = model;
    /** @type {Work} */
    this.state = this.modelState();
    /** @type {Work[]} */
    this.undone = [];
    /** @type {Work[]} */
    this.done = [];
    this.saving = false;
    this.sliding = ""; // the slider whose first move was an edit, and whose next ones belong to it
    this.onChange = onChange;
    this.onModel = () => {
      if (this.saving) return;
      const state = this.modelState();
      if (!same(state, this.state)) {
        this.done.push(this.state);
        this.undone = [];
        this.state = state;
      }
      onChange();
    };
    EVENTS.forEach((event) => model.on(event, this.onModel));
    /** @type {(message: FromPython) => void} */
    this.onMessage = (message) => {
      if (message.kind === "refused") this.takeBack(message.work);
      if (message.kind !== "history" || this.done.length || this.undone.length) return;
      this.done = message.done;
      this.undone = message.undone;
      onChange();
    };
    model.on("msg:custom", this.onMessage);
    model.send({ kind: "history" }); // the page may have been loaded again
  }

  close() {
    EVENTS.forEach((event) => this.model.off(event, this.onModel));
    this.model.off("msg:custom", this.onMessage);
  }

  /** @returns {Work} */
  modelState() {
    const { model } = this;
    return {
      marks: model.get("marks"),
      edits: model.get("edits"),
      thresholds: model.get("thresholds"),
      measures: model.get("measures"),
    };
  }

  get current() {
    return this.state.marks;
  }

  get edits() {
    return this.state.edits;
  }

  get measures() {
    return this.state.measures;
  }

  /** @param {number} label */
  find(label) {
    return this.current.find((mark) => mark.label === label);
  }

  /** @param {Partial<Work>} change */
  commit(change) {
    this.sliding = "";
    this.done.push(this.state);
    this.undone = [];
    this.save({ ...this.state, ...change });
  }

  /** @param {Work} state */
  save(state) {
    this.state = state;
    this.saving = true; // between both, the model is neither old nor new
    this.model.set("marks", state.marks);
    this.model.set("edits", state.edits);
    this.model.set("thresholds", state.thresholds);
    this.model.set("measures", state.measures);
    this.saving = false;
    this.onChange();
    this.model.save_changes();
  }

  /**
   * Python has refused what was done since some work: none of it is a step.
   * @param {Work} work
   */
  takeBack(work) {
    if (same(work, this.state)) return;
    for (const steps of [this.done, this.undone]) {
      const at = steps.map((step) => same(step, work)).lastIndexOf(true);
      if (at < 0) continue;
      steps.length = at;
      break;
    }
    this.state = work;
    this.onChange();
  }

  /** @returns {boolean} whether there was anything to undo */
  undo() {
    return this.turn(this.done, this.undone);
  }

  /** @returns {boolean} whether there was anything to redo */
  redo() {
    return this.turn(this.undone, this.done);
  }

  /**
   * The last of some states takes the present one's place, which goes to others.
   * @param {Work[]} from
   * @param {Work[]} to
   */
  turn(from, to) {
    const state = from.pop();
    if (!state) return false;
    to.push(this.state);
    this.save(state);
    return true;
  }

  /** The label that a new lesion gets: the lowest that is free. */
  freeLabel() {
    const used = new Set(this.current.map((mark) => mark.label));
    let free = 1;
    while (used.has(free)) free += 1;
    return free;
  }

  /**
   * Why a lesion cannot get a label, in words; "" if it can.
   * @param {number} wanted
   */
  labelFault(wanted) {
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > HIGHEST_LABEL) {
      return `A label is a whole number from 1 to ${HIGHEST_LABEL}, not ${wanted}.`;
    }
    return this.find(wanted) ? `There is a lesion ${wanted} already.` : "";
  }

  /**
   * Put a mark in the place of the one with its label, or behind the others.
   * @param {Mark} mark
   */
  put(mark) {
    const placed = { ...mark, [LINE]: ordered(mark[LINE]), [SHORT_AXIS]: ordered(mark[SHORT_AXIS]) };
    const known = this.find(mark.label);
    this.commit({
      marks: known ? this.current.map((m) => (m === known ? placed : m)) : [...this.current, placed],
    });
  }

  /**
   * Change some of a lesion's properties; with its label, that of its edits and its threshold.
   * @param {number} label
   * @param {Partial<Mark>} properties
   */
  change(label, properties) {
    const named = properties.label ?? label;
    const { [label]: threshold, ...others } = this.state.thresholds;
    this.commit({
      marks: this.current.map((mark) => (mark.label === label ? { ...mark, ...properties } : mark)),
      edits: this.edits.map((edit) => (edit.label === label ? { ...edit, label: named } : edit)),
      thresholds: threshold === undefined ? others : { ...others, [named]: threshold },
    });
  }

  /** @param {number} label */
  remove(label) {
    if (!this.find(label)) return;
    this.commit({
      marks: this.current.filter((mark) => mark.label !== label),
      ...this.withoutHand(label),
    });
  }

  /** @param {HandEdit} edit */
  addEdit(edit) {
    this.commit({ edits: [...this.edits, edit] });
  }

  /** @param {number} label whose edits and threshold are taken away */
  removeHand(label) {
    this.commit(this.withoutHand(label));
  }

  /** @param {number} label */
  withoutHand(label) {
    const { [label]: _, ...thresholds } = this.state.thresholds;
    return { edits: this.edits.filter((edit) => edit.label !== label), thresholds };
  }

  /**
   * Give a lesion a threshold of its own. All moves of a slider until it is let go are one edit.
   * @param {number} label
   * @param {number} threshold
   * @param {boolean} letGo
   */
  setThreshold(label, threshold, letGo) {
    const thresholds = { ...this.state.thresholds, [label]: threshold };
    if (!same(thresholds, this.state.thresholds)) {
      if (this.sliding === String(label)) this.save({ ...this.state, thresholds });
      else this.commit({ thresholds });
      this.sliding = String(label);
    }
    if (letGo) this.sliding = "";
  }
}

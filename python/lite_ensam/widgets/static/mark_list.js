import { LINE, ordered, SHORT_AXIS } from "./recist_mark.js";
import { same } from "./values.js";

/** @import { Mark, Measure, Model, Stroke } from "./contract.d.ts" */

export const HIGHEST_LABEL = 65535; // of a label map's 16 bits

/**
 * What undo brings back.
 * @typedef {{ marks: Mark[], strokes: Stroke[], measures: Measure[] }} State
 */

/** The marks, the strokes by hand and the measures as they are edited, with undo and redo. */
export class MarkList {
  /**
   * @param {Model} model
   * @param {() => void} onChange is called when there are others, drawn here or sent by Python
   */
  constructor(model, onChange) {
    this.model = model;
    /** @type {State} */
    this.state = this.ofModel();
    /** @type {State[]} */
    this.undone = [];
    /** @type {State[]} */
    this.done = [];
    this.saving = false;
    this.onChange = onChange;
    this.onModel = () => {
      if (this.saving) return;
      const state = this.ofModel();
      if (!same(state, this.state)) {
        this.done.push(this.state);
        this.undone = [];
        this.state = state;
      }
      onChange();
    };
    model.on("change:marks", this.onModel);
    model.on("change:strokes", this.onModel);
    model.on("change:measures", this.onModel);
  }

  close() {
    this.model.off("change:marks", this.onModel);
    this.model.off("change:strokes", this.onModel);
    this.model.off("change:measures", this.onModel);
  }

  /** @returns {State} */
  ofModel() {
    const { model } = this;
    return { marks: model.get("marks"), strokes: model.get("strokes"), measures: model.get("measures") };
  }

  get current() {
    return this.state.marks;
  }

  get strokes() {
    return this.state.strokes;
  }

  get measures() {
    return this.state.measures;
  }

  /** @param {number} label */
  find(label) {
    return this.current.find((mark) => mark.label === label);
  }

  /** @param {Partial<State>} change */
  commit(change) {
    this.done.push(this.state);
    this.undone = [];
    this.save({ ...this.state, ...change });
  }

  /** @param {State} state */
  save(state) {
    this.state = state;
    this.saving = true; // between both, the model is neither old nor new
    this.model.set("marks", state.marks);
    this.model.set("strokes", state.strokes);
    this.model.set("measures", state.measures);
    this.saving = false;
    this.onChange();
    this.model.save_changes();
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
   * @param {State[]} from
   * @param {State[]} to
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
   * Change some of a lesion's properties; with its label, that of its strokes.
   * @param {number} label
   * @param {Partial<Mark>} properties
   */
  change(label, properties) {
    const named = properties.label ?? label;
    this.commit({
      marks: this.current.map((mark) => (mark.label === label ? { ...mark, ...properties } : mark)),
      strokes: this.strokes.map((stroke) => (stroke.label === label ? { ...stroke, label: named } : stroke)),
    });
  }

  /** @param {number} label */
  remove(label) {
    if (!this.find(label)) return;
    this.commit({
      marks: this.current.filter((mark) => mark.label !== label),
      strokes: this.strokes.filter((stroke) => stroke.label !== label),
    });
  }

  /** @param {Stroke} stroke */
  addStroke(stroke) {
    this.commit({ strokes: [...this.strokes, stroke] });
  }

  /** @param {number} label whose strokes are taken away */
  removeStrokes(label) {
    this.commit({ strokes: this.strokes.filter((stroke) => stroke.label !== label) });
  }
}

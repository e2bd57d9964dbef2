import { LINE, ordered, SHORT_AXIS } from "./recist_mark.js";
import { same } from "./values.js";

/** @import { Mark, Model } from "./contract.d.ts" */

export const HIGHEST_LABEL = 65535; // of a label map's 16 bits

/** The marks as they are edited, with undo and redo. */
export class MarkList {
  /**
   * @param {Model} model
   * @param {() => void} onChange is called when Python has sent marks, its answer to an edit among them
   */
  constructor(model, onChange) {
    this.model = model;
    this.current = model.get("marks");
    /** @type {Mark[][]} */
    this.undone = [];
    /** @type {Mark[][]} */
    this.done = [];
    this.onModel = () => {
      const marks = model.get("marks");
      if (!same(marks, this.current)) {
        this.done.push(this.current);
        this.undone = [];
        this.current = marks;
      }
      onChange();
    };
    model.on("change:marks", this.onModel);
  }

  close() {
    this.model.off("change:marks", this.onModel);
  }

  /** @param {number} label */
  find(label) {
    return this.current.find((mark) => mark.label === label);
  }

  /** @param {Mark[]} marks */
  commit(marks) {
    this.done.push(this.current);
    this.undone = [];
    this.save(marks);
  }

  /** @param {Mark[]} marks */
  save(marks) {
    this.current = marks;
    this.model.set("marks", marks);
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
   * @param {Mark[][]} from
   * @param {Mark[][]} to
   */
  turn(from, to) {
    const marks = from.pop();
    if (!marks) return false;
    to.push(this.current);
    this.save(marks);
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
    this.commit(known ? this.current.map((m) => (m === known ? placed : m)) : [...this.current, placed]);
  }

  /**
   * Change some of a lesion's properties.
   * @param {number} label
   * @param {Partial<Mark>} properties
   */
  change(label, properties) {
    this.commit(this.current.map((mark) => (mark.label === label ? { ...mark, ...properties } : mark)));
  }

  /** @param {number} label */
  remove(label) {
    if (this.find(label)) this.commit(this.current.filter((mark) => mark.label !== label));
  }
}

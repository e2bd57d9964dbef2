/** A line's ends in the order that Python keeps them in. */
const ordered = (ends) => ends && [...ends].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);

/** The marks as they are edited, with undo and redo. */
class MarkList {
  constructor(model, onChange) {
    this.model = model;
    this.current = model.get("marks");
    this.undone = [];
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

  find(label) {
    return this.current.find((mark) => mark.label === label);
  }

  commit(marks) {
    this.done.push(this.current);
    this.undone = [];
    this.save(marks);
  }

  save(marks) {
    this.current = marks;
    this.model.set("marks", marks);
    this.model.save_changes();
  }

  undo() {
    if (!this.done.length) return;
    this.undone.push(this.current);
    this.save(this.done.pop());
  }

  redo() {
    if (!this.undone.length) return;
    this.done.push(this.current);
    this.save(this.undone.pop());
  }

  /** The label that a new lesion gets: the lowest that is free. */
  freeLabel() {
    const used = new Set(this.current.map((mark) => mark.label));
    let free = 1;
    while (used.has(free)) free += 1;
    return free;
  }

  /** Put a mark in the place of the one with its label, or behind the others. */
  put(mark) {
    const placed = {
      ...mark,
      endpoints_zyx: ordered(mark.endpoints_zyx),
      short_axis_zyx: ordered(mark.short_axis_zyx),
    };
    const known = this.find(mark.label);
    this.commit(known ? this.current.map((m) => (m === known ? placed : m)) : [...this.current, placed]);
  }

  /** Change some of a lesion's properties. */
  change(label, properties) {
    this.commit(this.current.map((mark) => (mark.label === label ? { ...mark, ...properties } : mark)));
  }

  remove(label) {
    if (this.find(label)) this.commit(this.current.filter((mark) => mark.label !== label));
  }
}

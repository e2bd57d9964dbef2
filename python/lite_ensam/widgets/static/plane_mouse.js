const CLICK_PX = 4; // a shorter drag is a click,
const STILL_PX = 1; // and was meant as one if the hand was as still as this
const TOO_SHORT = "Too short for a line: drag farther, from end to end";
const WHEEL_STEP = 40;
const ZOOM_STEP = 1.2;

/** What the mouse does on a plane: draws and moves lines, scrolls, windows, zooms, pans. */
class PlaneMouse {
  constructor(view) {
    this.view = view;
    this.marker = view.marker;
    this.drag = null;
    this.at = null; // where the mouse is over the canvas
    this.wheel = 0;
    const on = (name, action) => view.canvas.addEventListener(name, action, { passive: false });
    on("pointerdown", (event) => this.begin(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.end(event));
    on("pointercancel", () => this.cancel());
    on("pointerleave", () => {
      this.at = null;
      this.marker.showPlace(null);
    });
    on("dblclick", () => view.resetView());
    on("wheel", (event) => this.turn(event));
    on("contextmenu", (event) => {
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Lines are drawn on axial slices only. */
  get draws() {
    return this.view.number === AXIAL && ["line", "short axis"].includes(this.drag?.tool ?? this.marker.tool);
  }

  place(event) {
    const box = this.view.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  begin(event) {
    if (this.drag) return;
    event.preventDefault();
    this.marker.root.focus({ preventScroll: true });
    this.view.canvas.setPointerCapture(event.pointerId);
    const at = this.place(event);
    const tool = event.button === 2 ? "window" : event.button === 1 ? "pan" : this.marker.tool;
    this.drag = { tool, from: at, last: at, reach: 0, window: this.marker.store.window };
    if (!this.draws) return;
    this.drag.edit = grabbed(this.view, at, event.shiftKey);
    this.marker.say(this.drag.edit ? "" : "There is no line on this slice: a short axis belongs to one.");
  }

  move(event) {
    const at = (this.at = this.place(event));
    const { drag, marker, view } = this;
    if (!drag) {
      this.hover(at);
      return;
    }
    drag.reach = Math.max(drag.reach, Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]));
    const [dx, dy] = [at[0] - drag.last[0], at[1] - drag.last[1]];
    drag.last = at;
    if (drag.tool === "pan") {
      view.pan = [view.pan[0] + dx, view.pan[1] + dy];
      view.draw();
    } else if (drag.tool === "window") {
      this.dragWindow(at);
    } else if (!this.draws) {
      marker.setCursor(view.toVoxel(at));
    } else if (drag.reach > CLICK_PX && drag.edit) {
      marker.draft = edited(drag.edit, view.toVoxel(at), marker.scan.shape_zyx);
      marker.draw();
    }
  }

  /** Another voxel may lie under the mouse now: the slice changed, or the picture moved. */
  lookAgain() {
    if (this.at) this.marker.showPlace(this.view.toVoxel(this.at));
  }

  hover(at) {
    this.lookAgain();
    const cursors = { window: "ns-resize", pan: "grab" };
    const overLine = this.draws && touched(this.view, at);
    this.view.canvas.style.cursor = overLine ? (overLine.key ? "pointer" : "move") : (cursors[this.marker.tool] ?? "");
  }

  end(event) {
    const { drag, marker, view } = this;
    if (!drag) return;
    const drew = this.draws;
    this.drag = null;
    if (drag.tool === "window" || drag.tool === "pan") return;
    const { draft } = marker;
    marker.draft = null;
    if (drew && draft && !isPoint(draft)) {
      this.finish(draft, drag.edit);
    } else if (drew && drag.edit && !drag.edit.fresh) {
      marker.select(drag.edit.mark.label);
    } else if (!drew || drag.reach <= CLICK_PX) {
      marker.setCursor(view.toVoxel(this.place(event)));
    }
    if (drew && drag.edit?.fresh && drag.reach > STILL_PX && (!draft || isPoint(draft))) marker.say(TOO_SHORT);
    marker.draw();
  }

  /** Take a drawn mark over. A short axis that is none is refused; a line's correction never is. */
  finish(draft, { key, moved }) {
    const { marker } = this;
    const fault = faultOf(draft, marker.scan.spacing_mm);
    if (!fault || [key, ...(moved ?? [])].includes(LINE)) marker.finish(draft);
    if (fault) marker.say(fault);
  }

  cancel() {
    this.drag = null;
    this.marker.draft = null;
    this.marker.draw();
  }

  dragWindow(at) {
    const [low, high] = this.drag.window;
    const width = high - low;
    const pace = Math.max(width, 20) / 250;
    const newWidth = Math.max(width + (at[0] - this.drag.from[0]) * pace * 2, width / 100);
    const level = (low + high) / 2 + (at[1] - this.drag.from[1]) * pace;
    this.marker.setWindow([level - newWidth / 2, level + newWidth / 2]);
  }

  turn(event) {
    event.preventDefault();
    event.stopPropagation();
    this.wheel += event.deltaMode ? event.deltaY * WHEEL_STEP : event.deltaY;
    if (Math.abs(this.wheel) < WHEEL_STEP) return;
    const step = Math.sign(this.wheel);
    this.wheel = 0;
    if (event.ctrlKey || event.metaKey) this.view.zoomBy(ZOOM_STEP ** -step, this.place(event));
    else this.marker.scroll(this.view.number, step);
  }
}

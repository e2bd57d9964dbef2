import { Controls, Toolbar } from "./bars.js";
import { resized, sizeFault } from "./brush.js";
import { targetOf, tellEdge } from "./correcting.js";
import { KeyboardMouse } from "./crosshair.js";
import { Display } from "./display.js";
import { DisplayBar } from "./display_bar.js";
import { keepFocus } from "./focus.js";
import { pointOf } from "./geometry.js";
import { HandBar } from "./hand_bar.js";
import { instruction } from "./instructions.js";
import { listenToKeys } from "./keys.js";
import { layoutNames, layoutOf, THREE_PLANES } from "./layouts.js";
import { LesionTable } from "./lesion_table.js";
import { MarkList } from "./mark_list.js";
import { isMeasure } from "./measures.js";
import { Measuring } from "./measuring.js";
import { Page } from "./page.js";
import { AXIAL, leafStep } from "./plane_layout.js";
import { PlaneView } from "./plane_view.js";
import { Probe } from "./probe.js";
import { LINE } from "./recist_mark.js";
import { SceneView } from "./scene_view.js";
import { slicesAhead, SliceStore } from "./slice_store.js";
import { clamp, same } from "./values.js";

/** @import { Draft, FromPython, GreyWindow, Listener, Mark, Model, ModelEvent, Point, SliceAt, Stroke, Traits } from "./contract.d.ts" */

/** The whole widget: ties planes, tools and table to the model. */
export class Viewer {
  /**
   * @param {Model} model
   * @param {HTMLElement} element to be filled
   */
  constructor(model, element) {
    this.model = model;
    this.scan = model.get("_scan");
    this.caudal = leafStep(this.scan.planes, AXIAL);
    this.cursor = model.get("cursor_zyx");
    this.selected = model.get("selected");
    this.tool = "line";
    this.layout = THREE_PLANES;
    /** @type {Draft | null} the mark that is being dragged */
    this.draft = null;
    /** @type {Stroke | null} of the brush, while it is drawn */
    this.stroke = null;
    this.brushMm = 10; // diameter
    this.redrawing = false;
    this.notice = "";
    this.showMasks = true;
    this.showDiameters = false;
    /** @type {[plane: number, step: number]} where the user scrolls to */
    this.ahead = [AXIAL, 1];
    this.begun = false; // whether a first picture stands
    this.store = new SliceStore(model, () => this.arrived());
    this.marks = new MarkList(model, () => this.refresh());
    this.display = new Display(() => this.redisplay());
    this.measuring = new Measuring(this);
    this.probe = new Probe(this);
    this.keyboardMouse = new KeyboardMouse(this);
    const visits = this.scan.prior ? 2 : 1;
    this.views = Array.from({ length: 3 * visits }, (_, number) => new PlaneView(this, number));
    this.scene = new SceneView(this);
    this.hand = new HandBar(this);
    this.toolbar = new Toolbar(this);
    this.controls = new Controls(this);
    this.displayBar = new DisplayBar(this);
    this.table = new LesionTable(this);
    this.page = new Page(this);
    this.root = this.page.root;
    this.giveKeysBack = listenToKeys(this, this.root);
    this.root.addEventListener("fullscreenchange", () => this.refresh());
    element.replaceChildren(this.root);
    this.listeners = this.listenersOf();
    this.listeners.forEach(([name, action]) => model.on(name, action));
    this.resizing = new ResizeObserver(() => {
      this.toolbar.makeRoom();
      this.draw();
    });
    this.resizing.observe(this.root);
    this.setLayout(THREE_PLANES);
  }

  close() {
    this.giveKeysBack();
    this.probe.close();
    this.scene.close();
    this.resizing.disconnect();
    this.store.close();
    this.marks.close();
    this.listeners.forEach(([name, action]) => this.model.off(name, action));
  }

  // ---- the model

  /**
   * What is done when the model changes.
   * @returns {[ModelEvent, Listener][]}
   */
  listenersOf() {
    const { model } = this;
    const refresh = () => this.refresh();
    return [
      ["change:cursor_zyx", () => {
        this.cursor = model.get("cursor_zyx");
        this.draw();
      }],
      ["change:selected", () => {
        this.selected = model.get("selected");
        this.refresh();
      }],
      ["change:window", () => {
        this.store.setWindow(model.get("window"));
        this.refresh();
      }],
      ["change:_mask_version", () => {
        this.store.setMaskVersion(model.get("_mask_version"));
        this.draw();
      }],
      ["change:error", () => {
        if (model.get("error")) this.notice = ""; // what was asked for was not done
        refresh();
      }],
      ["change:results", refresh],
      ["change:colors", refresh],
      ["change:status", refresh],
      ["change:threshold", refresh],
      ["change:options", refresh],
      ["change:auto_segment", refresh],
      ["msg:custom", (message, buffers) => this.hear(message, buffers)],
      ["comm_live_update", () => this.page.tellNoKernel()],
    ];
  }

  /**
   * @template {keyof Traits} Name
   * @param {Name} name
   * @param {Traits[Name]} value
   */
  put(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** @param {number} label */
  colorOf(label) {
    const { palette } = this.scan;
    return this.model.get("colors")[label] ?? palette[((label || this.marks.freeLabel()) - 1) % palette.length];
  }

  /**
   * @param {number} label
   * @param {string} color "#rrggbb"
   */
  setColor(label, color) {
    this.put("colors", { ...this.model.get("colors"), [label]: color });
    this.views.forEach((view) => view.draw());
  }

  /**
   * Show or hide masks and their diameters.
   * @param {{ masks?: boolean, diameters?: boolean }} what
   */
  show({ masks = this.showMasks, diameters = this.showDiameters }) {
    this.showMasks = masks;
    this.showDiameters = diameters;
    this.draw();
  }

  /**
   * The marks as they look now: the one being dragged in its new place.
   * @returns {Draft[]}
   */
  drawnMarks() {
    const { draft } = this;
    if (!draft) return this.marks.current;
    return [...this.marks.current.filter((mark) => mark.label !== draft.label), draft];
  }

  redisplay() {
    this.store.setSlab(this.display.slab);
    this.refresh();
  }

  /** Keys are for the picture again. */
  focusPicture() {
    this.root.focus({ preventScroll: true });
  }

  // ---- what the user does

  /** @param {Point} cursor */
  setCursor(cursor) {
    if (same(cursor, this.cursor)) return;
    this.cursor = cursor;
    this.put("cursor_zyx", cursor);
    if (this.notice) this.say(""); // what was said of another place
    else this.draw();
  }

  /**
   * @param {number} number of the plane
   * @param {number} index
   */
  setSlice(number, index) {
    const plane = this.scan.planes[number];
    /** @type {Point} */
    const cursor = [...this.cursor];
    cursor[plane.cut] = clamp(index, 0, plane.n_slices - 1);
    this.ahead = [number, Math.sign(cursor[plane.cut] - this.cursor[plane.cut]) || 1];
    this.setCursor(cursor);
  }

  /**
   * Leaf on for a positive step: to the feet, the back or the left; back for a negative one.
   * @param {number} number of the plane
   * @param {number} step
   */
  scroll(number, step) {
    const { planes } = this.scan;
    const before = this.cursor[planes[number].cut];
    this.setSlice(number, before + step * leafStep(planes, number));
    if (this.cursor[planes[number].cut] === before) this.say("The scan ends here");
  }

  /** @param {GreyWindow} window */
  setWindow(window) {
    this.put("window", window);
  }

  /** @param {string} tool */
  setTool(tool) {
    this.tool = tool;
    this.say("");
  }

  /** Number of the plane that keys and the slider scroll. */
  get large() {
    return layoutOf(this.layout, this.scan).large;
  }

  /** @param {string} layout its name, see layouts.js */
  setLayout(layout) {
    this.layout = layout;
    this.notice = "";
    this.page.arrange(this.views, this.scene, layoutOf(layout, this.scan));
    this.ahead = [this.large, 1];
    this.refresh();
  }

  nextLayout() {
    const layouts = this.layouts();
    this.setLayout(layouts[(layouts.indexOf(this.layout) + 1) % layouts.length]);
  }

  layouts() {
    return layoutNames(this.scan);
  }

  get isFullScreen() {
    return this.root.matches(":fullscreen");
  }

  async toggleFullScreen() {
    try {
      await (this.isFullScreen ? this.root.ownerDocument.exitFullscreen() : this.root.requestFullscreen());
    } catch {
      this.say("This page does not allow full screen.");
    }
  }

  /**
   * Words over the picture, until the next thing is done.
   * @param {string} words
   */
  say(words) {
    this.notice = words;
    this.refresh();
  }

  /**
   * @param {number} label
   * @param {boolean} jump whether its middle is shown
   */
  select(label, jump = false) {
    this.redrawing &&= this.marks.find(label) !== undefined;
    const mark = this.marks.find(label);
    if (jump && mark) this.goTo(mark);
    this.selected = label;
    this.put("selected", label);
    this.refresh();
  }

  /**
   * Show a mark's middle; sent with what is saved next.
   * @param {Mark} mark
   */
  goTo({ [LINE]: [from, to] }) {
    this.cursor = pointOf((axis) => Math.round((from[axis] + to[axis]) / 2));
    this.model.set("cursor_zyx", this.cursor);
  }

  /** @param {number} label */
  startRedrawing(label) {
    this.redrawing = !(this.redrawing && this.selected === label);
    this.setTool("line");
    this.select(label, true);
  }

  /**
   * A mark was drawn or changed. All of it travels in one message, so that masks come back for the right slices.
   * @param {Mark} mark
   */
  finish(mark) {
    const placed = { ...mark, label: mark.label || this.marks.freeLabel() };
    this.redrawing = false;
    this.tool = "line"; // a short axis is drawn now and then, lines all the time
    this.goTo(placed);
    this.correct(placed);
  }

  /**
   * A mark has changed; the network answers for the slices that the cursor is on.
   * @param {Mark} mark
   * @param {Point} cursor
   */
  correct(mark, cursor = this.cursor) {
    this.notice = "";
    this.cursor = cursor;
    this.model.set("cursor_zyx", cursor);
    this.selected = mark.label;
    this.model.set("selected", mark.label);
    this.marks.put(mark);
    this.refresh();
  }

  /** @param {Stroke} stroke */
  paint(stroke) {
    this.selected = stroke.label;
    this.model.set("selected", stroke.label);
    this.marks.addEdit(stroke);
    this.say("");
  }

  /** @param {number} diameter mm */
  setBrush(diameter) {
    const fault = sizeFault(diameter);
    if (!fault) this.brushMm = diameter;
    this.say(fault || `Brush: ${this.brushMm} mm`);
  }

  /** @param {number} step 1 for a larger brush, -1 for a smaller one */
  resizeBrush(step) {
    this.setBrush(resized(this.brushMm, step));
  }

  /** @param {"begins" | "ends"} which the lesion does on the slice shown */
  tellEdge(which) {
    tellEdge(this, which);
  }

  /**
   * Give a lesion another label; whether that went well.
   * @param {number} label
   * @param {number} wanted
   */
  relabel(label, wanted) {
    const fault = this.marks.labelFault(wanted);
    if (fault) {
      this.say(fault);
      return false;
    }
    if (this.selected === label) this.model.set("selected", this.selected = wanted);
    this.marks.change(label, { label: wanted });
    return true;
  }

  /** Make the masks that are missing. */
  segment() {
    const { current } = this.marks;
    const done = new Set(this.model.get("results").map(({ label }) => label));
    if (!current.length) this.say("Draw a line first.");
    else if (current.every(({ label }) => done.has(label))) this.say("Every lesion has its mask.");
    else this.model.send({ kind: "segment" });
  }

  /**
   * The grey window of a preset's button.
   * @param {number} number from 1
   */
  choosePreset(number) {
    const windows = Object.entries(this.scan.windows);
    const [name, range] = windows[number - 1] ?? [];
    if (range) this.setWindow(range);
    this.say(name ? `Window: ${name}` : `There are ${windows.length} grey windows: keys 1 to ${windows.length}`);
  }

  /**
   * The lesion after or before the selected one, shown.
   * @param {number} step
   */
  selectNext(step) {
    const { current } = this.marks;
    const at = current.findIndex(({ label }) => label === this.selected);
    const next = at < 0 ? (step > 0 ? 0 : -1) : (at + step) % current.length;
    if (current.length) this.select(/** @type {Mark} */ (current.at(next)).label, true);
    else this.say("Draw a line first: no lesion is marked yet.");
  }

  removeSelected() {
    if (isMeasure(this.tool)) {
      this.measuring.removeLast();
      return;
    }
    const mark = this.marks.find(this.selected);
    if (mark) this.marks.remove(mark.label);
    this.say(
      mark ? `Lesion ${mark.label} deleted · Ctrl+Z brings it back` : "Which lesion? Click its line or its row first.",
    );
  }

  undo() {
    const could = this.marks.undo();
    this.say(could ? "" : "There is nothing to undo.");
  }

  redo() {
    this.say(this.marks.redo() ? "" : "There is nothing to redo.");
  }

  toggleKeyMap() {
    const { keyMap } = this.page;
    keyMap.show(!keyMap.isOpen);
    if (!keyMap.isOpen) this.root.focus({ preventScroll: true });
  }

  giveUp() {
    if (this.page.keyMap.isOpen) {
      this.toggleKeyMap();
      return;
    }
    this.redrawing = false;
    this.keyboardMouse.cancel();
    this.views.forEach((view) => view.mouse.cancel());
    this.setTool("line");
  }

  // ---- bring the page up to date

  /** Slices have come. Once the first stand, lines that were given from the start get their masks. */
  arrived() {
    this.draw();
    if (this.begun) return;
    this.begun = true;
    const { model } = this;
    if (model.get("auto_segment") && this.marks.current.length && !model.get("results").length) {
      model.send({ kind: "segment" });
    }
  }

  draw() {
    this.views.forEach((view) => view.draw());
    this.scene.update();
    this.page.slider.update(targetOf(this));
    /** @type {SliceAt[]} */
    const visible = this.views.flatMap((view) => (view.isHidden ? [] : [[view.number, view.index]]));
    const [number, step] = this.ahead;
    const { n_slices } = this.scan.planes[number];
    const scrolled = this.views.filter((view) => !view.isHidden && view.plane.cut === this.scan.planes[number].cut);
    const ahead = scrolled.map((view) => slicesAhead([view.number, view.index], step, n_slices));
    this.store.request(visible, (ahead[0] ?? []).flatMap((_, n) => ahead.map((slices) => slices[n])));
  }

  refresh() {
    const status = this.model.get("status");
    this.page.say(status || this.notice || instruction(this), status !== "");
    this.page.showError(this.model.get("error"));
    keepFocus(this.root, () => {
      this.toolbar.update();
      this.controls.update();
      this.measuring.update();
      this.table.draw();
    });
    this.page.options.update();
    this.displayBar.update();
    this.draw();
  }

  // ---- what Python says

  /**
   * @param {FromPython} message
   * @param {(DataView | ArrayBuffer)[]} buffers
   */
  hear(message, buffers) {
    if (message.kind === "said") this.say(message.words);
    this.scene.hear(message, buffers);
    this.probe.hear(message);
    this.measuring.hear(message);
  }
}

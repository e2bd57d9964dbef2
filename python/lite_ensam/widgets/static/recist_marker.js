// The browser's half of RecistMarker: one plain module, canvas 2D, nothing fetched.
//
// Python holds the scan, the marks and the masks. Slices come as 8-bit images on request (SliceStore), each
// plane is drawn and listened to by a PlaneView, the lines are edited in MarkList (undo, redo), the table is
// a LesionTable, and Marker ties them to the model. Points are voxel indices [z, y, x]; a slice's pixel
// (column, row) covers the edges [column, column + 1) x [row, row + 1).

const AXIAL = 0;
const CACHE_BYTES = 96e6;
const PREFETCH = 4; // slices ahead in the direction of scrolling
const NEAR_PX = 9; // an end of a line is grabbed from this near
const CLICK_PX = 4; // a shorter drag is a click
const WHEEL_STEP = 40;
const HINT =
  "Drag along the longest diameter to draw · wheel or ↑↓: slices · right drag: window · Ctrl+wheel: zoom · " +
  "middle drag: pan · Ctrl+Z: undo · Del: delete";

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** An element with properties, attributes in `data`, and children. */
function make(tag, properties = {}, ...children) {
  const { data = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/** Images and label patches by slice; what is missing is asked for, the visible slices first. */
class SliceStore {
  constructor(model, onArrival) {
    this.model = model;
    this.onArrival = onArrival;
    this.images = new Map(); // "plane/index" -> Uint8Array; the oldest come first
    this.patches = new Map(); // "plane/index" -> {start, shape, labels, codes, fills, outlines}
    this.bytes = 0;
    this.window = model.get("window");
    this.version = model.get("_mask_version");
    this.id = Math.random().toString(36).slice(2);
    this.waiting = false;
    this.onMessage = (message, buffers) => this.receive(message, buffers);
    model.on("msg:custom", this.onMessage);
  }

  close() {
    this.model.off("msg:custom", this.onMessage);
  }

  /** Ask for what is missing of [[plane, index], ...]; one request travels at a time. */
  request(visible, ahead) {
    if (this.waiting) return;
    let wants = this.missing(visible);
    if (!wants.length) wants = this.missing(ahead).slice(0, 2);
    if (!wants.length) return;
    this.waiting = true;
    this.model.send({ kind: "slices", id: this.id, window: this.window, wants });
  }

  missing(slices) {
    return slices
      .map(([plane, index]) => [plane, index, !this.images.has(`${plane}/${index}`)])
      .filter(([plane, index, image]) => image || !this.patches.has(`${plane}/${index}`));
  }

  receive(message, buffers) {
    if (message.kind !== "slices") return;
    if (message.id === this.id) this.waiting = false;
    const parts = buffers.map((b) => new Uint8Array(b.buffer ?? b, b.byteOffset ?? 0, b.byteLength));
    for (const slice of message.slices) {
      const key = `${slice.plane}/${slice.index}`;
      const image = slice.image ? parts.shift() : null;
      const codes = slice.patch ? parts.shift() : null;
      if (image && same(message.window, this.window)) this.keepImage(key, image);
      if (message.mask_version === this.version) {
        this.patches.set(key, slice.patch?.labels.length ? { ...slice.patch, codes } : null);
      }
    }
    this.onArrival();
  }

  keepImage(key, image) {
    if (this.images.has(key)) return;
    this.images.set(key, image);
    this.bytes += image.length;
    for (const [oldest, old] of this.images) {
      if (this.bytes <= CACHE_BYTES) break;
      this.images.delete(oldest);
      this.bytes -= old.length;
    }
  }

  setWindow(window) {
    if (same(window, this.window)) return;
    this.window = window;
    this.images.clear();
    this.bytes = 0;
  }

  setMaskVersion(version) {
    this.version = version;
    this.patches.clear();
  }
}

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

  /** Put a line in the place of a lesion's, or of a new lesion if the label is 0; its label. */
  draw(label, ends) {
    const sorted = [...ends].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    const known = this.find(label);
    const used = new Set(this.current.map((mark) => mark.label));
    let free = 1;
    while (used.has(free)) free += 1;
    const mark = { label: known ? label : free, name: known?.name ?? "", endpoints_zyx: sorted };
    const marks = known ? this.current.map((m) => (m === known ? mark : m)) : [...this.current, mark];
    this.commit(marks);
    return mark.label;
  }

  rename(label, name) {
    this.commit(this.current.map((mark) => (mark.label === label ? { ...mark, name } : mark)));
  }

  remove(label) {
    if (this.find(label)) this.commit(this.current.filter((mark) => mark.label !== label));
  }
}

/** One plane on a canvas: image, masks, lines, letters, and the mouse. */
class PlaneView {
  constructor(marker, number) {
    this.marker = marker;
    this.number = number;
    this.plane = marker.scan.planes[number];
    this.canvas = make("canvas", { className: "le-canvas", data: { plane: this.plane.name } });
    this.title = make("div", { className: "le-title" });
    this.root = make("div", { className: `le-plane le-${this.plane.name}` }, this.canvas, this.title);
    this.zoom = 1;
    this.pan = [0, 0];
    this.shown = -1; // the slice that is on the screen
    this.image = make("canvas", { width: this.plane.shape[1], height: this.plane.shape[0] });
    this.pixels = null;
    this.drag = null;
    this.wheel = 0;
    this.listen();
  }

  get index() {
    return this.marker.cursor[this.plane.cut];
  }

  // ---- where things are

  layout() {
    const [rows, columns] = this.plane.shape;
    const [height, width] = this.plane.pixel_mm;
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const scale = Math.min(w / (columns * width), h / (rows * height)) * this.zoom; // pixels a mm
    const left = w / 2 - (columns * width * scale) / 2 + this.pan[0];
    const top = h / 2 - (rows * height * scale) / 2 + this.pan[1];
    const [sx, sy] = [width * scale, height * scale];
    return {
      a: this.plane.flip_across ? -sx : sx,
      d: this.plane.flip_down ? -sy : sy,
      e: this.plane.flip_across ? left + columns * sx : left,
      f: this.plane.flip_down ? top + rows * sy : top,
    };
  }

  /** Screen place of a voxel index [z, y, x]. */
  toScreen(point) {
    const { a, d, e, f } = this.layout();
    return [a * (point[this.plane.across] + 0.5) + e, d * (point[this.plane.down] + 0.5) + f];
  }

  /** The voxel [z, y, x] under a screen place, on the slice that is shown; inside the scan. */
  toVoxel([x, y]) {
    const { a, d, e, f } = this.layout();
    const [rows, columns] = this.plane.shape;
    const point = [...this.marker.cursor];
    if (this.shown >= 0) point[this.plane.cut] = this.shown;
    point[this.plane.across] = clamp(Math.floor((x - e) / a), 0, columns - 1);
    point[this.plane.down] = clamp(Math.floor((y - f) / d), 0, rows - 1);
    return point;
  }

  // ---- drawing

  draw() {
    const { images, patches } = this.marker.store;
    const key = `${this.number}/${this.index}`;
    const pixels = images.get(key);
    if (pixels) {
      if (pixels !== this.pixels) this.fillImage(pixels);
      this.shown = this.index;
      this.canvas.dataset.window = this.marker.store.window.join(" ");
    }
    if (this.shown < 0) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: w, clientHeight: h } = this.canvas;
    if (this.canvas.width !== Math.round(w * ratio) || this.canvas.height !== Math.round(h * ratio)) {
      this.canvas.width = Math.round(w * ratio);
      this.canvas.height = Math.round(h * ratio);
    }
    const context = this.canvas.getContext("2d");
    const place = this.layout();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = "black";
    context.fillRect(0, 0, w, h);
    context.setTransform(ratio * place.a, 0, 0, ratio * place.d, ratio * place.e, ratio * place.f);
    context.imageSmoothingEnabled = Math.abs(place.a) < 6; // voxels are shown as such when they are large
    context.drawImage(this.image, 0, 0);
    const patch = patches.get(`${this.number}/${this.shown}`);
    if (patch && this.marker.showMasks) this.drawMasks(context, patch, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.drawCross(context, w, h);
    this.marker.drawnMarks().forEach((mark) => this.drawMark(context, mark));
    if (this.marker.showDiameters) this.drawDiameters(context);
    this.drawLetters(context, w, h);
    this.title.textContent = `${this.plane.name} ${this.shown + 1} / ${this.plane.n_slices}`;
    this.canvas.dataset.index = this.shown;
    if (patches.has(`${this.number}/${this.shown}`)) {
      this.canvas.dataset.maskVersion = this.marker.store.version;
      this.canvas.dataset.masks = patch ? patch.labels.join(" ") : "";
    }
  }

  fillImage(pixels) {
    const context = this.image.getContext("2d");
    const image = context.createImageData(this.image.width, this.image.height);
    const words = new Uint32Array(image.data.buffer);
    for (let i = 0; i < words.length; i += 1) words[i] = 0xff000000 | (pixels[i] * 0x010101);
    context.putImageData(image, 0, 0);
    this.pixels = pixels;
  }

  drawMasks(context, patch, ratio) {
    const colors = patch.labels.map((label) => this.marker.colorOf(label));
    if (!patch.outlines) patch.outlines = outlinesOf(patch);
    if (!same(patch.colors, colors)) {
      patch.fill = fillOf(patch, colors);
      patch.colors = colors;
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(patch.fill, patch.start[1], patch.start[0]);
    const { a, d, e, f } = this.layout();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    patch.outlines.forEach((outline, i) => {
      const path = new Path2D();
      path.addPath(outline, new DOMMatrix([a, 0, 0, d, e, f]));
      context.strokeStyle = colors[i];
      context.stroke(path);
    });
  }

  drawCross(context, w, h) {
    const [x, y] = this.toScreen(this.marker.cursor);
    context.strokeStyle = "rgba(120, 190, 255, 0.28)";
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, h);
    context.moveTo(0, y);
    context.lineTo(w, y);
    context.stroke();
  }

  /** The line in its slice; its shadow, dotted, in the planes that cut it. */
  drawMark(context, mark) {
    const [from, to] = mark.endpoints_zyx;
    const cut = [from, to].map((end) => end[this.plane.cut]).sort((a, b) => a - b);
    if (this.shown < Math.floor(cut[0]) || this.shown > Math.ceil(cut[1])) return;
    const color = this.marker.colorOf(mark.label);
    const own = this.number === AXIAL;
    const ends = [this.toScreen(from), this.toScreen(to)];
    const selected = mark.label === this.marker.selected;
    context.setLineDash(own ? [] : [2, 3]);
    strokeLine(context, ends, "rgba(0, 0, 0, 0.7)", selected ? 5 : 4);
    strokeLine(context, ends, color, selected ? 2.4 : 1.6);
    context.setLineDash([]);
    if (!own) return;
    for (const [x, y] of ends) {
      context.beginPath();
      context.arc(x, y, selected ? 4.5 : 3.5, 0, 2 * Math.PI);
      context.fillStyle = selected ? color : "black";
      context.fill();
      context.strokeStyle = selected ? "white" : color;
      context.lineWidth = 1.5;
      context.stroke();
    }
    const [x, y] = ends[0][0] > ends[1][0] ? ends[0] : ends[1];
    writeText(context, `${mark.label || "new"}: ${this.marker.lengthMm(mark).toFixed(1)} mm`, x + 9, y + 4, color);
  }

  /** Longest diameter and short axis of the masks, on the slice where they were measured. */
  drawDiameters(context) {
    if (this.number !== AXIAL) return;
    for (const row of this.marker.model.get("results")) {
      if (row.longest_diameter_slice !== this.shown) continue;
      context.setLineDash([5, 4]);
      for (const ends of [row.longest_diameter_zyx, row.short_axis_zyx]) {
        if (ends) strokeLine(context, ends.map((end) => this.toScreen(end)), "white", 1.2);
      }
      context.setLineDash([]);
    }
  }

  drawLetters(context, w, h) {
    const [left, right, top, bottom] = this.plane.sides;
    writeText(context, left, 5, h / 2, "white");
    writeText(context, right, w - 15, h / 2, "white");
    writeText(context, top, w / 2 - 4, 15, "white");
    writeText(context, bottom, w / 2 - 4, h - 7, "white");
  }

  // ---- the mouse

  listen() {
    const on = (name, action) => this.canvas.addEventListener(name, action, { passive: false });
    on("pointerdown", (event) => this.begin(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.end(event));
    on("pointercancel", () => this.cancel());
    on("dblclick", () => this.resetView());
    on("wheel", (event) => this.turn(event));
    on("contextmenu", (event) => {
      event.preventDefault();
      event.stopPropagation();
    });
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  begin(event) {
    if (this.drag) return;
    event.preventDefault();
    this.marker.root.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.place(event);
    const tool = event.button === 2 ? "window" : event.button === 1 ? "pan" : this.marker.tool;
    this.drag = { tool, from: at, last: at, moved: false, window: this.marker.store.window };
    if (tool === "line") this.drag.edit = this.number === AXIAL ? this.grab(at, event) : null;
  }

  /** What a press on the axial plane takes hold of: an end, a whole line, or the start of a new one. */
  grab(at, event) {
    const marks = this.marker.marks.current.filter((mark) => mark.endpoints_zyx[0][0] === this.shown);
    marks.sort((a, b) => (b.label === this.marker.selected) - (a.label === this.marker.selected));
    const near = ([x, y]) => Math.hypot(x - at[0], y - at[1]) <= NEAR_PX;
    for (const mark of marks) {
      const which = mark.endpoints_zyx.findIndex((end) => near(this.toScreen(end)));
      if (which >= 0) return { kind: "end", label: mark.label, fixed: mark.endpoints_zyx[1 - which] };
    }
    for (const mark of marks) {
      const ends = mark.endpoints_zyx.map((end) => this.toScreen(end));
      if (distanceToLine(at, ends) <= NEAR_PX - 3) {
        return { kind: "line", label: mark.label, ends: mark.endpoints_zyx, from: this.toVoxel(at) };
      }
    }
    const label = event.shiftKey || this.marker.redrawing ? this.marker.selected : 0;
    return { kind: "end", label, fixed: this.toVoxel(at), fresh: true };
  }

  move(event) {
    const at = this.place(event);
    const { drag } = this;
    if (!drag) {
      this.hover(at);
      return;
    }
    drag.moved ||= Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) > CLICK_PX;
    const [dx, dy] = [at[0] - drag.last[0], at[1] - drag.last[1]];
    drag.last = at;
    if (drag.tool === "pan") {
      this.pan = [this.pan[0] + dx, this.pan[1] + dy];
      this.draw();
    } else if (drag.tool === "window") {
      this.dragWindow(at);
    } else if (this.number !== AXIAL) {
      this.marker.setCursor(this.toVoxel(at));
    } else if (drag.moved) {
      this.marker.draft = this.edited(at);
      this.marker.draw();
    }
  }

  hover(at) {
    const [z, y, x] = this.toVoxel(at);
    this.marker.showPlace(`z ${z}  y ${y}  x ${x}`);
  }

  /** The mark as the drag would leave it: ends on voxel centres, inside the slice. */
  edited(at) {
    const { edit } = this.drag;
    const point = this.toVoxel(at);
    if (edit.kind === "end") return { label: edit.label, endpoints_zyx: [edit.fixed, point] };
    const step = point.map((p, axis) => {
      const low = Math.min(...edit.ends.map((end) => end[axis]));
      const high = Math.max(...edit.ends.map((end) => end[axis]));
      return clamp(p - edit.from[axis], -low, this.marker.scan.shape_zyx[axis] - 1 - high);
    });
    return { label: edit.label, endpoints_zyx: edit.ends.map((end) => end.map((e, axis) => e + step[axis])) };
  }

  end(event) {
    const { drag } = this;
    if (!drag) return;
    this.drag = null;
    if (drag.tool !== "line") return;
    const { draft } = this.marker;
    this.marker.draft = null;
    if (this.number === AXIAL && drag.moved && draft) {
      if (!same(...draft.endpoints_zyx)) this.marker.drawLine(draft.label, draft.endpoints_zyx);
    } else if (this.number === AXIAL && drag.edit && !drag.edit.fresh) {
      this.marker.select(drag.edit.label);
    } else {
      this.marker.setCursor(this.toVoxel(this.place(event)));
    }
    this.marker.draw();
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
    if (event.ctrlKey || event.metaKey) this.zoomBy(step > 0 ? 1 / 1.2 : 1.2, this.place(event));
    else this.marker.scroll(this.number, step);
  }

  /** Zoom about a place on the screen, which stays where it is. */
  zoomBy(factor, [x, y]) {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const zoom = clamp(this.zoom * factor, 0.5, 30);
    const change = zoom / this.zoom;
    this.pan = [(this.pan[0] + w / 2 - x) * change + x - w / 2, (this.pan[1] + h / 2 - y) * change + y - h / 2];
    this.zoom = zoom;
    this.draw();
  }

  resetView() {
    this.zoom = 1;
    this.pan = [0, 0];
    this.draw();
  }
}

function strokeLine(context, [from, to], style, width) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function writeText(context, text, x, y, color) {
  context.font = "600 13px system-ui, sans-serif";
  context.lineWidth = 3.5;
  context.lineJoin = "round";
  context.strokeStyle = "rgba(0, 0, 0, 0.8)";
  context.strokeText(text, x, y);
  context.fillStyle = color;
  context.fillText(text, x, y);
}

function distanceToLine([x, y], [[x0, y0], [x1, y1]]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = clamp(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

/** A path a label along the voxel edges where it ends, in the slice's edge coordinates. */
function outlinesOf({ start, shape, labels, codes }) {
  const paths = labels.map(() => new Path2D());
  const [rows, columns] = shape;
  const at = (r, c) => (r < 0 || c < 0 || r >= rows || c >= columns ? 0 : codes[r * columns + c]);
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) {
      const code = at(r, c);
      if (!code) continue;
      const path = paths[code - 1];
      const [y, x] = [start[0] + r, start[1] + c];
      if (at(r - 1, c) !== code) path.moveTo(x, y), path.lineTo(x + 1, y);
      if (at(r + 1, c) !== code) path.moveTo(x, y + 1), path.lineTo(x + 1, y + 1);
      if (at(r, c - 1) !== code) path.moveTo(x, y), path.lineTo(x, y + 1);
      if (at(r, c + 1) !== code) path.moveTo(x + 1, y), path.lineTo(x + 1, y + 1);
    }
  }
  return paths;
}

/** Translucent image of a label patch. */
function fillOf({ shape, codes }, colors) {
  const canvas = make("canvas", { width: shape[1], height: shape[0] });
  const context = canvas.getContext("2d");
  const image = context.createImageData(shape[1], shape[0]);
  const rgb = colors.map((color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16)));
  codes.forEach((code, i) => {
    if (code) image.data.set([...rgb[code - 1], 70], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Lesions beside the picture: name, colour, numbers, what the reader thinks of them. */
class LesionTable {
  constructor(marker) {
    this.marker = marker;
    this.body = make("tbody");
    const heads = ["", "name", "line mm", "ml", "longest mm", "short mm", "s", ""];
    const head = make("tr", {}, ...heads.map((text) => make("th", { textContent: text })));
    this.root = make("table", { className: "le-table" }, make("thead", {}, head), this.body);
  }

  draw() {
    const typing = this.body.contains(document.activeElement) && document.activeElement.type === "text";
    if (typing) return; // would take the field away under the user's hands; blur draws again
    const results = new Map(this.marker.model.get("results").map((row) => [row.label, row]));
    this.body.replaceChildren(...this.marker.marks.current.map((mark) => this.row(mark, results.get(mark.label))));
  }

  row(mark, result) {
    const { marker } = this;
    const number = (value, digits) => (value === undefined ? "–" : value.toFixed(digits));
    const cell = (text, kind) => make("td", { textContent: text, data: { kind } });
    const color = make("input", { type: "color", value: marker.colorOf(mark.label), title: "colour" });
    color.addEventListener("change", () => marker.setColor(mark.label, color.value));
    const name = make("input", { type: "text", value: mark.name, placeholder: `lesion ${mark.label}` });
    name.addEventListener("keydown", (event) => event.key === "Enter" && name.blur());
    name.addEventListener("blur", () => {
      if (name.value !== mark.name) marker.marks.rename(mark.label, name.value);
      setTimeout(() => marker.refresh());
    });
    const row = make(
      "tr",
      { data: { label: mark.label, state: result?.state ?? "" } },
      make("td", {}, make("b", { textContent: mark.label }), color),
      make("td", {}, name),
      cell(number(marker.lengthMm(mark), 1), "line"),
      cell(number(result?.volume_ml, 2), "volume"),
      cell(number(result?.longest_diameter_mm, 1), "longest"),
      cell(number(result?.short_axis_mm, 1), "short"),
      cell(number(result?.seconds, 2), "seconds"),
      make("td", { className: "le-actions" }, ...this.buttons(mark.label, result)),
    );
    row.classList.toggle("le-selected", mark.label === marker.selected);
    row.addEventListener("click", (event) => {
      if (!event.target.closest("input, button")) marker.select(mark.label, true);
    });
    return row;
  }

  buttons(label, result) {
    const { marker } = this;
    const button = (text, title, action, pressed = false) => {
      const made = make("button", { textContent: text, title, data: { action: text } });
      made.setAttribute("aria-pressed", pressed);
      made.addEventListener("click", action);
      return made;
    };
    const made = [
      button(
        "redraw",
        "redraw this line: the next line takes its place",
        () => marker.startRedrawing(label),
        marker.redrawing && label === marker.selected,
      ),
      button("delete", "delete this lesion", () => marker.marks.remove(label)),
    ];
    if (!result) return made;
    const say = (kind) => () => marker.model.send({ kind, label });
    return [
      button("accept", "accept this mask", say("accept"), result.state === "accepted"),
      button("reject", "reject this mask", say("reject"), result.state === "rejected"),
      ...made,
    ];
  }
}

/** The whole widget. */
class Marker {
  constructor(model, element) {
    this.model = model;
    this.scan = model.get("_scan");
    this.cursor = model.get("cursor_zyx");
    this.selected = model.get("selected");
    this.tool = "line";
    this.draft = null;
    this.redrawing = false;
    this.showMasks = true;
    this.showDiameters = false;
    this.ahead = [AXIAL, 1];
    this.store = new SliceStore(model, () => this.arrived());
    this.marks = new MarkList(model, () => this.refresh());
    this.views = [0, 1, 2].map((number) => new PlaneView(this, number));
    this.table = new LesionTable(this);
    this.build(element);
    this.follow();
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.root);
    this.refresh();
  }

  close() {
    this.resizing.disconnect();
    this.store.close();
    this.marks.close();
    this.listeners.forEach(([name, action]) => this.model.off(name, action));
  }

  // ---- what is on the page

  build(element) {
    const [axial, coronal, sagittal] = this.views.map((view) => view.root);
    const last = this.scan.shape_zyx[0] - 1;
    this.slider = make("input", { type: "range", min: 0, max: last, step: 1, className: "le-slider", title: "slice" });
    this.slider.addEventListener("input", () => this.setSlice(AXIAL, Number(this.slider.value)));
    this.words = make("div", { className: "le-words" });
    this.placeText = make("span", { className: "le-place" });
    this.errorText = make("div", { className: "le-error" });
    this.errorText.setAttribute("role", "alert");
    this.errorText.addEventListener("click", () => this.put("error", ""));
    this.root = make(
      "div",
      { className: "le-root", tabIndex: 0, data: { lmSuppressShortcuts: "true" } },
      this.toolbar(),
      this.errorText,
      make(
        "div",
        { className: "le-stage" },
        make("div", { className: "le-main" }, axial, this.slider),
        make("div", { className: "le-side" }, coronal, sagittal),
        make("div", { className: "le-panel" }, this.controls(), this.table.root),
      ),
      make("div", { className: "le-foot" }, this.words, this.placeText),
    );
    this.root.addEventListener("keydown", (event) => this.press(event));
    element.replaceChildren(this.root);
  }

  toolbar() {
    const group = (...children) => make("span", { className: "le-group" }, ...children);
    const button = (text, title, action, data = {}) => {
      const made = make("button", { textContent: text, title, data });
      made.addEventListener("click", action);
      return made;
    };
    this.tools = ["line", "window", "pan"].map((tool) =>
      button(tool, `left button: ${tool}`, () => this.setTool(tool), { tool }),
    );
    const presets = Object.entries(this.scan.windows).map(([name, window]) =>
      button(name, `window ${window[0]} to ${window[1]}`, () => this.setWindow(window), { preset: name }),
    );
    this.windowText = make("span", { className: "le-window" });
    return make(
      "div",
      { className: "le-toolbar" },
      group(...this.tools),
      group(...presets, this.windowText),
      group(
        button("↶", "undo (Ctrl+Z)", () => this.marks.undo(), { action: "undo" }),
        button("↷", "redo (Ctrl+Y)", () => this.marks.redo(), { action: "redo" }),
        button("fit", "whole slice (double click)", () => this.views.forEach((view) => view.resetView())),
      ),
    );
  }

  controls() {
    const check = (text, checked, action, data) => {
      const box = make("input", { type: "checkbox", checked, data });
      box.addEventListener("change", () => action(box.checked));
      return make("label", {}, box, text);
    };
    this.segmentButton = make("button", { textContent: "Segment", data: { action: "segment" } });
    this.segmentButton.addEventListener("click", () => this.model.send({ kind: "segment" }));
    this.threshold = make("input", { type: "range", min: -6, max: 6, step: 0.25, data: { control: "threshold" } });
    this.threshold.title = "logit above which a voxel is tumour: left for larger masks, right for smaller ones";
    this.threshold.addEventListener("input", () => this.put("threshold", Number(this.threshold.value)));
    this.thresholdText = make("span");
    const auto = check("auto", this.model.get("auto_segment"), (on) => this.put("auto_segment", on), {
      control: "auto",
    });
    this.auto = auto.querySelector("input");
    auto.title = "segment each line as soon as it is finished";
    return make(
      "div",
      { className: "le-controls" },
      this.segmentButton,
      auto,
      check("masks", true, (on) => ((this.showMasks = on), this.draw()), { control: "masks" }),
      check("diameters", false, (on) => ((this.showDiameters = on), this.draw()), { control: "diameters" }),
      make("label", {}, "threshold", this.threshold, this.thresholdText),
    );
  }

  // ---- the model

  follow() {
    this.listeners = [
      ["change:cursor_zyx", () => ((this.cursor = this.model.get("cursor_zyx")), this.draw())],
      ["change:selected", () => ((this.selected = this.model.get("selected")), this.refresh())],
      ["change:window", () => (this.store.setWindow(this.model.get("window")), this.draw())],
      ["change:_mask_version", () => (this.store.setMaskVersion(this.model.get("_mask_version")), this.draw())],
      ["change:results change:colors change:status change:error", () => this.refresh()],
      ["change:threshold change:auto_segment", () => this.refresh()],
    ];
    this.listeners.forEach(([name, action]) => this.model.on(name, action));
  }

  put(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  colorOf(label) {
    const { palette } = this.scan;
    return this.model.get("colors")[label] ?? palette[(Math.max(label, 1) - 1) % palette.length];
  }

  setColor(label, color) {
    this.put("colors", { ...this.model.get("colors"), [label]: color });
    this.views.forEach((view) => view.draw());
  }

  lengthMm({ endpoints_zyx: [from, to] }) {
    return Math.hypot(...from.map((start, axis) => (to[axis] - start) * this.scan.spacing_mm[axis]));
  }

  /** The marks as they look now: the one being dragged in its new place. */
  drawnMarks() {
    const { draft } = this;
    if (!draft) return this.marks.current;
    return [...this.marks.current.filter((mark) => mark.label !== draft.label), draft];
  }

  // ---- what the user does

  setCursor(cursor) {
    if (same(cursor, this.cursor)) return;
    this.cursor = cursor;
    this.put("cursor_zyx", cursor);
    this.draw();
  }

  setSlice(number, index) {
    const plane = this.scan.planes[number];
    const cursor = [...this.cursor];
    cursor[plane.cut] = clamp(index, 0, plane.n_slices - 1);
    this.ahead = [number, Math.sign(cursor[plane.cut] - this.cursor[plane.cut]) || 1];
    this.setCursor(cursor);
  }

  /** To the next slices of a plane for a positive step, back for a negative one. */
  scroll(number, step) {
    const { cut } = this.scan.planes[number];
    this.setSlice(number, this.cursor[cut] + step);
  }

  setWindow(window) {
    this.put("window", window);
  }

  setTool(tool) {
    this.tool = tool;
    this.refresh();
  }

  select(label, jump = false) {
    this.selected = label;
    this.redrawing &&= this.marks.find(label) !== undefined;
    this.put("selected", label);
    const mark = this.marks.find(label);
    if (jump && mark) {
      const [from, to] = mark.endpoints_zyx;
      this.setCursor(from.map((start, axis) => Math.round((start + to[axis]) / 2)));
    }
    this.refresh();
  }

  startRedrawing(label) {
    this.redrawing = !(this.redrawing && this.selected === label);
    this.select(label, true);
  }

  drawLine(label, ends) {
    this.redrawing = false;
    this.select(this.marks.draw(label, ends), true);
  }

  press(event) {
    event.stopPropagation();
    if (event.target.matches("input[type=text]")) return;
    const command = event.ctrlKey || event.metaKey;
    const key = command && event.shiftKey ? `Shift+${event.key.toLowerCase()}` : event.key;
    const last = this.scan.shape_zyx[0] - 1;
    const actions = {
      ArrowUp: () => this.scroll(AXIAL, -1),
      ArrowDown: () => this.scroll(AXIAL, 1),
      PageUp: () => this.scroll(AXIAL, -10),
      PageDown: () => this.scroll(AXIAL, 10),
      Home: () => this.setSlice(AXIAL, 0),
      End: () => this.setSlice(AXIAL, last),
      Delete: () => this.marks.remove(this.selected),
      Backspace: () => this.marks.remove(this.selected),
      Escape: () => this.views.forEach((view) => view.cancel()),
    };
    const commands = {
      z: () => this.marks.undo(),
      y: () => this.marks.redo(),
      "Shift+z": () => this.marks.redo(),
    };
    const action = (command ? commands : actions)[key];
    if (!action) return;
    event.preventDefault();
    action();
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
    this.slider.value = this.cursor[0];
    const [low, high] = this.store.window;
    this.windowText.textContent = `${Math.round(low)} to ${Math.round(high)}`;
    const visible = this.views.map((view) => [view.number, view.index]);
    const [number, step] = this.ahead;
    const { n_slices } = this.scan.planes[number];
    const next = Array.from({ length: PREFETCH }, (_, n) => this.views[number].index + step * (n + 1));
    this.store.request(
      visible,
      next.filter((index) => index >= 0 && index < n_slices).map((index) => [number, index]),
    );
  }

  refresh() {
    const status = this.model.get("status");
    const error = this.model.get("error");
    this.words.textContent = status || (this.redrawing ? `Draw the new line of lesion ${this.selected}.` : HINT);
    this.words.classList.toggle("le-busy", status !== "");
    this.errorText.textContent = error && `${error} (click to close)`;
    this.errorText.hidden = !error;
    this.tools.forEach((button) => button.setAttribute("aria-pressed", button.dataset.tool === this.tool));
    this.auto.checked = this.model.get("auto_segment");
    this.threshold.value = this.model.get("threshold");
    this.thresholdText.textContent = this.model.get("threshold").toFixed(2);
    this.table.draw();
    this.draw();
  }

  showPlace(text) {
    this.placeText.textContent = text;
  }
}

function render({ model, el }) {
  const marker = new Marker(model, el);
  return () => marker.close();
}

export default { render };

const OFF_PERPENDICULAR = 10; // degrees from which a short axis says that it is none

/** One plane on a canvas: image, masks, lines, letters. */
class PlaneView {
  constructor(marker, number) {
    this.marker = marker;
    this.number = number;
    this.plane = marker.scan.planes[number];
    this.canvas = make("canvas", { className: "le-canvas", data: { plane: this.plane.name } });
    this.canvas.setAttribute("role", "img");
    this.root = make("div", { className: `le-plane le-${this.plane.name}` }, this.canvas);
    this.zoom = 1;
    this.pan = [0, 0];
    this.shown = -1; // the slice that is on the screen
    this.image = make("canvas", { width: this.plane.shape[1], height: this.plane.shape[0] });
    this.pixels = null;
    this.mouse = new PlaneMouse(this);
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

  /** Zoom about a place on the screen, which stays where it is; the middle if there is none. */
  zoomBy(factor, place = null) {
    const { clientWidth: w, clientHeight: h } = this.canvas;
    const [x, y] = place ?? [w / 2, h / 2];
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

  // ---- drawing

  draw() {
    const { images, patches } = this.marker.store;
    const pixels = images.get(`${this.number}/${this.index}`);
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
    this.drawWords(context, w, h);
    this.canvas.dataset.index = this.shown;
    if (patches.has(`${this.number}/${this.shown}`)) {
      this.canvas.dataset.maskVersion = this.marker.store.version;
      this.canvas.dataset.masks = patch ? patch.labels.join(" ") : "";
    }
    this.mouse.lookAgain();
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
    const color = "rgba(120, 190, 255, 0.28)";
    strokeLine(context, [[x, 0], [x, h]], color, 1);
    strokeLine(context, [[0, y], [w, y]], color, 1);
  }

  /** The line in its slice; its shadow, dotted, in the planes that cut it. */
  drawMark(context, mark) {
    if (!mark[LINE]) {
      if (this.number === AXIAL) this.drawShortAxis(context, mark, "white", true);
      return;
    }
    const cut = mark[LINE].map((end) => end[this.plane.cut]).sort((a, b) => a - b);
    if (this.shown < Math.floor(cut[0]) || this.shown > Math.ceil(cut[1])) return;
    const color = this.marker.colorOf(mark.label);
    const selected = mark.label === this.marker.selected;
    const ends = mark[LINE].map((end) => this.toScreen(end));
    if (this.number !== AXIAL) {
      context.setLineDash([2, 3]);
      strokeSeen(context, ends, color, selected ? 2.4 : 1.6);
      context.setLineDash([]);
      return;
    }
    if (mark[SHORT_AXIS]) this.drawShortAxis(context, mark, color, selected);
    this.drawLine(context, ends, color, selected, 1.6);
    const [x, y] = ends[0][0] > ends[1][0] ? ends[0] : ends[1];
    const length = lengthMm(mark[LINE], this.marker.scan.spacing_mm).toFixed(1);
    writeInside(context, `${mark.label || "new"}: ${length} mm`, x + 9, y + 4, color);
  }

  /** Of a mark that may have no line yet: a stroke that has not crossed one. */
  drawShortAxis(context, { [LINE]: line, [SHORT_AXIS]: short }, color, selected) {
    const { spacing_mm: spacing } = this.marker.scan;
    const ends = short.map((end) => this.toScreen(end));
    this.drawLine(context, ends, color, selected, 1.2);
    const angle = line ? angleBetween(line, short, spacing) : 90;
    const askew = 90 - angle > OFF_PERPENDICULAR ? ` (${angle.toFixed(0)}° to the line)` : "";
    const [x, y] = ends[0][1] < ends[1][1] ? ends[0] : ends[1];
    writeInside(context, `${lengthMm(short, spacing).toFixed(1)} mm${askew}`, x - 8, y - 9, color);
  }

  drawLine(context, ends, color, selected, width) {
    strokeSeen(context, ends, color, selected ? width + 0.8 : width);
    const [fill, stroke] = selected ? [color, "white"] : ["black", color];
    ends.forEach((end) => fillDot(context, end, width + (selected ? 2.9 : 1.9), fill, stroke));
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

  /** Which plane and slice this is, and the patient's sides. */
  drawWords(context, w, h) {
    const { name, cut, n_slices } = this.plane;
    const slice = `${"zyx"[cut]} ${this.shown} / ${n_slices - 1}`;
    writeText(context, name, 6, 16, "white");
    writeText(context, slice, 6, 32, "white");
    this.canvas.setAttribute("aria-label", `${name}, ${slice}`);
    const [left, right, top, bottom] = this.plane.sides;
    writeText(context, left, 5, h / 2, "white");
    writeText(context, right, w - 15, h / 2, "white");
    writeText(context, top, w / 2 - 4, 15, "white");
    writeText(context, bottom, w / 2 - 4, h - 7, "white");
  }
}

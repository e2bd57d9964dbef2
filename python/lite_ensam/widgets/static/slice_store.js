const CACHE_BYTES = 96e6;

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

  /** Slices that were asked for, or masks that Python sends by itself when they are new. */
  receive(message, buffers) {
    if (message.kind !== "slices") return;
    if (message.id === this.id) this.waiting = false;
    if (message.mask_version > this.version) this.setMaskVersion(message.mask_version);
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
    if (version === this.version) return;
    this.version = version;
    this.patches.clear();
  }
}

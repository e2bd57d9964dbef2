import assert from "node:assert/strict";
import { test } from "node:test";

import { slicesAhead, SliceStore } from "#viewer/slice_store.js";
import { FakeModel } from "./fake_model.js";

/** @import { SliceAt, SlicesMessage, ToPython } from "#viewer/contract.d.ts" */

function storeOf() {
  const model = new FakeModel({ window: [-160, 240], _mask_version: 3 });
  const arrivals = { n: 0 };
  const store = new SliceStore(model, () => (arrivals.n += 1));
  return { model, store, arrivals };
}

/** @param {FakeModel} model */
function lastWants(model) {
  const message = /** @type {Extract<ToPython, { kind: "slices" }>} */ (model.sent.at(-1));
  return message.wants;
}

/**
 * Python's answer: an image of one grey value for each slice, and no masks.
 * @param {{ model: FakeModel, store: SliceStore }} pair
 * @param {SliceAt[]} slices
 * @param {Partial<SlicesMessage> & { bytes?: number }} options
 */
function answer({ model, store }, slices, { bytes = 4, ...options } = {}) {
  /** @type {SlicesMessage} */
  const message = {
    kind: "slices",
    id: store.id,
    window: store.window,
    slab: store.slab,
    mask_version: store.version,
    slices: slices.map(([plane, index]) => ({ plane, index, image: true })),
    ...options,
  };
  model.tell("msg:custom", message, slices.map(([, index]) => new Uint8Array(bytes).fill(index).buffer));
}

test("visible slices are asked for first, then two of those ahead, then none", () => {
  const pair = storeOf();
  const { model, store } = pair;
  /** @type {SliceAt[]} */
  const visible = [[0, 4], [1, 9]];
  /** @type {SliceAt[]} */
  const ahead = [[0, 5], [0, 6], [0, 7]];
  store.request(visible, ahead);
  assert.deepEqual(lastWants(model), [[0, 4, true], [1, 9, true]]);
  answer(pair, visible);
  store.request(visible, ahead);
  assert.deepEqual(lastWants(model), [[0, 5, true], [0, 6, true]]);
  answer(pair, ahead);
  store.request(visible, ahead);
  assert.equal(model.sent.length, 2);
});

test("one request travels at a time; masks that come unasked are not its answer", () => {
  const pair = storeOf();
  const { model, store, arrivals } = pair;
  store.request([[0, 4]], []);
  answer(pair, [], { id: null, mask_version: 4 });
  store.request([[0, 5]], []);
  assert.equal(model.sent.length, 1);
  answer(pair, [[0, 4]]);
  store.request([[0, 5]], []);
  assert.equal(model.sent.length, 2);
  assert.equal(arrivals.n, 2);
});

test("buffers come as DataViews or ArrayBuffers, image before masks", () => {
  const { model, store } = storeOf();
  const bytes = new Uint8Array([9, 7, 7, 1, 2]);
  const patch = {
    start: /** @type {[number, number]} */ ([3, 5]),
    shape: /** @type {[number, number]} */ ([1, 2]),
    labels: [4, 8],
  };
  /** @type {SlicesMessage} */
  const message = {
    kind: "slices",
    id: null,
    window: [-160, 240],
    slab: null,
    mask_version: 3,
    slices: [{ plane: 0, index: 4, image: true, patch }, { plane: 1, index: 2, image: true }],
  };
  const buffers = [new DataView(bytes.buffer, 1, 2), bytes.slice(3).buffer, bytes.slice(0, 1).buffer];
  model.tell("msg:custom", message, buffers);
  assert.deepEqual(store.images.get("0/4"), new Uint8Array([7, 7]));
  assert.deepEqual(store.patches.get("0/4"), { ...patch, codes: new Uint8Array([1, 2]) });
  assert.deepEqual(store.images.get("1/2"), new Uint8Array([9]));
  assert.equal(store.patches.get("1/2"), null, "known to show no mask");
});

test("new masks need no new images, and old ones are forgotten", () => {
  const pair = storeOf();
  const { model, store } = pair;
  answer(pair, [[0, 4]]);
  store.setMaskVersion(4);
  store.request([[0, 4]], []);
  assert.deepEqual(lastWants(model), [[0, 4, false]]);
  answer(pair, [[0, 4]], { mask_version: 3 });
  assert.ok(!store.patches.has("0/4"), "masks of an older version are not kept");
});

test("a new window needs new images, and those of the old one that are on their way are not shown", () => {
  const pair = storeOf();
  const { store } = pair;
  answer(pair, [[0, 4]]);
  store.setWindow([-1350, 150]);
  assert.equal(store.images.size, 0);
  answer(pair, [[0, 4]], { window: [-160, 240] });
  assert.equal(store.images.size, 0);
  answer(pair, [[0, 4]]);
  assert.equal(store.images.size, 1);
});

test("images fill at most 96 MB; the oldest go first", () => {
  const pair = storeOf();
  answer(pair, [[0, 1], [0, 2], [0, 3]], { bytes: 40e6 });
  assert.deepEqual([...pair.store.images.keys()], ["0/2", "0/3"]);
});

test("a closed store listens no more", () => {
  const { model, store } = storeOf();
  store.close();
  assert.equal(model.listeners.length, 0);
});

test("slices ahead lie in the direction of scrolling, inside the scan", () => {
  assert.deepEqual(slicesAhead([0, 4], 1, 100), [[0, 5], [0, 6], [0, 7], [0, 8]]);
  assert.deepEqual(slicesAhead([2, 2], -1, 100), [[2, 1], [2, 0]]);
  assert.deepEqual(slicesAhead([0, 8], 1, 10), [[0, 9]]);
});

test("another slab needs other images, but no other masks", () => {
  const pair = storeOf();
  const { model, store } = pair;
  answer(pair, [[0, 4]], { slab: null });
  store.setSlab({ how: "max", mm: 10 });
  assert.equal(store.images.size, 0);
  store.request([[0, 4]], []);
  assert.deepEqual(lastWants(model), [[0, 4, true]]);
  const asked = /** @type {Extract<ToPython, { kind: "slices" }>} */ (model.sent.at(-1));
  assert.deepEqual(asked.slab, { how: "max", mm: 10 });
  answer(pair, [[0, 4]], { slab: null });
  assert.equal(store.images.size, 0, "single slices that come late are not the slab's");
  answer(pair, [[0, 4]], { slab: { how: "max", mm: 10 } });
  assert.equal(store.images.size, 1);
});

test("a closed store holds nothing and hears nothing", () => {
  const pair = storeOf();
  answer(pair, [[0, 4]]);
  pair.store.close();
  answer(pair, [[0, 5]]);
  assert.deepEqual([pair.store.images.size, pair.store.patches.size, pair.store.bytes], [0, 0, 0]);
});

// Rulers and regions of interest: what a reader measures besides lesions. Nothing here touches the page.

import { clamp, same } from "./values.js";

/** @import { Ends, Measure, Place, Plane, Scan, Statistics } from "./contract.d.ts" */

/** @type {Measure["kind"][]} names of the tools, too */
export const MEASURES = ["ruler", "ROI"];

/** @type {(tool: string) => tool is Measure["kind"]} */
export const isMeasure = (tool) => /** @type {string[]} */ (MEASURES).includes(tool);

/**
 * A place in a slice, inside it, to a hundredth of a voxel: it travels as text.
 * @param {Place} place row and column
 * @param {Plane} plane
 * @returns {Place}
 */
export function insideSlice([row, column], { shape: [rows, columns] }) {
  /** @type {(value: number, n: number) => number} */
  const fitted = (value, n) => Math.round(clamp(value, -0.5, n - 0.5) * 100) / 100;
  return [fitted(row, rows), fitted(column, columns)];
}

/**
 * Height and width of a measure's box in mm.
 * @param {Ends<Place>} ends
 * @param {Plane} plane
 */
export function boxMm([[row, column], [rowTo, columnTo]], { pixel_mm: [height, width] }) {
  return [Math.abs(rowTo - row) * height, Math.abs(columnTo - column) * width];
}

/**
 * Whether a measure is too small to be meant: a ruler without length, an ROI without area.
 * @param {Measure} measure
 * @param {Plane} plane
 */
export function isEmpty({ kind, ends }, plane) {
  const sides = boxMm(ends, plane);
  return kind === "ruler" ? Math.hypot(...sides) === 0 : sides.includes(0);
}

/**
 * What a measure says, a line of text each.
 * @param {Measure} measure
 * @param {Plane} plane
 * @param {string} unit of grey values
 * @param {Statistics | undefined} statistics of an ROI, once Python has sent them
 */
export function measureWords({ kind, ends }, plane, unit, statistics) {
  const [height, width] = boxMm(ends, plane);
  if (kind === "ruler") return [`${Math.hypot(height, width).toFixed(1)} mm`];
  const size = `${(Math.PI * height * width / 4).toFixed(0)} mm²`;
  if (!statistics) return [size];
  if (statistics.mean === undefined) return [size, "no voxel centre inside"];
  const { mean, sd, min, max } = statistics;
  const [average, deviation, low, high] = [mean, sd, min, max].map((value) => inWords(value ?? 0));
  return [`mean ${average}, SD ${deviation}`, `min ${low}, max ${high} ${unit}`.trim(), size];
}

/** @type {(value: number) => string} */
const inWords = (value) => value.toFixed(Math.abs(value) < 100 ? 1 : 0).replace(/^-/, "−");

const NEAR_PX = 9;

/**
 * The measure of a slice with an end under a place on the screen, and that end's number.
 * @param {Measure[]} measures
 * @param {{ number: number, shown: number, layout: () => { fromSlice: (place: Place) => Place } }} view
 * @param {Place} at
 */
export function endUnder(measures, view, [x, y]) {
  const layout = view.layout();
  for (const measure of measures) {
    if (measure.plane !== view.number || measure.index !== view.shown) continue;
    const end = measure.ends.findIndex((place) => {
      const [left, top] = layout.fromSlice(place);
      return Math.hypot(left - x, top - y) <= NEAR_PX;
    });
    if (end >= 0) return { measure, end };
  }
  return null;
}

/**
 * Where a measure lies, in words.
 * @param {Measure} measure
 * @param {Scan} scan
 */
export function placeWords({ plane, index }, { planes }) {
  const visit = plane < planes.length ? "" : "prior, ";
  return `${visit}${planes[plane % planes.length].name}, slice ${index + 1}`;
}

/**
 * A list of measures with one in the place of another, or behind all.
 * @param {Measure[]} measures
 * @param {Measure | null} old
 * @param {Measure} measure
 */
export const withMeasure = (measures, old, measure) =>
  old ? measures.map((one) => (same(one, old) ? measure : one)) : [...measures, measure];

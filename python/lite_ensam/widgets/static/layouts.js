// Which planes are shown, and how they stand.

/** @import { Scan } from "./contract.d.ts" */

export const THREE_PLANES = "three planes";
const FOUR = "2 x 2 with 3D";
const WITH_PRIOR = " beside prior";

/**
 * `kind` is how the page arranges them, `large` the plane that keys and slider scroll, `shown` the numbers of planes.
 * @typedef {{ kind: "three" | "four" | "one" | "beside", large: number, shown: number[], scene: boolean }} Layout
 */

/**
 * Names of the layouts that a scan can be shown in.
 * @param {Scan} scan
 */
export function layoutNames({ planes, prior }) {
  const names = planes.map(({ name }) => name);
  return [THREE_PLANES, FOUR, ...names, ...(prior ? names.map((name) => name + WITH_PRIOR) : [])];
}

/**
 * @param {string} name
 * @param {Scan} scan
 * @returns {Layout}
 */
export function layoutOf(name, { planes }) {
  const all = planes.map((_, number) => number);
  if (name === THREE_PLANES) return { kind: "three", large: 0, shown: all, scene: false };
  if (name === FOUR) return { kind: "four", large: 0, shown: all, scene: true };
  const large = planes.findIndex((plane) => name.replace(WITH_PRIOR, "") === plane.name);
  if (!name.endsWith(WITH_PRIOR)) return { kind: "one", large, shown: [large], scene: false };
  return { kind: "beside", large, shown: [large, large + planes.length], scene: false };
}

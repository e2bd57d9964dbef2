// A mask is put right where it is wrong: a click, or "the tumour begins here". The network answers each at once.

import { edgeFault, FIRST, LAST, pointFault, sliceNumber, withEdge, withoutPoint, withPoint } from "./prompts.js";

/** @import { EdgeKey, Mark, Place, Point, PointKey } from "./contract.d.ts" */
/** @import { MarkList } from "./mark_list.js" */

/**
 * What is asked of a `Viewer`.
 * @typedef {object} Corrected
 * @property {MarkList} marks
 * @property {number} selected
 * @property {Point} cursor
 * @property {(words: string) => void} say
 * @property {(mark: Mark, cursor?: Point) => void} correct
 * @property {number} caudal step of the index from head to feet
 */

export const NEAR_PX = 9; // a point is taken away from this near

/**
 * The lesion that a correction is about: the selected one, or the only one there is.
 * @param {Pick<Corrected, "marks" | "selected">} viewer
 */
export function targetOf({ marks, selected }) {
  return marks.find(selected) ?? (marks.current.length === 1 ? marks.current[0] : undefined);
}

/**
 * The same; the reader is told if there is none.
 * @param {Pick<Corrected, "marks" | "selected" | "say">} viewer
 */
export function askedTarget(viewer) {
  const mark = targetOf(viewer);
  if (!mark) {
    viewer.say(viewer.marks.current.length ? "Which lesion? Click its line or its row first." : "Draw a line first.");
  }
  return mark;
}

/**
 * The point of a mark under a screen place, on the slice that a view shows.
 * @param {{ shown: number, plane: { cut: number }, toScreen: (point: Point) => Place }} view
 * @param {Mark} mark
 * @param {Place} at
 */
export function pointUnder(view, mark, at) {
  return [...mark.inside_zyx, ...mark.outside_zyx].find((point) => {
    const [x, y] = view.toScreen(point);
    return Math.round(point[view.plane.cut]) === view.shown && Math.hypot(x - at[0], y - at[1]) <= NEAR_PX;
  });
}

/**
 * Set a point, or take the one that is there away.
 * @param {Corrected} viewer
 * @param {PointKey} key
 * @param {Parameters<typeof pointUnder>[0] & { toVoxel: (place: Place) => Point }} view
 * @param {Place} at
 */
export function clickPoint(viewer, key, view, at) {
  const mark = askedTarget(viewer);
  if (!mark) return;
  const old = pointUnder(view, mark, at);
  if (old) {
    viewer.correct(withoutPoint(mark, old));
    return;
  }
  const point = view.toVoxel(at);
  const fault = pointFault(mark, key, point, viewer.marks.current);
  if (fault) viewer.say(fault);
  else viewer.correct(withPoint(mark, key, point), point);
}

/**
 * The end of a lesion that its reader comes to first, from the head, or last.
 * @param {"begins" | "ends"} which
 * @param {number} caudal
 * @returns {EdgeKey}
 */
export const edgeKey = (which, caudal) => ((which === "begins") === caudal > 0 ? FIRST : LAST);

/**
 * The lesion begins or ends on the slice shown; told there again, that is not known any more.
 * @param {Corrected} viewer
 * @param {"begins" | "ends"} which
 */
export function tellEdge(viewer, which) {
  const mark = askedTarget(viewer);
  if (!mark) return;
  const [z] = viewer.cursor;
  const key = edgeKey(which, viewer.caudal);
  const fault = mark[key] === z ? "" : edgeFault(mark, key, z);
  if (fault) {
    viewer.say(fault);
    return;
  }
  const told = withEdge(mark, key, z);
  viewer.correct(told);
  viewer.say(
    told[key] === null
      ? `Where lesion ${mark.label} ${which} is not known any more`
      : `Lesion ${mark.label} ${which} on slice ${sliceNumber(z)}`,
  );
}

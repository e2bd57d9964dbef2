// What a press on the axial plane takes hold of, and what a drag makes of it. Nothing here touches the page.

import { cross, distanceToLine, eachEnd, pointOf } from "./geometry.js";
import { fittedTo } from "./prompts.js";
import { LINE, newMark, SHORT_AXIS } from "./recist_mark.js";
import { clamp } from "./values.js";

/** @import { Draft, LineKey, Mark, Place, Point } from "./contract.d.ts" */
/** @import { MarkList } from "./mark_list.js" */

/**
 * One end of a line is dragged, the other one is fixed.
 * @typedef {{ fresh: false, mark: Mark, key: LineKey, fixed: Point }} HeldEnd
 */
/**
 * Whole lines are moved, from a voxel.
 * @typedef {{ fresh: false, mark: Mark, moved: LineKey[], from: Point }} HeldLines
 */
/**
 * A line is drawn where nothing was: of a new mark, or of one that is redrawn.
 * @typedef {{ fresh: true, mark: Draft, key: LineKey, fixed: Point }} FreshLine
 */
/**
 * A short axis is drawn: of one of the marks of the slice, the one whose line its stroke crosses.
 * @typedef {{ fresh: true, near: Mark[], key: LineKey, fixed: Point }} FreshShortAxis
 */
/** @typedef {HeldEnd | HeldLines | FreshLine | FreshShortAxis} Edit */

/**
 * What is asked of a `PlaneView`.
 * @typedef {object} View
 * @property {number} shown the slice
 * @property {{ marks: MarkList, selected: number, tool: string, redrawing: boolean }} viewer
 * @property {(point: Point) => Place} toScreen
 * @property {(place: Place) => Point} toVoxel
 */

const NEAR_PX = 9; // an end of a line is grabbed from this near
const ON_LINE_PX = 6;

/**
 * Marks of the slice that a view shows, the selected one first.
 * @param {View} view
 */
function marksHere(view) {
  const { marks, selected } = view.viewer;
  const here = marks.current.filter((mark) => mark[LINE][0][0] === view.shown);
  return here.sort((a, b) => Number(b.label === selected) - Number(a.label === selected));
}

/**
 * Those of a mark's lines that are there.
 * @param {Mark} mark
 * @param {LineKey[]} keys
 */
function linesOf(mark, keys) {
  return keys.flatMap((key) => {
    const ends = mark[key];
    return ends ? [{ mark, key, ends }] : [];
  });
}

/**
 * The line or end of a line under a screen place, or null.
 * @param {View} view
 * @param {Place} at
 * @returns {HeldEnd | HeldLines | null}
 */
export function touched(view, at) {
  const lines = marksHere(view).flatMap((mark) => linesOf(mark, [SHORT_AXIS, LINE]));
  for (const { mark, key, ends } of lines) {
    const which = ends.findIndex((end) => {
      const [x, y] = view.toScreen(end);
      return Math.hypot(x - at[0], y - at[1]) <= NEAR_PX;
    });
    if (which >= 0) return { fresh: false, mark, key, fixed: ends[1 - which] };
  }
  for (const { mark, key, ends } of lines) {
    if (distanceToLine(at, eachEnd(ends, (end) => view.toScreen(end))) > ON_LINE_PX) continue;
    /** @type {LineKey[]} */
    const moved = key === LINE && mark[SHORT_AXIS] ? [LINE, SHORT_AXIS] : [key];
    return { fresh: false, mark, moved, from: view.toVoxel(at) };
  }
  return null;
}

/**
 * The edit that a press begins; null if there is no line to draw a short axis across.
 * @param {View} view
 * @param {Place} at
 * @param {boolean} shift whether the line of the selected lesion is drawn again
 * @returns {Edit | null}
 */
export function grabbed(view, at, shift) {
  const { viewer } = view;
  const old = touched(view, at);
  const fixed = view.toVoxel(at);
  if (viewer.tool === "short axis") {
    if (old && "key" in old) return old;
    const near = marksHere(view);
    return near.length ? { fresh: true, near, key: SHORT_AXIS, fixed } : null;
  }
  if (old) return old;
  const redrawn = shift || viewer.redrawing ? viewer.marks.find(viewer.selected) : null;
  const mark = redrawn ? fittedTo({ ...redrawn, [SHORT_AXIS]: null }, fixed[0]) : newMark();
  return { fresh: true, mark, key: LINE, fixed };
}

/**
 * Which of a mark's lines an edit changes.
 * @param {Edit} edit
 */
export const editedLines = (edit) => ("moved" in edit ? edit.moved : [edit.key]);

/**
 * The mark as an edit to a voxel would leave it: ends on voxel centres, inside the slice where the edit began.
 * @param {Edit} edit
 * @param {Point} at of any slice: the wheel may have turned since
 * @param {Point} shape of the scan
 * @returns {Draft}
 */
export function edited(edit, [, y, x], shape) {
  if ("moved" in edit) return movedTo(edit, [edit.from[0], y, x], shape);
  const { key, fixed } = edit;
  /** @type {Point} */
  const point = [fixed[0], y, x];
  const mark = "near" in edit ? edit.near.find((near) => cross(near[LINE], [fixed, point])) : edit.mark;
  return { ...(mark ?? newMark()), [key]: [fixed, point] };
}

/**
 * @param {HeldLines} edit
 * @param {Point} point
 * @param {Point} shape
 * @returns {Draft}
 */
function movedTo({ mark, moved, from }, point, shape) {
  const lines = linesOf(mark, moved);
  const step = pointOf((axis) => {
    const along = lines.flatMap(({ ends }) => ends.map((end) => end[axis]));
    return clamp(point[axis] - from[axis], -Math.min(...along), shape[axis] - 1 - Math.max(...along));
  });
  const shifted = lines.map(({ key, ends }) => [
    key,
    eachEnd(ends, (end) => pointOf((axis) => end[axis] + step[axis])),
  ]);
  return { ...mark, ...Object.fromEntries(shifted) };
}

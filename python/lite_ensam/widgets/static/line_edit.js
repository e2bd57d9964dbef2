// What a press on the axial plane takes hold of, and what a drag makes of it. An edit is
// {mark, key, fixed} for one end of a line, or {mark, moved, from} for whole lines; `fresh` where nothing was there.

const NEAR_PX = 9; // an end of a line is grabbed from this near
const ON_LINE_PX = 6;
const LINE = "endpoints_zyx";
const SHORT_AXIS = "short_axis_zyx";

const newMark = () => ({ label: 0, name: "", tracking_uid: "", [LINE]: null, [SHORT_AXIS]: null });

/** Marks of the slice that a view shows, the selected one first. */
function marksHere(view) {
  const { marks, selected } = view.marker;
  const here = marks.current.filter((mark) => mark[LINE][0][0] === view.shown);
  return here.sort((a, b) => (b.label === selected) - (a.label === selected));
}

/** The line or end of a line under a screen place, or null. */
function touched(view, at) {
  const marks = marksHere(view);
  const lines = marks.flatMap((mark) => [SHORT_AXIS, LINE].filter((key) => mark[key]).map((key) => [mark, key]));
  for (const [mark, key] of lines) {
    const which = mark[key].findIndex((end) => {
      const [x, y] = view.toScreen(end);
      return Math.hypot(x - at[0], y - at[1]) <= NEAR_PX;
    });
    if (which >= 0) return { mark, key, fixed: mark[key][1 - which] };
  }
  for (const [mark, key] of lines) {
    if (distanceToLine(at, mark[key].map((end) => view.toScreen(end))) > ON_LINE_PX) continue;
    const moved = key === LINE && mark[SHORT_AXIS] ? [LINE, SHORT_AXIS] : [key];
    return { mark, moved, from: view.toVoxel(at) };
  }
  return null;
}

/** The edit that a press begins; null if there is nothing to draw a short axis for. */
function grabbed(view, at, shift) {
  const { marker } = view;
  const old = touched(view, at);
  const [fixed, fresh] = [view.toVoxel(at), true];
  if (marker.tool === "short axis") {
    if (old?.key) return old;
    const mark = marksHere(view)[0];
    return mark ? { mark, key: SHORT_AXIS, fixed, fresh } : null;
  }
  if (old) return old;
  const redrawn = shift || marker.redrawing ? marker.marks.find(marker.selected) : null;
  return { mark: redrawn ? { ...redrawn, [SHORT_AXIS]: null } : newMark(), key: LINE, fixed, fresh };
}

/** The mark as an edit to a voxel would leave it: ends on voxel centres, inside the slice. */
function edited({ mark, key, fixed, moved, from }, point, shape) {
  if (key) return { ...mark, [key]: [fixed, point] };
  const ends = moved.flatMap((name) => mark[name]);
  const step = point.map((p, axis) => {
    const low = Math.min(...ends.map((end) => end[axis]));
    const high = Math.max(...ends.map((end) => end[axis]));
    return clamp(p - from[axis], -low, shape[axis] - 1 - high);
  });
  const shifted = moved.map((name) => [name, mark[name].map((end) => end.map((e, axis) => e + step[axis]))]);
  return { ...mark, ...Object.fromEntries(shifted) };
}

/** Whether a line of the mark has no length. */
const isPoint = (mark) => [mark[LINE], mark[SHORT_AXIS]].some((ends) => ends && same(...ends));

const lengthMm = ([from, to], spacing) => Math.hypot(...from.map((start, axis) => (to[axis] - start) * spacing[axis]));

/** Degrees between two lines in the axial plane, 0 to 90. */
function angleBetween(line, other, spacing) {
  const [a, b] = [line, other].map(([from, to]) => from.map((start, axis) => (to[axis] - start) * spacing[axis]));
  const dot = a.reduce((sum, value, axis) => sum + value * b[axis], 0);
  return (Math.acos(clamp(Math.abs(dot) / (Math.hypot(...a) * Math.hypot(...b)), 0, 1)) * 180) / Math.PI;
}

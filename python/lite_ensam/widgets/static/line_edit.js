// What a press on the axial plane takes hold of, and what a drag makes of it. An edit is
// {mark, key, fixed} for one end of a line, or {mark, moved, from} for whole lines; `fresh` where nothing was there.
// A fresh short axis has {near} instead of a mark: the marks of the slice, one of which its stroke may cross.

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

/** The edit that a press begins; null if there is no line to draw a short axis across. */
function grabbed(view, at, shift) {
  const { marker } = view;
  const old = touched(view, at);
  const [fixed, fresh] = [view.toVoxel(at), true];
  if (marker.tool === "short axis") {
    if (old?.key) return old;
    const near = marksHere(view);
    return near.length ? { near, key: SHORT_AXIS, fixed, fresh } : null;
  }
  if (old) return old;
  const redrawn = shift || marker.redrawing ? marker.marks.find(marker.selected) : null;
  return { mark: redrawn ? { ...redrawn, [SHORT_AXIS]: null } : newMark(), key: LINE, fixed, fresh };
}

/** The mark as an edit to a voxel would leave it: ends on voxel centres, inside the slice. */
function edited({ mark, near, key, fixed, moved, from }, point, shape) {
  if (near) mark = near.find(({ [LINE]: line }) => cross(line, [fixed, point])) ?? newMark();
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

/** Whether two strokes of an axial slice cross or touch; parallel ones do not. */
function cross([a, b], [c, d]) {
  const side = ([, y0, x0], [, y1, x1], [, y, x]) => (y1 - y0) * (x - x0) - (x1 - x0) * (y - y0);
  const [ac, ad, ca, cb] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  return ac !== ad && ac * ad <= 0 && ca * cb <= 0;
}

/** What is wrong with a mark's short axis, in words; "" if nothing is, or there is none. */
function faultOf({ label, [LINE]: line, [SHORT_AXIS]: short }, spacing) {
  if (!short) return "";
  if (!line) return "That stroke does not cross a line: a short axis crosses the line of its lesion.";
  if (!cross(line, short)) return `The short axis does not cross the line of lesion ${label}.`;
  const [long, across] = [line, short].map((ends) => lengthMm(ends, spacing).toFixed(1));
  if (Number(across) <= Number(long)) return "";
  return `${across} mm across lesion ${label} is longer than its line (${long} mm): redraw the line there.`;
}

const lengthMm = ([from, to], spacing) => Math.hypot(...from.map((start, axis) => (to[axis] - start) * spacing[axis]));

/** Degrees between two lines in the axial plane, 0 to 90. */
function angleBetween(line, other, spacing) {
  const [a, b] = [line, other].map(([from, to]) => from.map((start, axis) => (to[axis] - start) * spacing[axis]));
  const dot = a.reduce((sum, value, axis) => sum + value * b[axis], 0);
  return (Math.acos(clamp(Math.abs(dot) / (Math.hypot(...a) * Math.hypot(...b)), 0, 1)) * 180) / Math.PI;
}

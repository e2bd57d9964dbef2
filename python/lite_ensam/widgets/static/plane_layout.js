// Where the voxels of a slice are on the screen, and back.

import { clamp } from "./values.js";

/** @import { Place, Plane, Point } from "./contract.d.ts" */

/**
 * How a plane is looked at: `zoom` 1 shows the whole slice in the middle, `pan` moves it, in pixels.
 * @typedef {{ zoom: number, pan: Place }} Sight
 */

/** Number of the plane that lines are drawn on; the first of `Scan.planes`. */
export const AXIAL = 0;

const [LEAST_ZOOM, MOST_ZOOM] = [0.5, 30];

/** @type {Sight} */
export const WHOLE_SLICE = { zoom: 1, pan: [0, 0] };

/** One plane on a canvas: screen x is `a` * column + `e`, screen y is `d` * row + `f`, at a voxel's edges. */
export class PlaneLayout {
  /**
   * @param {Plane} plane
   * @param {Place} size of the canvas
   * @param {Sight} sight
   */
  constructor(plane, [w, h], { zoom, pan }) {
    this.plane = plane;
    const [rows, columns] = plane.shape;
    const [height, width] = plane.pixel_mm;
    const scale = Math.min(w / (columns * width), h / (rows * height)) * zoom; // pixels a mm
    const left = w / 2 - (columns * width * scale) / 2 + pan[0];
    const top = h / 2 - (rows * height * scale) / 2 + pan[1];
    const [sx, sy] = [width * scale, height * scale];
    this.a = plane.flip_across ? -sx : sx;
    this.d = plane.flip_down ? -sy : sy;
    this.e = plane.flip_across ? left + columns * sx : left;
    this.f = plane.flip_down ? top + rows * sy : top;
  }

  /**
   * Screen place of a voxel's centre.
   * @param {Point} point
   * @returns {Place}
   */
  toScreen(point) {
    return [
      this.a * (point[this.plane.across] + 0.5) + this.e,
      this.d * (point[this.plane.down] + 0.5) + this.f,
    ];
  }

  /**
   * Row and column of the slice under a screen place, between voxels, perhaps outside the scan.
   * @param {Place} place
   * @returns {Place}
   */
  toSlice([x, y]) {
    return [(y - this.f) / this.d - 0.5, (x - this.e) / this.a - 0.5];
  }

  /**
   * Screen place of a row and column of the slice.
   * @param {Place} place
   * @returns {Place}
   */
  fromSlice([row, column]) {
    return [this.a * (column + 0.5) + this.e, this.d * (row + 0.5) + this.f];
  }

  /**
   * Whether a screen place is on the slice, not beside it.
   * @param {Place} place
   */
  holds(place) {
    const [row, column] = this.toSlice(place);
    const [rows, columns] = this.plane.shape;
    return row >= -0.5 && column >= -0.5 && row < rows - 0.5 && column < columns - 0.5;
  }

  /** Pixels of the screen a mm. */
  get scale() {
    return Math.abs(this.a) / this.plane.pixel_mm[1];
  }

  /**
   * The voxel under a screen place; inside the scan.
   * @param {Place} place
   * @param {Point} slice any point of the slice that is shown
   * @returns {Point}
   */
  toVoxel([x, y], slice) {
    const [rows, columns] = this.plane.shape;
    /** @type {Point} */
    const point = [...slice];
    point[this.plane.across] = clamp(Math.floor((x - this.e) / this.a), 0, columns - 1);
    point[this.plane.down] = clamp(Math.floor((y - this.f) / this.d), 0, rows - 1);
    return point;
  }
}

/**
 * The step of the index that leafs on: from head to feet, from front to back, from right to left.
 * @param {Plane[]} planes
 * @param {number} number of the plane
 */
export function leafStep(planes, number) {
  const cut = planes[number]?.cut;
  const flipped = planes.some((p) => (p.across === cut && p.flip_across) || (p.down === cut && p.flip_down));
  return flipped ? -1 : 1;
}

/**
 * A slice in words, counted from 1; then where it lies, as DICOM has it, if that is known.
 * @param {Plane} plane
 * @param {number} index
 */
export function sliceWords({ n_slices, place_mm }, index) {
  const position = place_mm ? `${(place_mm[0] + index * place_mm[1]).toFixed(1).replace("-", "−")} mm` : "";
  return [`slice ${index + 1} / ${n_slices}`, position];
}

/**
 * Moved as another plane is moved by pixels of its screen: along the axes that both show, as many mm.
 * @param {Sight} sight
 * @param {PlaneLayout} source
 * @param {PlaneLayout} layout with this sight
 * @param {Place} step to the right and down, on the source
 * @returns {Sight}
 */
export function panned(sight, source, layout, [right, down]) {
  const factor = layout.scale / source.scale;
  /** @type {(axis: number) => number} */
  const along = (axis) => (axis === source.plane.across ? right : axis === source.plane.down ? down : 0) * factor;
  const [x, y] = sight.pan;
  return { ...sight, pan: [x + along(layout.plane.across), y + along(layout.plane.down)] };
}

/**
 * Zoomed about a place on the screen, which stays where it is.
 * @param {Sight} sight
 * @param {number} factor
 * @param {Place} place
 * @param {Place} size of the canvas
 * @returns {Sight}
 */
export function zoomed(sight, factor, [x, y], [w, h]) {
  const zoom = clamp(sight.zoom * factor, LEAST_ZOOM, MOST_ZOOM);
  const change = zoom / sight.zoom;
  return {
    zoom,
    pan: [(sight.pan[0] + w / 2 - x) * change + x - w / 2, (sight.pan[1] + h / 2 - y) * change + y - h / 2],
  };
}

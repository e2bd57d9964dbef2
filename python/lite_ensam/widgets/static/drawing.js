// Strokes, words and masks on a canvas.

import { contextOf, make } from "./elements.js";
import { labelEdges } from "./label_edges.js";
import { clamp } from "./values.js";

/** @import { Ends, LabelPatch, Place } from "./contract.d.ts" */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Ends<Place>} ends
 * @param {string} style
 * @param {number} width
 */
export function strokeLine(context, [from, to], style, width) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

/**
 * A line that is seen on black and on white.
 * @param {CanvasRenderingContext2D} context
 * @param {Ends<Place>} ends
 * @param {string} color
 * @param {number} width
 */
export function strokeSeen(context, ends, color, width) {
  strokeLine(context, ends, "rgba(0, 0, 0, 0.7)", width + 2.4);
  strokeLine(context, ends, color, width);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Place} place
 * @param {number} radius
 * @param {string} fill
 * @param {string} stroke
 */
export function fillDot(context, [x, y], radius, fill, stroke) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  context.strokeStyle = stroke;
  context.lineWidth = 1.5;
  context.stroke();
}

const FONT = "600 13px system-ui, sans-serif";
const LINE_PX = 16; // height of a line of text

/**
 * Text with a dark outline, which is read on bright tissue too.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} color
 */
export function writeText(context, text, x, y, color) {
  context.font = FONT;
  context.lineWidth = 3.5;
  context.lineJoin = "round";
  context.strokeStyle = "rgba(0, 0, 0, 0.8)";
  context.strokeText(text, x, y);
  context.fillStyle = color;
  context.fillText(text, x, y);
}

/**
 * Text beside a place; it is moved into the canvas if the place is in it, or nearly.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} x where it begins, or ends
 * @param {number} y
 * @param {string} color
 * @param {boolean} endsThere
 */
export function writeInside(context, text, x, y, color, endsThere = false) {
  const { clientWidth: w, clientHeight: h } = context.canvas;
  if (endsThere) {
    context.font = FONT;
    x -= context.measureText(text).width;
  }
  if (Math.abs(x - w / 2) > w / 2 + LINE_PX || Math.abs(y - h / 2) > h / 2 + LINE_PX) {
    writeText(context, text, x, y, color);
    return;
  }
  context.font = FONT;
  const right = w - context.measureText(text).width - 4;
  writeText(context, text, clamp(x, 4, Math.max(right, 4)), clamp(y, LINE_PX, h - 6), color);
}

const GAP_PX = 9;

/**
 * Lines of text to the right of something, or to its left where there is no room.
 * @param {CanvasRenderingContext2D} context
 * @param {string[]} words
 * @param {Place} sides left and right
 * @param {number} y
 * @param {string} color
 */
export function writeBeside(context, words, [left, right], y, color) {
  const { clientWidth: w, clientHeight: h } = context.canvas;
  context.font = FONT;
  const room = Math.max(...words.map((text) => context.measureText(text).width)) + GAP_PX;
  const isLeft = right + room > w - 4 && left - room >= 4;
  const top = clamp(y, LINE_PX, h - 6 - LINE_PX * (words.length - 1));
  words.forEach((text, n) =>
    writeInside(context, text, isLeft ? left - room : right + GAP_PX, top + LINE_PX * n, color)
  );
}

/**
 * A path a label along the voxel edges where it ends, in the slice's edge coordinates.
 * @param {LabelPatch} patch
 */
export function outlinesOf(patch) {
  return labelEdges(patch).map((edges) => {
    const path = new Path2D();
    edges.forEach(([x0, y0, x1, y1]) => {
      path.moveTo(x0, y0);
      path.lineTo(x1, y1);
    });
    return path;
  });
}

/**
 * Image of a label patch, clear where there is no label.
 * @param {LabelPatch} patch
 * @param {string[]} colors "#rrggbb" of each label
 */
export function fillOf({ shape, codes }, colors) {
  const canvas = make("canvas", { width: shape[1], height: shape[0] });
  const context = contextOf(canvas);
  const image = context.createImageData(shape[1], shape[0]);
  const rgb = colors.map((color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16)));
  codes.forEach((code, i) => {
    if (code) image.data.set([...rgb[code - 1], 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

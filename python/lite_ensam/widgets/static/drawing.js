// Strokes, words and masks on a canvas.

function strokeLine(context, [from, to], style, width) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

/** A line that is seen on black and on white. */
function strokeSeen(context, ends, color, width) {
  strokeLine(context, ends, "rgba(0, 0, 0, 0.7)", width + 2.4);
  strokeLine(context, ends, color, width);
}

function fillDot(context, [x, y], radius, fill, stroke) {
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

/** Text with a dark outline, which is read on bright tissue too. */
function writeText(context, text, x, y, color) {
  context.font = FONT;
  context.lineWidth = 3.5;
  context.lineJoin = "round";
  context.strokeStyle = "rgba(0, 0, 0, 0.8)";
  context.strokeText(text, x, y);
  context.fillStyle = color;
  context.fillText(text, x, y);
}

/** Text beside a place; it is moved into the canvas if the place is in it, or nearly. */
function writeInside(context, text, x, y, color) {
  const { clientWidth: w, clientHeight: h } = context.canvas;
  if (Math.abs(x - w / 2) > w / 2 + LINE_PX || Math.abs(y - h / 2) > h / 2 + LINE_PX) {
    writeText(context, text, x, y, color);
    return;
  }
  context.font = FONT;
  const right = w - context.measureText(text).width - 4;
  writeText(context, text, clamp(x, 4, Math.max(right, 4)), clamp(y, LINE_PX, h - 6), color);
}

function distanceToLine([x, y], [[x0, y0], [x1, y1]]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = clamp(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

/** A path a label along the voxel edges where it ends, in the slice's edge coordinates. */
function outlinesOf({ start, shape, labels, codes }) {
  const paths = labels.map(() => new Path2D());
  const [rows, columns] = shape;
  const at = (r, c) => (r < 0 || c < 0 || r >= rows || c >= columns ? 0 : codes[r * columns + c]);
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) {
      const code = at(r, c);
      if (!code) continue;
      const path = paths[code - 1];
      const [y, x] = [start[0] + r, start[1] + c];
      if (at(r - 1, c) !== code) path.moveTo(x, y), path.lineTo(x + 1, y);
      if (at(r + 1, c) !== code) path.moveTo(x, y + 1), path.lineTo(x + 1, y + 1);
      if (at(r, c - 1) !== code) path.moveTo(x, y), path.lineTo(x, y + 1);
      if (at(r, c + 1) !== code) path.moveTo(x + 1, y), path.lineTo(x + 1, y + 1);
    }
  }
  return paths;
}

/** Translucent image of a label patch. */
function fillOf({ shape, codes }, colors) {
  const canvas = make("canvas", { width: shape[1], height: shape[0] });
  const context = canvas.getContext("2d");
  const image = context.createImageData(shape[1], shape[0]);
  const rgb = colors.map((color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16)));
  codes.forEach((code, i) => {
    if (code) image.data.set([...rgb[code - 1], 70], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** @import { LabelPatch } from "./contract.d.ts" */

/**
 * The voxel edges where each label of a patch ends, in the slice's edge coordinates.
 * @param {LabelPatch} patch
 * @returns {[x0: number, y0: number, x1: number, y1: number][][]} a list a label
 */
export function labelEdges({ start, shape: [rows, columns], labels, codes }) {
  /** @type {[number, number, number, number][][]} */
  const edges = labels.map(() => []);
  /** @type {(r: number, c: number) => number} */
  const at = (r, c) => (r < 0 || c < 0 || r >= rows || c >= columns ? 0 : codes[r * columns + c]);
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) {
      const code = at(r, c);
      if (!code) continue;
      const found = edges[code - 1];
      const [y, x] = [start[0] + r, start[1] + c];
      if (at(r - 1, c) !== code) found.push([x, y, x + 1, y]);
      if (at(r + 1, c) !== code) found.push([x, y + 1, x + 1, y + 1]);
      if (at(r, c - 1) !== code) found.push([x, y, x, y + 1]);
      if (at(r, c + 1) !== code) found.push([x + 1, y, x + 1, y + 1]);
    }
  }
  return edges;
}

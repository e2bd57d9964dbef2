// Keys that change how the picture is shown, and that measure it.

/** @import { Display } from "./display.js" */

/**
 * What is asked of a `Viewer`.
 * @typedef {object} Pictured
 * @property {Display} display
 * @property {boolean} showMasks
 * @property {(what: { masks: boolean }) => void} show
 * @property {(tool: string) => void} setTool
 * @property {(words: string) => void} say
 * @property {{ step: (right: number, down: number) => void, press: () => void }} keyboardMouse
 */
/** @typedef {{ keys: string[], shown: string, words: string, action: (viewer: Pictured, key: string) => void }} PictureKey */

/** @type {Record<string, [right: number, down: number]>} */
const MOVES = {
  "Shift+ArrowLeft": [-1, 0],
  "Shift+ArrowRight": [1, 0],
  "Shift+ArrowUp": [0, -1],
  "Shift+ArrowDown": [0, 1],
};

/** @type {(viewer: Pictured, name: "outlineOnly" | "smooth" | "linked", on: string, off: string) => void} */
function toggle(viewer, name, on, off) {
  const { display } = viewer;
  display.set({ [name]: !display[name] });
  viewer.say(display[name] ? on : off);
}

/** @type {(viewer: Pictured) => void} */
const tellSlab = (viewer) => viewer.say(`Slab: ${viewer.display.slabWords || "single slices"}`);

/** @type {(key: string, shown: string, words: string, step: number) => PictureKey} */
const slabKey = (key, shown, words, step) => ({
  keys: [key],
  shown,
  words,
  action: (viewer) => {
    viewer.display.resizeSlab(step);
    tellSlab(viewer);
  },
});

/** @type {PictureKey[]} */
export const PICTURE_KEYS = [
  {
    keys: ["c"],
    shown: "C",
    words: "crosshair: drag it on any plane",
    action: (viewer) => viewer.setTool("crosshair"),
  },
  {
    keys: ["d"],
    shown: "D",
    words: "ruler: a distance in mm, not a lesion",
    action: (viewer) => viewer.setTool("ruler"),
  },
  {
    keys: ["a"],
    shown: "A",
    words: "ROI: mean, SD, min and max of an ellipse",
    action: (viewer) => viewer.setTool("ROI"),
  },
  {
    keys: Object.keys(MOVES),
    shown: "Shift + ← → ↑ ↓",
    words: "move the crosshair in the plane",
    action: (viewer, key) => viewer.keyboardMouse.step(...MOVES[key]),
  },
  {
    keys: [" "],
    shown: "Space",
    words: "press or let go the mouse button there",
    action: (viewer) => viewer.keyboardMouse.press(),
  },
  {
    keys: ["h"],
    shown: "H",
    words: "hide or show the masks",
    action: (viewer) => {
      viewer.show({ masks: !viewer.showMasks });
      viewer.say(viewer.showMasks ? "Masks are shown" : "Masks are hidden");
    },
  },
  {
    keys: ["o"],
    shown: "O",
    words: "outlines of the masks only",
    action: (viewer) => toggle(viewer, "outlineOnly", "Outlines only", "Masks are filled"),
  },
  {
    keys: ["i"],
    shown: "I",
    words: "interpolate between voxels, or not",
    action: (viewer) => toggle(viewer, "smooth", "Voxels are interpolated", "Voxels are shown as squares"),
  },
  {
    keys: ["k"],
    shown: "K",
    words: "zoom and pan all planes together, or one",
    action: (viewer) => toggle(viewer, "linked", "Zoom and pan are linked", "Each plane is zoomed by itself"),
  },
  {
    keys: ["m"],
    shown: "M",
    words: "slab: maximum (MIP), mean, minimum, single slices",
    action: (viewer) => {
      viewer.display.nextSlab();
      tellSlab(viewer);
    },
  },
  slabKey("[", "[", "thinner slab", -1),
  slabKey("]", "]", "thicker slab", 1),
];

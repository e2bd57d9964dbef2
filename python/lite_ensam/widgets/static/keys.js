// What keys do while the widget has the focus. The key map that `?` shows is made of the same list.

import { PICTURE_KEYS } from "./picture_keys.js";
import { leafStep } from "./plane_layout.js";

/** @import { Plane } from "./contract.d.ts" */
/** @import { Pictured } from "./picture_keys.js" */

/**
 * What is asked of a `Viewer`.
 * @typedef {Pictured & OwnKeyed} Keyed
 */
/**
 * @typedef {object} OwnKeyed
 * @property {{ planes: Plane[] }} scan
 * @property {number} large number of the plane that is scrolled
 * @property {(plane: number, step: number) => void} scroll
 * @property {(plane: number, index: number) => void} setSlice
 * @property {(tool: string) => void} setTool
 * @property {(which: "begins" | "ends") => void} tellEdge
 * @property {(step: number) => void} resizeBrush
 * @property {{ toggleBall: () => void, use: (tool: "fill" | "islands" | "smooth") => void }} hand
 * @property {(number: number) => void} choosePreset
 * @property {(step: number) => void} selectNext
 * @property {() => void} removeSelected
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {() => void} nextLayout
 * @property {() => void} toggleFullScreen
 * @property {() => void} toggleKeyMap
 * @property {() => void} giveUp
 */
/**
 * Keys that do one thing, by their names in events; how the key map calls them, and what it says that they do.
 * @typedef {{ keys: string[], shown: string, words: string, action: (viewer: Keyed, key: string) => void }} Shortcut
 */

const PAGE = 10; // slices
const PRESSED_BY_SPACE = "button, input, summary";
const WRITTEN_IN = "input[type=text], input[type=number]";
const SLIDER = "input[type=range]:not(.le-slider)"; // the slices' slider is moved by the viewer itself

/**
 * To the scan's first slice, at the head, or its last.
 * @param {Keyed} viewer
 * @param {boolean} head
 */
function toEnd(viewer, head) {
  const { large, scan: { planes } } = viewer;
  const lowest = leafStep(planes, large) > 0 === head;
  viewer.setSlice(large, lowest ? 0 : planes[large].n_slices - 1);
}

/** @type {(key: string, shown: string, words: string, tool: string) => Shortcut} */
const toolKey = (key, shown, words, tool) => ({ keys: [key], shown, words, action: (viewer) => viewer.setTool(tool) });

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  {
    keys: ["ArrowDown"],
    shown: "↓",
    words: "next slice, towards the feet",
    action: (viewer) => viewer.scroll(viewer.large, 1),
  },
  {
    keys: ["ArrowUp"],
    shown: "↑",
    words: "slice before, towards the head",
    action: (viewer) => viewer.scroll(viewer.large, -1),
  },
  {
    keys: ["PageDown"],
    shown: "Page ↓",
    words: "ten slices on",
    action: (viewer) => viewer.scroll(viewer.large, PAGE),
  },
  {
    keys: ["PageUp"],
    shown: "Page ↑",
    words: "ten slices back",
    action: (viewer) => viewer.scroll(viewer.large, -PAGE),
  },
  { keys: ["Home"], shown: "Home", words: "first slice, at the head", action: (viewer) => toEnd(viewer, true) },
  { keys: ["End"], shown: "End", words: "last slice", action: (viewer) => toEnd(viewer, false) },
  toolKey("l", "L", "draw a line along the longest diameter", "line"),
  toolKey("s", "S", "draw a short axis across it", "short axis"),
  { ...toolKey("+", "+", "click on tumour that the mask misses", "plus"), keys: ["+", "="] },
  toolKey("-", "−", "click where the mask is wrong", "minus"),
  toolKey("r", "R", "brush: paint tumour by hand", "brush"),
  toolKey("x", "X", "eraser: wipe the mask by hand", "eraser"),
  { keys: [","], shown: ",", words: "smaller brush", action: (viewer) => viewer.resizeBrush(-1) },
  { keys: ["."], shown: ".", words: "larger brush", action: (viewer) => viewer.resizeBrush(1) },
  { keys: ["t"], shown: "T", words: "brush and eraser: disc or ball", action: (viewer) => viewer.hand.toggleBall() },
  { keys: ["j"], shown: "J", words: "fill between painted slices", action: (viewer) => viewer.hand.use("fill") },
  { keys: ["u"], shown: "U", words: "keep the part with the line", action: (viewer) => viewer.hand.use("islands") },
  { keys: ["g"], shown: "G", words: "smooth the mask", action: (viewer) => viewer.hand.use("smooth") },
  { keys: ["b"], shown: "B", words: "the tumour begins on this slice", action: (viewer) => viewer.tellEdge("begins") },
  { keys: ["e"], shown: "E", words: "the tumour ends on this slice", action: (viewer) => viewer.tellEdge("ends") },
  {
    keys: ["Delete", "Backspace"],
    shown: "Del",
    words: "delete the selected lesion",
    action: (viewer) => viewer.removeSelected(),
  },
  {
    keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
    shown: "1 … 9",
    words: "grey windows, in the order of their buttons",
    action: (viewer, key) => viewer.choosePreset(Number(key)),
  },
  { keys: ["n"], shown: "N", words: "next lesion", action: (viewer) => viewer.selectNext(1) },
  { keys: ["p"], shown: "P", words: "lesion before", action: (viewer) => viewer.selectNext(-1) },
  { keys: ["v"], shown: "V", words: "three planes, or the next one alone", action: (viewer) => viewer.nextLayout() },
  ...PICTURE_KEYS,
  { keys: ["f"], shown: "F", words: "full screen, and back", action: (viewer) => viewer.toggleFullScreen() },
  { keys: ["?"], shown: "?", words: "this list", action: (viewer) => viewer.toggleKeyMap() },
  { keys: ["Escape"], shown: "Esc", words: "give up, back to drawing lines", action: (viewer) => viewer.giveUp() },
];

/** @type {Shortcut[]} with Ctrl or Cmd */
export const COMMANDS = [
  { keys: ["z"], shown: "Ctrl+Z", words: "undo", action: (viewer) => viewer.undo() },
  { keys: ["y", "Shift+z"], shown: "Ctrl+Y", words: "redo", action: (viewer) => viewer.redo() },
];

/**
 * Whether the element that has the focus does something of its own with a key.
 * @param {Element} target
 * @param {string} key
 * @param {boolean} command
 */
function takesKey(target, key, command) {
  if (target.matches(WRITTEN_IN)) return true;
  if (command) return false;
  if (target.matches("select") || (key === " " && target.matches(PRESSED_BY_SPACE))) return true;
  return /^(Arrow|Page|Home|End)/.test(key) && target.matches(SLIDER);
}

/**
 * What a key is for, and whether it is the viewer's: Ctrl+S and the like are the notebook's, but no plain letter, which
 * there may cut a cell.
 * @param {KeyboardEvent} event
 */
function meaningOf(event) {
  const command = event.ctrlKey || event.metaKey;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key; // caps lock changes nothing
  const key = event.shiftKey && (command || name.startsWith("Arrow")) ? `Shift+${name}` : name;
  const shortcut = event.altKey ? undefined : (command ? COMMANDS : SHORTCUTS).find(({ keys }) => keys.includes(key));
  return { command, key, shortcut, isOwn: shortcut !== undefined || !(command || event.altKey) };
}

/**
 * Hear keys while an element of the viewer has the focus.
 *
 * Notebook 7 listens to the whole page before its elements do. Its library, Lumino, passes over elements with the
 * attribute that is set here.
 * @param {Keyed} viewer
 * @param {HTMLElement} root
 * @returns {() => void} ends it
 */
export function listenToKeys(viewer, root) {
  root.addEventListener("keydown", (event) => pressKey(viewer, event));
  const mark = (/** @type {KeyboardEvent} */ event) => {
    if (event.composedPath().includes(root)) {
      root.toggleAttribute("data-lm-suppress-shortcuts", meaningOf(event).isOwn);
    }
  };
  globalThis.addEventListener("keydown", mark, { capture: true });
  return () => globalThis.removeEventListener("keydown", mark, { capture: true });
}

/**
 * Do what a key is for, unless the field that has the focus needs it.
 * @param {Keyed} viewer
 * @param {KeyboardEvent} event
 */
export function pressKey(viewer, event) {
  const { command, key, shortcut, isOwn } = meaningOf(event);
  if (isOwn) event.stopPropagation();
  const target = /** @type {Element} */ (event.target);
  if (!shortcut || takesKey(target, key, command)) return;
  event.preventDefault();
  shortcut.action(viewer, key);
}

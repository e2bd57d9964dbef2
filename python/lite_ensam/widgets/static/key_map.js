import { make, makeButton } from "./elements.js";
import { COMMANDS, SHORTCUTS } from "./keys.js";

const MOUSE = [
  ["wheel", "next slice: towards the feet, the back, the left"],
  ["drag", "draw a line; on an end or a line: correct it; Shift: draw the selected one again"],
  ["click", "all planes go there"],
  ["right drag", "grey window: sideways width, up and down level"],
  ["Ctrl + wheel", "zoom about the mouse"],
  ["middle drag", "pan"],
  ["double click", "whole slice again"],
];

/** What keys and mouse do; opened by `?`. */
export class KeyMap {
  /** @param {() => void} onClose */
  constructor(onClose) {
    /** @type {(title: string, rows: string[][]) => HTMLElement} */
    const list = (title, rows) =>
      make(
        "div",
        {},
        make("h4", { textContent: title }),
        make(
          "table",
          {},
          ...rows.map(([key, words]) => make("tr", {}, make("td", {}, make("kbd", {}, key)), make("td", {}, words))),
        ),
      );
    const keys = [...SHORTCUTS, ...COMMANDS].map(({ shown, words }) => [shown, words]);
    const half = Math.ceil(keys.length / 2);
    this.close = makeButton("close", "Esc", onClose);
    this.root = make(
      "div",
      { className: "le-keymap", hidden: true },
      list("Keys", keys.slice(0, half)),
      list("More keys", keys.slice(half)),
      list("Mouse", MOUSE),
      this.close,
    );
    this.root.setAttribute("role", "dialog");
    this.root.setAttribute("aria-label", "keys and mouse");
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** @param {boolean} open */
  show(open) {
    this.root.hidden = !open;
    if (open) this.close.focus({ preventScroll: true });
  }
}

// The viewer's host where there is no notebook: a model over a web socket, and the buttons that write files.
//
// Messages are those of Jupyter's widgets (widgets/view_server.py): {method: "update", state} and
// {method: "custom", content}. One with n buffers says so, and n binary messages follow it. Besides: "hello" with the
// files that can be written, "save" and its answer "saved"; "choose" with the series of a folder, and "open" with one's
// place.

import widget from "../static/widget.js";
import { seriesList } from "./series_list.js";

/** @import { FromPython, Listener, Model, ToPython, Traits } from "../static/contract.d.ts" */
/** @import { Series } from "./series_list.js" */
/**
 * A file that can be written, or a sentence why it cannot; see `Explorer.offers` in explorer.py.
 * @typedef {{ kind: string, file: string, fault: string }} Offer
 */
/** @typedef {{ method: string, series?: Series[], state?: Partial<Traits>, content?: FromPython, offers?: Offer[], name?: string,
 *    folder?: string, words?: string, bad?: boolean, buffers?: number }} Message */

const ENDED = "lite-ensam has ended: start it again to go on.";
const DRAWN = ["marks", "edits", "thresholds"];
const UNSAVED = "lite-ensam: unsaved";

const words = /** @type {HTMLOutputElement} */ (document.getElementById("words"));
const saves = /** @type {HTMLElement} */ (document.getElementById("saves"));
const replace = /** @type {HTMLInputElement} */ (document.getElementById("replace"));
const place = /** @type {HTMLElement} */ (document.getElementById("viewer"));

const socket = new WebSocket(Object.assign(new URL("socket", location.href), { protocol: "ws:" }));
socket.binaryType = "arraybuffer";

/** @type {Record<string, unknown>} */
const state = {};
/** @type {Record<string, unknown>} */
let changed = {};
/** @type {Map<string, Set<Listener>>} */
const listeners = new Map();
/** @type {{ message: Message, buffers: ArrayBuffer[] } | undefined} a message whose buffers are still to come */
let waiting;
let unsaved = sessionStorage.getItem(UNSAVED) !== null; // before this page was loaded again
let scanAndFolder = ""; // never in the title: browsers keep titles, and some send them to their maker
let shown = false;

/** @param {object} message */
function send(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/**
 * @param {string} event
 * @param {any[]} what
 */
function tell(event, ...what) {
  for (const listener of [...(listeners.get(event) ?? [])]) listener(.../** @type {Parameters<Listener>} */ (what));
}

/**
 * Take values, then tell of those that are new.
 * @param {Record<string, unknown>} values
 */
function put(values) {
  const news = Object.keys(values).filter((name) => JSON.stringify(state[name]) !== JSON.stringify(values[name]));
  Object.assign(state, values);
  for (const name of news) tell(`change:${name}`);
}

const model = /** @type {Model} */ (/** @type {unknown} */ ({
  /** @param {string} name */
  get: (name) => state[name],
  /** @param {string} name @param {unknown} value */
  set: (name, value) => {
    changed[name] = value;
    unsaved ||= DRAWN.includes(name) && JSON.stringify(value) !== JSON.stringify(state[name]);
    put({ [name]: value });
  },
  save_changes: () => {
    send({ method: "update", state: changed, buffer_paths: [] });
    changed = {};
  },
  /** @param {ToPython} content */
  send: (content) => {
    unsaved ||= content.kind === "accept" || content.kind === "reject";
    send({ method: "custom", content });
  },
  /** @param {string} event @param {Listener} listener */
  on: (event, listener) => {
    listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
  },
  /** @param {string} event @param {Listener} listener */
  off: (event, listener) => {
    listeners.get(event)?.delete(listener);
  },
}));

/**
 * @param {string} text
 * @param {boolean} bad
 */
function say(text, bad) {
  words.textContent = text;
  words.classList.toggle("bad", bad);
}

/**
 * A button whose file cannot be written stays within reach, so that it can say why.
 * @param {Offer} offer
 */
function saveButton({ kind, file, fault }) {
  const button = document.createElement("button");
  button.textContent = `Save ${kind}`;
  button.title = fault || `write ${file}`;
  button.setAttribute("aria-disabled", String(fault !== ""));
  button.addEventListener("click", () => {
    say(fault || "saving …", fault !== "");
    if (!fault) send({ method: "save", kind, replace: replace.checked });
  });
  return button;
}

/**
 * Let the reader choose a series; again, with what went wrong, if it could not be opened.
 * @param {Series[]} series
 * @param {string} fault
 */
function choose(series, fault) {
  const list = seriesList(series, (number) => {
    for (const button of list.querySelectorAll("button")) button.disabled = true;
    say("reading …", false);
    send({ method: "open", series: number });
  });
  place.replaceChildren(list);
  say(fault, true);
  list.querySelector("button")?.focus();
}

/**
 * @param {Message} message
 * @param {ArrayBuffer[]} buffers
 */
function receive(message, buffers) {
  if (message.method === "hello") {
    saves.replaceChildren(...(message.offers ?? []).map(saveButton));
    scanAndFolder = `${message.name} · files go to ${message.folder}`;
    /** @type {HTMLElement} */ (replace.parentElement).hidden = false;
  }
  if (message.method === "custom") tell("msg:custom", message.content, buffers);
  if (message.method === "saved") {
    say(message.words ?? "", message.bad ?? false);
    unsaved &&= message.bad ?? false;
  }
  if (message.method === "choose") choose(message.series ?? [], message.words ?? "");
  if (message.method !== "update") return;
  put(message.state ?? {});
  if (shown) return;
  shown = true;
  say(scanAndFolder, false);
  widget.render({ model, el: place });
  /** @type {HTMLElement | null} */ (place.querySelector(".le-root"))?.focus(); // keys work at once
}

socket.addEventListener("message", ({ data }) => {
  if (typeof data === "string") waiting = { message: JSON.parse(data), buffers: [] };
  else waiting?.buffers.push(data);
  if (!waiting || waiting.buffers.length < (waiting.message.buffers ?? 0)) return;
  const { message, buffers } = waiting;
  waiting = undefined;
  receive(message, buffers);
});
socket.addEventListener("close", ({ reason }) => {
  unsaved = false; // nothing can be saved any more
  document.body.classList.add("ended");
  for (const button of saves.querySelectorAll("button")) button.disabled = true;
  say(reason || ENDED, true);
});
// a key is the viewer's wherever the focus is, unless a button below is pressed by it
globalThis.addEventListener("keydown", (event) => {
  const root = place.querySelector(".le-root");
  const target = /** @type {Element} */ (event.target);
  if (!root || root.contains(target) || (["Enter", " "].includes(event.key) && target.matches("button, input"))) return;
  if (!root.dispatchEvent(new KeyboardEvent("keydown", event))) event.preventDefault();
});
globalThis.addEventListener("pagehide", () => {
  if (unsaved) sessionStorage.setItem(UNSAVED, "yes");
  else sessionStorage.removeItem(UNSAVED);
});
// the program ends with its tab, and no undo brings back what was drawn
globalThis.addEventListener("beforeunload", (event) => unsaved && event.preventDefault());

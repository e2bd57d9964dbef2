// HTML elements, made in one call.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @typedef {Partial<HTMLElementTagNameMap[Tag]> & { data?: Record<string, string | number> }} Properties
 */

/**
 * An element with properties, attributes in `data`, and children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties<Tag>} properties
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, { data = {}, ...properties }, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

/**
 * @param {string} text
 * @param {string} title
 * @param {() => void} action
 * @param {Record<string, string>} data
 */
export function makeButton(text, title, action, data = {}) {
  const button = make("button", { type: "button", textContent: text, title, data });
  if (!/[a-z]/i.test(text)) nameIt(button, title); // a sign says nothing aloud
  button.addEventListener("click", action);
  return button;
}

/**
 * What a screen reader calls an element.
 * @param {HTMLElement} element
 * @param {string} name
 */
export const nameIt = (element, name) => element.setAttribute("aria-label", name);

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} pressed
 */
export const setPressed = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));

/**
 * A box to check, in its label.
 * @param {string} text
 * @param {string} title
 * @param {boolean} checked
 * @param {(checked: boolean) => void} action
 * @param {Record<string, string>} data
 */
export function makeCheck(text, title, checked, action, data = {}) {
  const box = make("input", { type: "checkbox", checked, data });
  box.addEventListener("change", () => action(box.checked));
  return { box, root: make("label", { title }, box, text) };
}

/**
 * The drawing of a canvas.
 * @param {HTMLCanvasElement} canvas
 */
export const contextOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

// Keys are the viewer's as long as one of its elements has the focus: it must not be lost when elements are made again.

/**
 * Make elements again. One that had the focus and is gone or disabled gives it to the one in its place, or to `root`.
 * @param {HTMLElement} root
 * @param {() => void} redraw
 */
export function keepFocus(root, redraw) {
  const held = /** @type {Document | ShadowRoot} */ (root.getRootNode()).activeElement;
  const place = held && root.contains(held) ? placeOf(held) : null;
  redraw();
  if (place === null || (held?.isConnected && !held.matches(":disabled"))) return;
  const again = place ? /** @type {HTMLElement | null} */ (root.querySelector(place)) : null;
  (again ?? root).focus({ preventScroll: true });
}

/**
 * A selector of the button in a lesion's row; "" for other elements.
 * @param {Element} element
 */
function placeOf(element) {
  const label = element.closest("tr[data-label]")?.getAttribute("data-label");
  const action = element.getAttribute("data-action");
  return label && action ? `tr[data-label="${label}"] [data-action="${action}"]` : "";
}

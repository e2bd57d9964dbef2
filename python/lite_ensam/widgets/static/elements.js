// The browser's half of RecistMarker: canvas 2D, nothing fetched. widgets/frontend.py joins these files into one
// module, in its order; they share one scope.
//
// Python holds the scan, the marks and the masks. Slices come as 8-bit images on request (SliceStore), each plane is
// drawn by a PlaneView and listened to by a PlaneMouse, the lines are edited in MarkList (undo, redo), the table is a
// LesionTable, and Marker ties them to the model. Points are voxel indices [z, y, x]; a slice's pixel (column, row)
// covers the edges [column, column + 1) x [row, row + 1).

const AXIAL = 0;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** An element with properties, attributes in `data`, and children. */
function make(tag, properties = {}, ...children) {
  const { data = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, data);
  element.append(...children);
  return element;
}

function makeButton(text, title, action, data = {}) {
  const button = make("button", { type: "button", textContent: text, title, data });
  button.addEventListener("click", action);
  return button;
}

function makeCheck(text, title, checked, action, data = {}) {
  const box = make("input", { type: "checkbox", checked, data });
  box.addEventListener("change", () => action(box.checked));
  return make("label", { title }, box, text);
}

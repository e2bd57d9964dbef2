// The CT series of a folder, one of which is chosen.

/**
 * See `SeriesSummary` in series_list.py.
 * @typedef {{ number: number | null, description: string, n_slices: number,
 *    spacing_mm: [z: number, y: number, x: number] | null, patient: number }} Series
 */

/** @type {(tag: string, ...children: (Node | string)[]) => HTMLElement} */
function make(tag, ...children) {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}

/** @param {Series} series */
function cells({ number, description, n_slices, spacing_mm }) {
  const mm = spacing_mm?.map((value) => String(Math.round(value * 100) / 100));
  return [number === null ? "–" : String(number), description || "–", String(n_slices), mm ? mm.join(" x ") : "–"];
}

/**
 * @param {Series[]} series
 * @param {(number: number) => void} open by its place in the list
 */
export function seriesList(series, open) {
  const patients = new Set(series.map(({ patient }) => patient)).size;
  const heads = ["number", "description", "slices", "spacing (z, y, x), mm", ...(patients > 1 ? ["patient"] : []), ""];
  const rows = series.map((one, n) => {
    const button = document.createElement("button");
    button.textContent = "open";
    button.setAttribute("aria-label", `open series ${one.number ?? n + 1}, ${one.description || "no description"}`);
    button.addEventListener("click", () => open(n));
    const texts = [...cells(one), ...(patients > 1 ? [String(one.patient)] : [])];
    return make("tr", ...texts.map((text) => make("td", text)), make("td", button));
  });
  const table = make(
    "table",
    make("thead", make("tr", ...heads.map((head) => make("th", head)))),
    make("tbody", ...rows),
  );
  const list = make("section", make("h1", `${series.length} CT series in this folder`), table);
  list.className = "series";
  return list;
}

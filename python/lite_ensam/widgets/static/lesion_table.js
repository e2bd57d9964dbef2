import { make, makeButton, nameIt, setPressed } from "./elements.js";
import { handWords, lesionNumbers, repeatWords } from "./lesion_text.js";
import { HIGHEST_LABEL } from "./mark_list.js";
import { hasPrompts, NO_PROMPTS, promptsText } from "./prompts.js";
import { SHORT_AXIS } from "./recist_mark.js";

/** @import { Mark, Result } from "./contract.d.ts" */
/** @import { Viewer } from "./viewer.js" */

/** Lesions beside the picture: name, colour, numbers, what the reader thinks of them. */
export class LesionTable {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.body = make("tbody", {});
    /** @type {(text: string, span?: number) => HTMLElement} */
    const head = (text, span = 1) => make("th", { textContent: text, colSpan: span });
    const groups = [head("", 2), head("drawn, mm", 2), head("mask, ml and mm", 3)];
    const heads = ["", "lesion", "line", "short", "ml", "long", "short"].map((text) => head(text));
    const top = make("thead", {}, make("tr", {}, ...groups), make("tr", {}, ...heads));
    this.table = make("table", { className: "le-table" }, top, this.body);
    this.nothing = make("div", {
      className: "le-nothing",
      textContent:
        "No lesion yet. Each line that you draw becomes a row here, with the volume and diameters of its mask.",
    });
    this.root = make("div", {}, this.table, this.nothing);
  }

  draw() {
    const root = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
    const focus = root.activeElement;
    const typing = focus?.matches("input[type=text], input[type=number]") && this.body.contains(focus);
    if (typing) return; // would take the field away under the user's hands; blur draws again
    const marks = this.viewer.marks.current;
    const results = new Map(this.viewer.model.get("results").map((row) => [row.label, row]));
    this.body.replaceChildren(...marks.map((mark) => this.row(mark, results.get(mark.label))));
    this.nothing.hidden = marks.length > 0;
    this.table.hidden = !marks.length;
  }

  /**
   * @param {Mark} mark
   * @param {Result | undefined} result
   */
  row(mark, result) {
    const { viewer } = this;
    const numbers = lesionNumbers(mark, result, viewer.scan.spacing_mm);
    /** @type {(text: string, kind: string, ...more: Node[]) => HTMLElement} */
    const cell = (text, kind, ...more) => make("td", { data: { kind } }, text, ...more);
    const away = makeButton(
      "×",
      "take the short axis away",
      () => viewer.marks.change(mark.label, { [SHORT_AXIS]: null }),
    );
    away.dataset.action = "remove short axis";
    const row = make("tr", { data: { label: mark.label, state: result?.state ?? "" } });
    row.append(
      make("td", {}, ...this.identity(mark, row)),
      make(
        "td",
        { className: "le-name" },
        this.nameField(mark, row),
        ...this.hints(mark),
        ...this.edits(mark, result),
        ...[repeatWords(result)].filter(Boolean).map((text) => make("div", { className: "le-hints" }, text)),
        ...(result?.flag_sentences ?? []).map((text) =>
          make("div", { className: "le-warning", textContent: `⚠ ${text}` })
        ),
        make(
          "div",
          { className: "le-actions" },
          ...this.buttons(mark.label, result).map((pair) => make("span", {}, ...pair)),
        ),
      ),
      cell(numbers.line, "line"),
      cell(numbers.drawnShort, "drawn-short", ...(mark[SHORT_AXIS] ? [away] : [])),
      cell(numbers.volume, "volume"),
      cell(numbers.longest, "longest"),
      cell(numbers.short, "short"),
    );
    row.classList.toggle("le-selected", mark.label === viewer.selected);
    row.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (!target.closest("input, button")) viewer.select(mark.label, true);
    });
    return row;
  }

  /**
   * Label and colour.
   * @param {Mark} mark
   * @param {HTMLElement} row
   */
  identity({ label }, row) {
    const { viewer } = this;
    const number = make("input", {
      type: "number",
      min: "1",
      max: String(HIGHEST_LABEL),
      value: String(label),
      title: "label in the label map",
    });
    number.style.width = `${Math.max(String(label).length, 2) + 1}ch`;
    nameIt(number, `label of lesion ${label}`);
    this.whenEdited(number, () => {
      if (Number(number.value) === label) return;
      if (viewer.relabel(label, Number(number.value))) row.dataset.label = number.value;
    });
    const color = make("input", {
      type: "color",
      value: viewer.colorOf(label),
      title: "colour",
      data: { action: "colour" },
    });
    nameIt(color, `colour of lesion ${label}`);
    color.addEventListener("change", () => viewer.setColor(label, color.value));
    return [number, color];
  }

  /**
   * @param {Mark} mark
   * @param {HTMLElement} row
   */
  nameField(mark, row) {
    const { name: value, label } = mark;
    const name = make("input", { type: "text", value, placeholder: `lesion ${label}`, title: value || "name" });
    nameIt(name, `name of lesion ${label}`);
    this.whenEdited(name, () => {
      if (name.value !== mark.name) this.viewer.marks.change(Number(row.dataset.label), { name: name.value });
    });
    return name;
  }

  /**
   * Clicks and slices, and a button that takes them away.
   * @param {Mark} mark
   */
  hints(mark) {
    if (!hasPrompts(mark)) return [];
    const away = makeButton(
      "×",
      "take clicks and slices away",
      () => this.viewer.marks.change(mark.label, NO_PROMPTS),
      {
        action: "remove hints",
      },
    );
    nameIt(away, `take clicks and slices of lesion ${mark.label} away`);
    return [make("div", { className: "le-hints" }, promptsText(mark, this.viewer.caudal), away)];
  }

  /**
   * How much was made by hand, its threshold, and a button that takes both away.
   * @param {Mark} mark
   * @param {Result | undefined} result
   */
  edits({ label }, result) {
    const { marks } = this.viewer;
    const words = handWords(result, marks.edits.some((edit) => edit.label === label), marks.state.thresholds[label]);
    if (!words) return [];
    const away = makeButton("×", "take what was made by hand away", () => marks.removeHand(label), {
      action: "remove edits",
    });
    nameIt(away, `take what was made by hand of lesion ${label} away`);
    return [make("div", { className: "le-edits le-hints" }, words, away)];
  }

  /**
   * Act when a field is left, by Enter too; once the next one has the focus, which would else be lost.
   * @param {HTMLInputElement} field
   * @param {() => void} action
   */
  whenEdited(field, action) {
    const act = () => {
      action();
      this.viewer.refresh();
    };
    field.addEventListener("keydown", (event) => event.key === "Enter" && this.viewer.focusPicture());
    field.addEventListener("blur", () => setTimeout(act));
  }

  /**
   * Pairs of buttons, one above the other where there is no room.
   * @param {number} label
   * @param {Result | undefined} result
   */
  buttons(label, result) {
    const { viewer } = this;
    /** @type {(text: string, title: string, action: () => void, pressed?: boolean) => HTMLButtonElement} */
    const button = (text, title, action, pressed = false) => {
      const made = makeButton(text, title, action, { action: text });
      setPressed(made, pressed);
      return made;
    };
    const redrawn = viewer.redrawing && label === viewer.selected;
    const made = [
      button("redraw", "the next line takes the place of this one", () => viewer.startRedrawing(label), redrawn),
      button("delete", "delete this lesion (Del)", () => viewer.marks.remove(label)),
    ];
    if (!result) return [made];
    /** @type {(kind: "accept" | "reject") => () => void} */
    const say = (kind) => () => viewer.model.send({ kind, label });
    const judged = [
      button("accept", "this mask is right", say("accept"), result.state === "accepted"),
      button("reject", "take this mask away; its line stays", say("reject"), result.state === "rejected"),
    ];
    return [judged, made];
  }
}

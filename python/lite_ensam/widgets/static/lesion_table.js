/** Lesions beside the picture: name, colour, numbers, what the reader thinks of them. */
class LesionTable {
  constructor(marker) {
    this.marker = marker;
    this.body = make("tbody");
    const head = (text, span = 1) => make("th", { textContent: text, colSpan: span });
    const groups = [head("", 2), head("drawn, mm", 2), head("mask, mm", 4)];
    const heads = ["", "lesion", "line", "short", "ml", "long", "short", "s"].map((text) => head(text));
    const top = make("thead", {}, make("tr", {}, ...groups), make("tr", {}, ...heads));
    this.table = make("table", { className: "le-table" }, top, this.body);
    this.nothing = make("div", {
      className: "le-nothing",
      textContent: "No lesion yet. Each line that you draw becomes a row here, with the volume and diameters of its mask.",
    });
    this.root = make("div", {}, this.table, this.nothing);
  }

  draw() {
    const focus = this.root.getRootNode().activeElement;
    const typing = this.body.contains(focus) && focus.matches("input[type=text], input[type=number]");
    if (typing) return; // would take the field away under the user's hands; blur draws again
    const marks = this.marker.marks.current;
    const results = new Map(this.marker.model.get("results").map((row) => [row.label, row]));
    this.body.replaceChildren(...marks.map((mark) => this.row(mark, results.get(mark.label))));
    this.nothing.hidden = marks.length > 0;
    this.table.hidden = !marks.length;
  }

  row(mark, result) {
    const { marker } = this;
    const { spacing_mm: spacing } = marker.scan;
    const number = (value, digits) => (value === undefined ? "–" : value.toFixed(digits));
    const cell = (text, kind, ...more) => make("td", { data: { kind } }, text, ...more);
    const drawn = mark[SHORT_AXIS] && lengthMm(mark[SHORT_AXIS], spacing).toFixed(1);
    const away = makeButton("×", "take the short axis away", () => marker.marks.change(mark.label, { [SHORT_AXIS]: null }));
    away.dataset.action = "remove short axis";
    const row = make("tr", { data: { label: mark.label, state: result?.state ?? "" } });
    row.append(
      make("td", {}, ...this.identity(mark, row)),
      make(
        "td",
        { className: "le-name" },
        this.nameField(mark, row),
        ...this.warnings(result),
        make("div", { className: "le-actions" }, ...this.buttons(mark.label, result)),
      ),
      cell(lengthMm(mark[LINE], spacing).toFixed(1), "line"),
      drawn ? cell(drawn, "drawn-short", away) : cell("", "drawn-short"),
      cell(number(result?.volume_ml, 2), "volume"),
      cell(number(result?.longest_diameter_mm, 1), "longest"),
      cell(number(result?.short_axis_mm, 1), "short"),
      cell(number(result?.seconds, 2), "seconds"),
    );
    row.classList.toggle("le-selected", mark.label === marker.selected);
    row.addEventListener("click", (event) => {
      if (!event.target.closest("input, button")) marker.select(mark.label, true);
    });
    return row;
  }

  /** Label and colour. */
  identity({ label }, row) {
    const { marker } = this;
    const number = make("input", { type: "number", min: 1, max: 65535, value: label, title: "label in the label map" });
    this.whenEdited(number, () => {
      if (Number(number.value) === label) return;
      if (marker.relabel(label, Number(number.value))) row.dataset.label = number.value;
    });
    const color = make("input", { type: "color", value: marker.colorOf(label), title: "colour" });
    color.addEventListener("change", () => marker.setColor(label, color.value));
    return [number, color];
  }

  nameField(mark, row) {
    const { name: value, label } = mark;
    const name = make("input", { type: "text", value, placeholder: `lesion ${label}`, title: value || "name" });
    this.whenEdited(name, () => {
      if (name.value !== mark.name) this.marker.marks.change(Number(row.dataset.label), { name: name.value });
    });
    return name;
  }

  /** Act when a field is left, by Enter too; once the next one has the focus, which would else be lost. */
  whenEdited(field, action) {
    const act = () => {
      action();
      this.marker.refresh();
    };
    field.addEventListener("keydown", (event) => event.key === "Enter" && field.blur());
    field.addEventListener("blur", () => setTimeout(act));
  }

  /** What the reader should look at twice. */
  warnings(result) {
    return (result?.flag_sentences ?? []).map((text) => make("div", { className: "le-warning", textContent: `⚠ ${text}` }));
  }

  buttons(label, result) {
    const { marker } = this;
    const button = (text, title, action, pressed = false) => {
      const made = makeButton(text, title, action, { action: text });
      made.setAttribute("aria-pressed", pressed);
      return made;
    };
    const redrawn = marker.redrawing && label === marker.selected;
    const made = [
      button("redraw", "the next line takes the place of this one", () => marker.startRedrawing(label), redrawn),
      button("delete", "delete this lesion (Del)", () => marker.marks.remove(label)),
    ];
    if (!result) return made;
    const say = (kind) => () => marker.model.send({ kind, label });
    return [
      button("accept", "this mask is right", say("accept"), result.state === "accepted"),
      button("reject", "take this mask away; its line stays", say("reject"), result.state === "rejected"),
      ...made,
    ];
  }
}

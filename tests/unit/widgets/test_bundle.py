"""Bundled modules do what they do when node imports them one by one; what cannot be bundled is refused."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lite_ensam.widgets.bundle import bundle

node = shutil.which("node")
needs_node = pytest.mark.skipif(node is None, reason="no node here to run a bundled module: install nodejs")


def write(folder: Path, **modules: str) -> Path:
    """Modules by name; the entry's path."""
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source, encoding="utf-8")
    return folder / "entry.js"


def run(module: Path) -> str:
    """What the default export of a module gives."""
    code = f"console.log((await import({module.as_uri()!r})).default())"
    done = subprocess.run(
        [str(node), "--input-type=module", "--eval", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


MODULES = {
    "entry": """
import { add } from "./sums.js";
import {
  COUNT as HOW_MANY,
  Counter,
} from "./counter.js";

const secret = "entry";
const run = () => [secret, add(2), HOW_MANY, new Counter().next(), add(0)].join(" ");

export default run;
""",
    "sums": """
import { Counter } from "./counter.js";

const secret = 40;
const counter = new Counter();

/** Adds, and counts how often. */
export function add(n) {
  counter.next();
  return secret + n + counter.n;
}
""",
    "counter": """
const secret = 7;
let made = 0;

export const COUNT = secret;

export class Counter {
  constructor() {
    made += 1;
    this.n = 0;
  }
  next() {
    this.n += 1;
    return `${this.n} of ${made}`;
  }
}
""",
}


@needs_node
def test_a_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    """Private names of a kind stay apart, other names are bound, a module that two import runs once."""
    entry = write(tmp_path, **MODULES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "bundled.mjs").write_text(bundle(entry), encoding="utf-8")
    assert run(tmp_path / "bundled.mjs") == run(entry) == "entry 43 7 1 of 2 42"


def test_a_bundle_imports_nothing_and_each_module_is_in_it_once(tmp_path: Path) -> None:
    text = bundle(write(tmp_path, **MODULES))
    assert "import" not in text
    assert text.count("export") == 1
    assert text.count("class Counter") == 1
    assert text.index("counter_js = ") < text.index("sums_js = ") < text.index("HOW_MANY")


def test_documentation_stays_behind(tmp_path: Path) -> None:
    source = '/**\n * import("elsewhere")\n */\nexport default 1; // kept\n'
    assert bundle(write(tmp_path, entry=source)) == "export default 1; // kept\n"


@pytest.mark.parametrize(
    "statement",
    [
        'import other from "./other.js";',
        'import * as other from "./other.js";',
        'import "./other.js";',
        "import { x } from './other.js';",
        'import { x } from "./other.js"',
        'import { x } from "./folder/other.js";',
        'import { x } from "other";',
        'import { x } from "https://example.org/other.js";',
        '  import { x } from "./other.js";',
        'const other = await import("./other.js");',
        "const here = import.meta.url;",
        "export let x = 1;",
        "export var x = 1;",
        "export { x };",
        'export { x } from "./other.js";',
        'export * from "./other.js";',
        "export const { x } = { x: 1 };",
        "export const [x] = [1];",
        "  export const x = 1;",
    ],
)
def test_a_form_that_is_not_known_is_refused(statement: str, tmp_path: Path) -> None:
    entry = write(tmp_path, entry=f"{statement}\nexport default 1;\n", other="export const x = 1;\n")
    with pytest.raises(ValueError, match=r"entry\.js: cannot bundle"):
        bundle(entry)


def test_only_the_entry_has_a_default(tmp_path: Path) -> None:
    entry = write(
        tmp_path, entry='import { x } from "./other.js";\n', other="export const x = 1;\nexport default x;\n"
    )
    with pytest.raises(ValueError, match=r"other\.js: cannot bundle 'export default x;'"):
        bundle(entry)


@pytest.mark.parametrize("name", ["y", "default as y", "x.y", "", "/* all */ x"])
def test_a_name_that_is_not_exported_is_refused(name: str, tmp_path: Path) -> None:
    other = "export const x = 1;\nconst y = 2;\n"
    entry = write(tmp_path, entry=f'import {{ {name} }} from "./other.js";\n', other=other)
    with pytest.raises(ValueError, match=r"entry\.js imports .* from other\.js, which exports x"):
        bundle(entry)


def test_a_circle_of_imports_is_refused(tmp_path: Path) -> None:
    modules = {
        "entry": 'import { a } from "./a.js";\n',
        "a": 'import { b } from "./b.js";\nexport const a = 1;\n',
        "b": 'import { a } from "./a.js";\nexport const b = 1;\n',
    }
    with pytest.raises(ValueError, match="circle: entry -> a -> b -> a"):
        bundle(write(tmp_path, **modules))


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"other\.js"):
        bundle(write(tmp_path, entry='import { x } from "./other.js";\n'))

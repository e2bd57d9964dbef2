"""`python -m tests.golden` writes the golden values anew, and says which of them changed."""

import json
import tempfile

import numpy as np

from tests.golden import package, store, training, values


def main() -> None:
    patches = values.patches()
    arrays = {f"patch: {name}": values.summary(patch) for name, patch in patches.items()}
    arrays |= {f"signs: {name}": logits > 0 for name, logits in values.signs().items()}
    arrays |= {f"labels: {name}": labels for name, labels in values.label_maps().items()}
    arrays |= {f"painted: {name}": labels for name, labels in values.painted().items()}
    arrays |= {f"looks: {name}": row for name, row in values.looks().items()}
    arrays |= {f"held: {name}": row for name, row in values.held().items()}
    arrays |= {f"training: {name}": row for name, row in (training.drawn() | training.scenes()).items()}
    with tempfile.TemporaryDirectory() as folder:
        real = values.real(package.real_cases(folder))
    hashes = {name: values.sha256(patch.values) for name, patch in patches.items()}
    numbers = store.plain({**values.numbers(values.label_maps()), "real": real, "patches": hashes})
    numbers["training"] = training.numbers()
    before = store.arrays() if store.ARRAYS.exists() else {}
    known = store.numbers() if store.NUMBERS.exists() else {}
    changed = [n for n in arrays if n not in before or not np.array_equal(before[n], arrays[n])]
    changed += [n for n in numbers if known.get(n) != json.loads(json.dumps(numbers[n]))]
    store.write(arrays, numbers)
    print("\n".join(changed) or "nothing changed")


if __name__ == "__main__":
    main()

"""The worth of prompts: a robot user gives the line, then other prompts, then clicks where the mask is most wrong.

    python benchmarks/robot_user.py                                        # the phantom
    python benchmarks/robot_user.py DATA/val --json mine.json
    python benchmarks/robot_user.py DATA --fold 0/5 --weights EXPORTED --clicks 0 --against mine.json

Printed are the mean DSC of each source and the mean of the sources, with 95 % intervals by bootstrap over patients;
with `--against`, the difference from earlier scores as well, tumour by tumour.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lite_ensam import make_phantom
from lite_ensam.core.case import Case
from lite_ensam.datasets.folders import find_cases
from lite_ensam.datasets.training_cases import find_training_cases
from lite_ensam.engines import WEIGHTS, load_backend
from lite_ensam.evaluation.robot_user import GIVEN, RobotUser, area_under_rounds, play
from lite_ensam.segmentation.predictor import Predictor
from lite_ensam.training.folds import Fold, patients_of

Scores = dict[str, dict[str, list[float]]]
"""DSC of each tumour, `source|patient|case|label`, by what was given; after 0, 1, ... clicks."""


def cases(data: Path | None, fold: str | None) -> Iterator[tuple[str, Case]]:
    """Cases with the `source|patient` of each: the phantom's without data, those of one fold of training data."""
    if data is None:
        yield from ((f"phantom|{seed}", make_phantom(seed=seed)) for seed in range(3))
        return
    part = None if fold is None else Fold(*map(int, fold.split("/")))
    for one in find_cases(data) if part is None else find_training_cases(data).train:
        patients = patients_of(one)
        if part is None or part.holds_any(patients):
            yield f"{one.source}|{patients[0]}", one.read()


def scores(predictor: Predictor, chosen: argparse.Namespace) -> Scores:
    """Play with all cases; clicks follow the line alone."""
    found: Scores = defaultdict(lambda: defaultdict(list))
    for whose, case in cases(chosen.data, chosen.fold):
        for given in chosen.given or GIVEN:
            clicks = chosen.clicks if given == "line" else 0
            for one in play(
                case, lambda case: predictor.predict(case).labels, given, clicks, RobotUser(chosen.seed)
            ):
                found[f"{whose}|{case.name}|{one.label}"][given].append(one.dsc)
    return found


def columns(tumours: dict[str, list[float]]) -> dict[str, float]:
    """One tumour's numbers by the heads of their columns."""
    numbers = {}
    for given, after in tumours.items():
        numbers[given] = after[0]
        if len(after) > 1:
            numbers |= {f"{n} click{'s' * (n > 1)}": value for n, value in enumerate(after) if n in (1, 3, 5)}
            numbers[f"area 0-{len(after) - 1}"] = area_under_rounds(after)
    return numbers


def mean_and_interval(values: dict[str, float], seed: int) -> str:
    """Mean of the sources' means, and its interval; keys are `source|patient|...`."""
    patients: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, value in values.items():
        source, patient, _ = key.split("|", 2)
        patients[source][patient].append(value)
    rng = np.random.default_rng(seed)
    means, drawn = [], []
    for of_source in patients.values():
        sums = np.array([[sum(one), len(one)] for one in of_source.values()])
        means.append(sums[:, 0].sum() / sums[:, 1].sum())
        picked = sums[rng.integers(len(sums), size=(2000, len(sums)))].sum(1)
        drawn.append(picked[:, 0] / picked[:, 1])
    low, high = np.percentile(np.mean(drawn, axis=0), (2.5, 97.5))
    return f"{np.mean(means):.3f} ({low:.3f} to {high:.3f})"


def cells(rows: dict[str, dict[str, float]], heads: list[str], seed: int) -> str:
    """A table's row; empty where no tumour has the number."""
    values = ({key: row[head] for key, row in rows.items() if head in row} for head in heads)
    return " | ".join(mean_and_interval(column, seed) if column else "" for column in values)


def show(found: Scores, before: Scores, seed: int) -> None:
    """Print a row for each source and their mean, and below it the differences."""
    table = {key: columns(one) for key, one in found.items()}
    earlier = {key: columns(before[key]) for key in table if key in before}
    differences = {
        key: {head: table[key][head] - value for head, value in row.items() if head in table[key]}
        for key, row in earlier.items()
    }
    heads = list(dict.fromkeys(head for row in table.values() for head in row))
    print(f"\n| | n | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 2)}")
    sources = sorted({key.split("|")[0] for key in table})
    groups = {source: f"{source}|" for source in sources} | (
        {"mean of sources": ""} if len(sources) > 1 else {}
    )
    for group, beginning in groups.items():
        for name, rows in ((group, table), ("difference", differences)):
            chosen = {key: row for key, row in rows.items() if key.startswith(beginning)}
            if chosen:
                print(f"| {name} | {len(chosen)} | {cells(chosen, heads, seed)} |")


def main() -> None:
    """Print tables for the arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", nargs="?", type=Path, help="cases with references; with --fold, training data"
    )
    parser.add_argument("--fold", help="score these patients of the training data alone, as 0/5")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder of an export")
    parser.add_argument(
        "--given", action="append", choices=list(GIVEN), help="told before clicks; default: each"
    )
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="keep the scores")
    parser.add_argument("--against", type=Path, help="scores that --json has kept")
    chosen = parser.parse_args()
    if chosen.fold and chosen.data is None:
        parser.error("--fold needs the folder of the training data")
    found = scores(Predictor(load_backend("openvino", 1, chosen.weights)), chosen)
    if chosen.json:
        chosen.json.write_text(json.dumps(found))
    show(found, json.loads(chosen.against.read_text()) if chosen.against else {}, chosen.seed)


if __name__ == "__main__":
    main()

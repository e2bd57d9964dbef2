"""`lite-ensam demo FOLDER [--real] --json | python .ci/check_demo.py`: does the installed package segment as it should?

The exit code is 1 if a tumour is missing or its DSC is more than 0.01 below that of the released weights.
"""

import json
import sys

TOLERANCE = 0.01
"""Another CPU changes the last digits; a fault changes more."""

RELEASED = {
    "built-in phantom": {("phantom-0", 1): 0.848, ("phantom-0", 2): 0.877, ("phantom-0", 3): 0.894},
    "four lung tumours": {("pat_1", 1): 0.811, ("pat_2", 1): 0.817, ("pat_3", 1): 0.822, ("pat_4", 1): 0.931},
}

tumors = json.load(sys.stdin)["demo"]["tumors"]
found = {(one["case"], one["label"]): one["dsc"] for one in tumors}
expected = next((demo for demo in RELEASED.values() if demo.keys() == found.keys()), None)
if expected is None:
    sys.exit(f"the tumours {sorted(found)} are those of neither demo")
for key, dsc in found.items():
    print(f"{key[0]}, tumour {key[1]}: DSC {dsc:.3f}, expected {expected[key]:.3f}")
if any(dsc < expected[key] - TOLERANCE for key, dsc in found.items()):
    sys.exit(f"a DSC is more than {TOLERANCE} below the expected one")

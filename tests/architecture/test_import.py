"""Importing is quiet: what a step does not need is not loaded, torch least of all."""

import json
import subprocess
import sys

HEAVY = {"torch", "openvino", "nibabel", "scipy", "matplotlib"}


def loaded_by(code: str) -> set[str]:
    """Names of all modules that a fresh interpreter has loaded after `code`."""
    program = f"import json, sys\n{code}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import lite_ensam") & HEAVY == set()


def test_no_public_name_loads_torch() -> None:
    modules = loaded_by("import lite_ensam\nfor name in lite_ensam.__all__: getattr(lite_ensam, name)")
    assert "lite_ensam.inference" in modules
    assert "torch" not in modules

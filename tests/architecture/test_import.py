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
    assert "lite_ensam.segmentation" in modules
    assert "torch" not in modules


def test_segmenting_an_array_loads_no_other_librarys_images() -> None:
    code = (
        "import lite_ensam\ncase = lite_ensam.make_phantom((24, 64, 64), (4.0, 3.0, 3.0))\n"
        "lite_ensam.segment(case.ct, case.marks, case.grid.spacing_mm)"
    )
    modules = loaded_by(code)
    assert modules & {"torch", "nibabel", "SimpleITK", "itk", "xarray", "pandas"} == set()
    assert "lite_ensam.io.dicom" not in modules


def test_a_command_loads_no_other_and_no_numbers_before_it_is_parsed() -> None:
    modules = loaded_by(
        "import sys\nfrom lite_ensam.cli import main\n"
        "sys.argv[1:] = ['segment', '--help']\nsys.stdout = open(__import__('os').devnull, 'w')\n"
        "try: main()\nexcept SystemExit: sys.stdout = sys.__stdout__"
    )
    assert not {"lite_ensam.cli.train", "lite_ensam.cli.evaluate"} & modules
    assert modules & (HEAVY | {"numpy"}) == set()


def test_the_version_is_said_without_loading_any_command() -> None:
    modules = loaded_by(
        "import sys\nfrom lite_ensam.cli import main\n"
        "sys.argv[1:] = ['--version']\nsys.stdout = open(__import__('os').devnull, 'w')\n"
        "try: main()\nexcept SystemExit: sys.stdout = sys.__stdout__"
    )
    assert not {"lite_ensam.cli.segment", "numpy"} & modules


def test_the_engine_loads_no_converter_until_it_is_asked_for() -> None:
    code = "from lite_ensam.engines.openvino_runtime import import_openvino\nopenvino = import_openvino()"
    assert "openvino.tools.ovc" not in loaded_by(code)
    assert "openvino.tools.ovc" in loaded_by(f"{code}\nassert callable(openvino.convert_model)")


def test_whoever_lists_all_names_needs_no_extra() -> None:
    code = (
        "import sys\nfor name in ('ipywidgets', 'anywidget', 'k3d'): sys.modules[name] = None\n"
        "import inspect, lite_ensam\nfrom lite_ensam import *\n"
        "assert 'explore' in dict(inspect.getmembers(lite_ensam))\n"
        "try: lite_ensam.explore('ct.nii.gz')\n"
        "except lite_ensam.LiteEnsamError as error: assert \"pip install 'lite-ensam[widgets]'\" in str(error)\n"
        "else: raise AssertionError"
    )
    assert "lite_ensam.widgets.explorer" not in loaded_by(code)

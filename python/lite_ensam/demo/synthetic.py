"""The demo that needs nothing: three tumours of the built-in phantom."""

import os
from pathlib import Path

from lite_ensam.datasets.phantom import make_phantom
from lite_ensam.demo.record import DemoRecord, Segmenter, show_cases
from lite_ensam.io import make_folder

__all__ = ["run_demo"]


def run_demo(
    folder: str | os.PathLike[str], *, segment: Segmenter | None = None, overwrite: bool = False
) -> DemoRecord:
    """Segment the phantom and write scan, marks, mask, picture and report into a folder.

    Parameters
    ----------
    folder : str or os.PathLike[str]
        Made if it is missing; gets ct.nii.gz, marks.json, mask.nii.gz, picture.png, report.json.
    segment : Segmenter or None, default None
        None takes the weights that ship with the package.
    overwrite : bool, default False
        Whether existing files may be replaced.

    Returns
    -------
    DemoRecord
        Scores, volumes and written files.

    Raises
    ------
    OutputError
        If a file exists or cannot be written.
    EngineError
        If the weights cannot be used.
    """
    place = Path(folder)
    make_folder(place)
    source = "built-in phantom: made-up anatomy, no patient, no download"
    return show_cases({place: make_phantom()}, place, source, segment, overwrite)

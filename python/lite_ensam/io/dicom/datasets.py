"""One DICOM file, read with plain errors; pydicom and highdicom are imported only here, when they are needed."""

import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from types import ModuleType
from typing import Any, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from lite_ensam.core.errors import CaseError, LiteEnsamError, MissingExtraError, printable
from lite_ensam.core.types import Float64Array, PathLike
from lite_ensam.io.reading import check_input

__all__ = [
    "Dataset",
    "PathLike",
    "is_dicom",
    "keep_identifiers_quiet",
    "load_package",
    "lps_to_ras",
    "read_dataset",
    "read_numbers",
    "said_plainly",
    "translate_dicom_errors",
]

P = ParamSpec("P")
T = TypeVar("T")

Dataset: TypeAlias = Any
"""A pydicom Dataset; the package is imported only where it is used."""

_PREAMBLE = 128
_PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
"""Length of a value that ends with a mark of its own."""


def load_package(name: Literal["pydicom", "highdicom"] = "pydicom") -> ModuleType:
    """One of the packages of the extra `dicom`.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(f"DICOM needs {name}: pip install 'lite-ensam[dicom]'") from error


def is_dicom(path: PathLike) -> bool:
    """Whether a file begins as DICOM files do: 128 bytes of anything, then DICM. False if it cannot be read."""
    try:
        check_input(path)
        with open(path, "rb") as file:
            return file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"
    except (OSError, CaseError):
        return False


@contextmanager
def keep_identifiers_quiet() -> Iterator[None]:
    """No warnings in the block: pydicom's and highdicom's quote values, the patient's name among them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def translate_dicom_errors(
    read: Callable[Concatenate[PathLike, P], T],
) -> Callable[Concatenate[PathLike, P], T]:
    """Let a reader say plainly that its first argument is damaged.

    Values are decoded when they are looked at, and pydicom has an exception of its own for each way in which bytes
    can be none. What it says may quote them, the patient's name too, and is left out.
    """

    @wraps(read)
    def guarded(path: PathLike, /, *arguments: P.args, **named: P.kwargs) -> T:
        try:
            with keep_identifiers_quiet():
                return read(path, *arguments, **named)
        except LiteEnsamError:
            raise
        except MemoryError as error:  # a length that is none, most likely
            raise CaseError(f"{printable(path)}: does not fit into memory") from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the system's own
            what = f"damaged, or not as the standard has it ({type(error).__name__})"
            raise CaseError(f"{printable(path)}: a DICOM file is {what}") from error

    return guarded


@translate_dicom_errors
def read_dataset(path: PathLike, *, voxels: bool = True) -> Dataset:
    """A DICOM file's dataset.

    Parameters
    ----------
    path : the file
    voxels : False stops before them, which is much faster

    Raises
    ------
    CaseError
        If the file is missing, is no DICOM file, or ends too early.
    MissingExtraError
        If pydicom is not installed.
    """
    pydicom = load_package()
    where = printable(path)
    check_input(path)
    try:
        with keep_identifiers_quiet():
            dataset = pydicom.dcmread(path, stop_before_pixels=not voxels)
        _check_whole(dataset)
        return dataset
    except pydicom.errors.InvalidDicomError:
        raise CaseError(f"{where}: is not a DICOM file") from None
    except (EOFError, struct.error, pydicom.errors.BytesLengthException) as error:
        raise CaseError(f"{where}: the file is truncated or damaged ({error}); copy it again") from None
    except OSError as error:
        raise CaseError(f"{where}: cannot be read ({error.strerror or error})") from error


def _check_whole(dataset: Dataset) -> None:
    """EOFError if the file ends inside a value, of which pydicom silently gives what is there.

    A report that was cut off would have fewer lines. Voxels that are cut off are found when they are decoded.
    """
    for element in dataset.values():
        is_raw = isinstance(element, load_package().dataelem.RawDataElement)
        if is_raw and element.tag != _PIXEL_DATA and len(element.value or b"") < element.length < _UNDEFINED:
            raise EOFError(f"it ends inside the element {element.tag}")


def said_plainly(error: Exception) -> str:
    """What an object could not be built for; pydicom says of an attribute that a slice lacks that Python has none."""
    name = getattr(error, "name", None)
    return f"{name} is missing" if isinstance(error, AttributeError) and name else str(error)


def read_numbers(one: Dataset, name: str, count: int) -> Float64Array:
    """A slice's attribute of so many numbers; a `CaseError` names the slice and the attribute."""
    value = one.get(name)
    if value is None or np.size(value) != count:
        where = f"slice {one.get('InstanceNumber', '')}".strip()
        raise CaseError(f"{where}: {name} is missing or is not {count} numbers")
    return np.asarray(value, dtype=np.float64)


def lps_to_ras(points_lps: ArrayLike) -> Float64Array:
    """Points (..., 3) in mm, from DICOM's world to `Grid`'s; the way back is the same."""
    points: Float64Array = np.asarray(points_lps, dtype=np.float64) * (-1.0, -1.0, 1.0)
    return points

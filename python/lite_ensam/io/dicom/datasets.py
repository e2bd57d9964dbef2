"""One DICOM file, read with plain errors; pydicom and highdicom are imported only here, when they are needed."""

import logging
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from lite_ensam.core.errors import CaseError, LiteEnsamError, MissingExtraError, printable
from lite_ensam.core.process_lock import ProcessLock
from lite_ensam.core.types import Float64Array, PathLike
from lite_ensam.io.reading import check_input, opened

__all__ = [
    "Dataset",
    "PathLike",
    "file_name",
    "files_below",
    "is_dicom",
    "keep_identifiers_quiet",
    "load_package",
    "lps_to_ras",
    "read_all_numbers",
    "read_dataset",
    "read_directions",
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

_FIRST_VRS = {b"UL", b"OB", b"UI", b"CS", b"LO", b"SH", b"DA", b"TM", b"DT", b"AE"}
"""Kinds of value that a file without a preamble may begin with, in group 2 or 8."""

_LONGEST_FIRST_VALUE = 256
_ROUNDED = 0.02
"""By how much direction cosines of two decimals may miss length 1 and right angles: 0.9 and 1.7 % at worst."""

_LARGEST_INFLATED = 512 << 20
"""Bytes of a deflated file when inflated: about a thousand slices. Deflate reaches 1,000 to 1."""


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
    """Tell whether a file begins as DICOM files do; False if it cannot be read.

    That is 128 bytes of anything, then DICM; or, as some archives keep them, at once with an element of group 2 or 8.

    Parameters
    ----------
    path : PathLike
        Any file.

    Returns
    -------
    bool
        True for a DICOM file.
    """
    try:
        check_input(path)
        with open(path, "rb") as file:
            start = file.read(_PREAMBLE + 4)
    except (OSError, CaseError):
        return False
    return _has_preamble(start) or (_begins_with_element(start) and _names_its_kind(path))


def files_below(folder: PathLike) -> tuple[list[Path], list[Path]]:
    """Files of a folder and its subfolders, sorted; and links that lead nowhere.

    Links to folders are followed, each folder once, so that a link to a folder above does no harm.

    Raises
    ------
    OSError
        If a folder cannot be listed: what it holds would be missing without a word.
    """
    files, dead, seen = [], [], set()

    def refuse(error: OSError) -> None:
        raise error

    for where, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        status = os.stat(where)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        for path in (Path(where, name) for name in names):
            if path.is_file():
                files.append(path)
            elif path.is_symlink() and not path.exists():
                dead.append(path)
    return sorted(files), sorted(dead)


@contextmanager
def keep_identifiers_quiet() -> Iterator[None]:
    """No warnings in the block, and values are taken as they are: both quote them, the patient's name among them.

    Warnings, loggers and pydicom's checks belong to the whole process. The first thread that enters switches them off,
    and the last one that leaves switches them on again.
    """
    _silence.enter()
    try:
        yield
    finally:
        _silence.leave()


class _Silence:
    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._n_inside = 0
        self._undo = ExitStack()

    def enter(self) -> None:
        with self._lock:
            if not self._n_inside:
                with ExitStack() as stack:
                    stack.enter_context(warnings.catch_warnings())
                    warnings.simplefilter("ignore")
                    stack.enter_context(load_package().config.disable_value_validation())
                    for logger in map(logging.getLogger, ("pydicom", "highdicom")):
                        stack.callback(logger.setLevel, logger.level)
                        logger.setLevel(logging.CRITICAL)
                    self._undo = stack.pop_all()
            self._n_inside += 1

    def leave(self) -> None:
        with self._lock:
            self._n_inside -= 1
            if not self._n_inside:
                self._undo.close()


_silence = _Silence()


def translate_dicom_errors(
    read: Callable[Concatenate[PathLike, P], T],
) -> Callable[Concatenate[PathLike, P], T]:
    """Let a reader say plainly that its first argument is damaged.

    pydicom decodes a value at its first use, and raises a different exception for each kind of invalid bytes. Its
    messages may quote the value, even the patient's name, so they are left out.
    """

    @wraps(read)
    def guarded(path: PathLike, /, *arguments: P.args, **named: P.kwargs) -> T:
        try:
            with keep_identifiers_quiet():
                return read(path, *arguments, **named)
        except LiteEnsamError:
            raise
        except MemoryError as error:  # most likely a damaged length
            raise CaseError(f"{printable(path)}: does not fit into memory") from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the system's own
            what = f"damaged, or not as the standard has it ({type(error).__name__})"
            raise CaseError(f"{printable(path)}: a DICOM file is {what}") from None

    return guarded


@translate_dicom_errors
def read_dataset(path: PathLike, *, voxels: bool = True, only: tuple[str, ...] | None = None) -> Dataset:
    """Read the dataset of a DICOM file, with or without a preamble and meta information.

    Parameters
    ----------
    path : PathLike
        The file.
    voxels : bool, default True
        False stops before them, which is much faster.
    only : tuple[str, ...] or None, default None
        Keywords of the elements that are wanted; None takes all.

    Returns
    -------
    Dataset
        The dataset.

    Raises
    ------
    CaseError
        If the file is missing, is not DICOM, ends too early, or would be too large when inflated.
    MissingExtraError
        If pydicom is not installed.
    """
    pydicom = load_package()
    where = printable(path)
    check_input(path)
    try:
        with opened(path) as file:
            start = file.read(_PREAMBLE + 4)
            if not _has_preamble(start) and not _begins_with_element(start):
                raise CaseError("is not a DICOM file")
            with keep_identifiers_quiet():
                _check_inflated_size(file, _PREAMBLE + 4 if _has_preamble(start) else 0)
                dataset = pydicom.dcmread(path, stop_before_pixels=not voxels, force=True, specific_tags=only)
                for name in only or ():
                    dataset.get(name)  # decoded here, where damage is said plainly
        _check_whole(dataset)
    except (EOFError, struct.error, pydicom.errors.BytesLengthException, zlib.error):
        raise CaseError(f"{where}: the file is truncated or damaged; copy it again") from None
    except OSError as error:
        raise CaseError(f"{where}: cannot be read ({error.strerror or type(error).__name__})") from None
    if not dataset.file_meta.get("TransferSyntaxUID"):
        dataset.file_meta.TransferSyntaxUID = _guessed_syntax(dataset)
    return dataset


def _has_preamble(start: bytes) -> bool:
    return start[_PREAMBLE:] == b"DICM"


def _begins_with_element(start: bytes) -> bool:
    """Whether bytes begin with an element of group 2 or 8, with its kind of value written or implied."""
    if len(start) < 8:
        return False
    little, big = int.from_bytes(start[:2], "little"), int.from_bytes(start[:2], "big")
    if start[4:6] in _FIRST_VRS:
        return little in (2, 8) or big == 8
    element, length = int.from_bytes(start[2:4], "little"), int.from_bytes(start[4:8], "little")
    return little == 8 and element < 0x100 and length <= _LONGEST_FIRST_VALUE and length % 2 == 0


def _names_its_kind(path: PathLike) -> bool:
    """Whether a file without a preamble says what it is; True of a damaged one, whose reader will say so."""
    kinds = ("Modality", "SOPClassUID")
    try:
        with keep_identifiers_quiet():
            header = load_package().dcmread(path, stop_before_pixels=True, force=True, specific_tags=kinds)
        return any(name in header for name in kinds)
    except Exception:
        return True


def _guessed_syntax(dataset: Dataset) -> str:
    """How a file without meta information is written, as pydicom has found out from its first element."""
    uids = load_package().uid
    is_implicit, is_little_endian = dataset.original_encoding
    if not is_little_endian:
        return str(uids.ExplicitVRBigEndian)
    return str(uids.ImplicitVRLittleEndian if is_implicit else uids.ExplicitVRLittleEndian)


def _check_inflated_size(file: BinaryIO, meta_at: int) -> None:
    """CaseError if a deflated dataset is too large; it is inflated piece by piece, and nothing of it is kept."""
    pydicom = load_package()
    file.seek(meta_at)
    meta = pydicom.filereader.read_dataset(
        file, False, True, stop_when=lambda tag, vr, length: tag.group != 2, specific_tags=None
    )
    if meta.get("TransferSyntaxUID") != pydicom.uid.DeflatedExplicitVRLittleEndian:
        return
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while piece := file.read(1 << 16):
        size += len(inflater.decompress(piece))
        if size > _LARGEST_INFLATED:
            raise CaseError(
                f"is more than {_LARGEST_INFLATED >> 20} MiB when inflated, expected less of a deflated DICOM file; "
                "store it uncompressed if it is meant"
            )


def _check_whole(dataset: Dataset) -> None:
    """EOFError if the file ends inside a value, of which pydicom silently gives what is there.

    A report that was cut off would have fewer lines. Voxels that are cut off are found when they are decoded.
    """
    for element in dataset.values():
        is_raw = isinstance(element, load_package().dataelem.RawDataElement)
        if is_raw and element.tag != _PIXEL_DATA and len(element.value or b"") < element.length < _UNDEFINED:
            raise EOFError


def said_plainly(error: Exception) -> str:
    """The reason why an object could not be built: the attribute that a slice lacks. Values are not quoted."""
    name = getattr(error, "name", None)
    if isinstance(error, AttributeError) and name:
        return f"{name} is missing"
    return f"a value is not as the standard has it ({type(error).__name__})"


def file_name(one: Dataset) -> str:
    """The name of an image in messages: its file's name, and for multi-frame files the frame number."""
    name = Path(str(getattr(one, "filename", "") or "a slice")).name
    frame = one.get("ReferencedFrameNumber")
    return printable(name) if frame is None else f"{printable(name)}, frame {frame}"


def read_numbers(one: Dataset, name: str, count: int) -> Float64Array:
    """A slice's attribute of so many numbers; a `CaseError` names the file and the attribute."""
    try:
        value = one.get(name)
        numbers = np.asarray(value, dtype=np.float64)
    except Exception:  # as a comma for a point; pydicom's message quotes it
        value = None
    if value is None or np.size(value) != count or not np.isfinite(numbers).all():
        what = "a number" if count == 1 else f"{count} numbers"
        raise CaseError(f"{file_name(one)}: {name} is missing or is not {what}")
    return numbers


def read_directions(one: Dataset) -> Float64Array:
    """Unit vectors (2, 3), at right angles, along which a slice's columns and rows grow: ImageOrientationPatient.

    The standard wants them so (PS3.3, C.7.6.2.1.1), but some programs round them to two decimals: every distance
    between slices would be wrong by as much.

    Raises
    ------
    CaseError
        If they are missing, or are not so even before rounding.
    """
    row, column = read_numbers(one, "ImageOrientationPatient", 6).reshape(2, 3)
    lengths = np.linalg.norm([row, column], axis=1)
    if np.abs(lengths - 1).max() > _ROUNDED or abs(row @ column) > _ROUNDED:
        raise CaseError(
            f"{file_name(one)}: ImageOrientationPatient must be two vectors of length 1 at right angles, got lengths "
            f"{lengths[0]:.3g} and {lengths[1]:.3g} and the scalar product {row @ column:.3g}: export the scan again"
        )
    row = row / lengths[0]
    column = column - (row @ column) * row
    return np.array([row, column / np.linalg.norm(column)])


def read_all_numbers(item: Dataset, name: str) -> Float64Array:
    """Numbers of an attribute of any length, none if it is missing; ValueError if there is something else.

    Explicit transfer syntaxes count the bytes of numbers up to 64 KiB: what is longer stands there as of unknown type
    (UN; PS3.5, 6.2.2), in bytes as they would be in the implicit one.
    """
    data = item.get(name)
    if not isinstance(data, bytes):
        return np.array([] if data is None else data, dtype=np.float64).ravel()
    if load_package().datadict.dictionary_VR(name) == "DS":
        return np.array([float(text) for text in data.rstrip(b" \0").split(b"\\")])
    return np.frombuffer(data[: len(data) // 4 * 4], dtype="<f4").astype(np.float64)


def lps_to_ras(points_lps: ArrayLike) -> Float64Array:
    """Points (..., 3) in mm, from DICOM's world to `Grid`'s; the way back is the same."""
    points: Float64Array = np.asarray(points_lps, dtype=np.float64) * (-1.0, -1.0, 1.0)
    return points

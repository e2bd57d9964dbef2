"""Files for the io tests, written by nibabel and NumPy, not by what is tested."""

import gzip
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

# Byte offsets of NIfTI-1 header fields.
DIM, DATATYPE, PIXDIM, VOX_OFFSET = 40, 70, 76, 108
SCL_SLOPE, SCL_INTER, XYZT_UNITS, QFORM_CODE, SFORM_CODE = 112, 116, 123, 252, 254

AFFINE = np.array([[-0.8, 0, 0, 30], [0, -0.7, 0, 40], [0, 0, 2.5, -90], [0, 0, 0, 1.0]])
"""As scanners write it: x to the left, y to the back, z to the head."""


def oblique_affine() -> np.ndarray:
    turn = np.eye(4)
    for i, j, angle in ((0, 1, 0.3), (1, 2, -0.25), (0, 2, 0.1)):
        step = np.eye(4)
        step[i, i] = step[j, j] = math.cos(angle)
        step[i, j], step[j, i] = -math.sin(angle), math.sin(angle)
        turn = turn @ step
    return turn @ AFFINE


def voxels(shape: tuple[int, ...] = (7, 6, 5), dtype: Any = np.int16) -> np.ndarray:
    """Every voxel has its own value, and a file's axis order cannot be mistaken."""
    return (np.arange(math.prod(shape)).reshape(shape) - (0 if np.dtype(dtype).kind == "u" else 100)).astype(
        dtype
    )


def save_nifti(
    path: Path,
    array_ijk: np.ndarray | None = None,
    affine: np.ndarray = AFFINE,
    *,
    version: int = 1,
    order: str = "<",
) -> Path:
    array = voxels() if array_ijk is None else array_ijk
    header = (nib.Nifti1Header if version == 1 else nib.Nifti2Header)(endianness=order)
    header.set_data_dtype(array.dtype)
    image = (nib.Nifti1Image if version == 1 else nib.Nifti2Image)(array, affine, header)
    nib.save(image, path)
    return path


def patch(path: Path, offset: int, fmt: str, *values: float) -> Path:
    """Overwrite header bytes of an uncompressed file."""
    content = bytearray(path.read_bytes())
    struct.pack_into(fmt, content, offset, *values)
    path.write_bytes(content)
    return path


def gzipped(path: Path) -> Path:
    target = path.with_name(path.name + ".gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def save_flare(path: Path, **changes: Any) -> Path:
    """A FLARE case: (z, y, x) of (5, 6, 7), two lines; a value of None drops the key."""
    imgs = (np.arange(5 * 6 * 7).reshape(5, 6, 7) % 256).astype(np.uint8)
    recist = np.zeros((5, 6, 7), dtype=np.uint8)
    recist[1, 2, 1:6] = 1
    recist[3, 1:5, 4] = 2
    arrays = {
        "imgs": imgs,
        "recist": recist,
        "spacing": np.array([0.8, 0.7, 2.5]),
        "origin": np.array([-30.0, -40.0, -90.0]),
        "direction": np.eye(3).ravel(),
    } | changes
    np.savez_compressed(path, **{key: array for key, array in arrays.items() if array is not None})
    return path


def swelling(path: Path, name: str, n_mib: int) -> Path:
    """Add to an .npz a member that inflates to `n_mib` MiB of zeros, about 1 kB for each."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    # after a full flush a block stands alone: any number of copies of it are a stream
    block = deflate.compress(bytes(2**20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    with zipfile.ZipFile(path, "a") as archive:
        start = archive.start_dir
        archive.writestr(name, block * n_mib + b"\3\0")
    content = bytearray(path.read_bytes())
    for header, method, size in (
        (content.index(b"PK\3\4", start), 8, 22),
        (content.rindex(b"PK\1\2"), 10, 24),
    ):
        struct.pack_into("<H", content, header + method, zipfile.ZIP_DEFLATED)
        struct.pack_into("<I", content, header + size, n_mib << 20)
    path.write_bytes(content)
    return path

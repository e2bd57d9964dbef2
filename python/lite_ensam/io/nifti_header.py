"""NIfTI-1 and NIfTI-2 headers: fields, affine and voxel type, and a plain header for arrays without one.

Own code: importing nibabel takes longer than reading a scan. The tests hold every answer against nibabel's.
"""

from __future__ import annotations

import struct
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lite_ensam.core.errors import CaseError
from lite_ensam.core.types import Float64Array

__all__ = ["NiftiHeader"]

_FIELDS_1 = (
    "sizeof_hdr i4, data_type S10, db_name S18, extents i4, session_error i2, regular S1, dim_info u1, dim 8i2, "
    "intent_p1 f4, intent_p2 f4, intent_p3 f4, intent_code i2, datatype i2, bitpix i2, slice_start i2, pixdim 8f4, "
    "vox_offset f4, scl_slope f4, scl_inter f4, slice_end i2, slice_code u1, xyzt_units u1, cal_max f4, cal_min f4, "
    "slice_duration f4, toffset f4, glmax i4, glmin i4, descrip S80, aux_file S24, qform_code i2, sform_code i2, "
    "quatern_b f4, quatern_c f4, quatern_d f4, qoffset_x f4, qoffset_y f4, qoffset_z f4, "
    "srow_x 4f4, srow_y 4f4, srow_z 4f4, intent_name S16, magic S4"
)
_FIELDS_2 = (
    "sizeof_hdr i4, magic S4, eol_check 4i1, datatype i2, bitpix i2, dim 8i8, intent_p1 f8, intent_p2 f8, "
    "intent_p3 f8, pixdim 8f8, vox_offset i8, scl_slope f8, scl_inter f8, cal_max f8, cal_min f8, "
    "slice_duration f8, toffset f8, slice_start i8, slice_end i8, descrip S80, aux_file S24, qform_code i4, "
    "sform_code i4, quatern_b f8, quatern_c f8, quatern_d f8, qoffset_x f8, qoffset_y f8, qoffset_z f8, "
    "srow_x 4f8, srow_y 4f8, srow_z 4f8, slice_code i4, xyzt_units i4, intent_code i4, intent_name S16, "
    "dim_info u1, unused_str S15"
)
_EOL_CHECK = (13, 10, 26, 10)
_MM = 2

_DTYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_NOT_REAL = {
    1: "bits", 32: "complex64", 128: "RGB colours", 1536: "128-bit floats",
    1792: "complex128", 2048: "complex256", 2304: "RGBA colours",
}  # fmt: skip


def _structure(fields: str) -> np.dtype[Any]:
    def one(text: str) -> tuple[Any, ...]:
        name, kind = text.split()
        return (name, kind[1:], (int(kind[0]),)) if kind[0].isdigit() else (name, kind)

    return np.dtype([one(text) for text in fields.split(", ")])


_STRUCTURES = {348: _structure(_FIELDS_1), 540: _structure(_FIELDS_2)}


class NiftiHeader:
    """The header of a NIfTI file as it lies in the file; fields are read and set by name, `header["dim"]`.

    Parameters
    ----------
    fields : NDArray[Any]
        A structured array of no dimension, in either byte order.
    """

    def __init__(self, fields: NDArray[Any]) -> None:
        self._fields = fields

    @staticmethod
    def size_of(start: bytes) -> tuple[int, Literal["<", ">"]] | None:
        """Bytes (348 or 540) and byte order ("<" or ">") of a header by its first four bytes; None for other files."""
        if len(start) < 4:
            return None
        orders: tuple[Literal["<", ">"], ...] = ("<", ">")
        found = ((struct.unpack(order + "i", start[:4])[0], order) for order in orders)
        return next(((size, order) for size, order in found if size in _STRUCTURES), None)

    @classmethod
    def from_bytes(cls, block: bytes) -> NiftiHeader:
        """Header of a block that `size_of` knows."""
        found = cls.size_of(block)
        if found is None:
            raise CaseError("is not a NIfTI image" + ("" if block else " (the file is empty)"))
        size, order = found
        return cls(np.frombuffer(block[:size], _STRUCTURES[size].newbyteorder(order))[0].copy().reshape(()))

    @classmethod
    def plain(cls, shape_ijk: tuple[int, int, int], affine_ijk: Float64Array) -> NiftiHeader:
        """Header of an array without a file: NIfTI-1 (2 if too long), mm, qform and sform the same."""
        fits_nifti1 = max(shape_ijk) <= np.iinfo(np.int16).max
        size = 348 if fits_nifti1 else 540
        header = cls(np.zeros((), _STRUCTURES[size].newbyteorder("<")))
        header["sizeof_hdr"] = size
        header["magic"] = header.single_magic
        if fits_nifti1:
            header["regular"] = b"r"
        else:
            header["eol_check"] = _EOL_CHECK
        header["dim"] = (3, *shape_ijk, 1, 1, 1, 1)
        header["pixdim"] = 1
        header["xyzt_units"] = _MM
        header["qform_code"] = header["sform_code"] = 1  # scanner
        for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
            header[name] = affine_ijk[row]
        header._set_qform(affine_ijk)
        return header

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._fields[name] = value

    @property
    def size(self) -> int:
        """Bytes of the header, 348 or 540."""
        return self._fields.dtype.itemsize

    @property
    def single_magic(self) -> bytes:
        """Value of `magic` in a file that holds header and voxels."""
        return b"n+1" if self.size == 348 else b"n+2"

    @property
    def pair_magic(self) -> bytes:
        """Value of `magic` in the .hdr of a pair of files."""
        return b"ni1" if self.size == 348 else b"ni2"

    @property
    def lowest_offset(self) -> int:
        """First byte that voxels may begin at: behind the header and its four bytes of extension flags."""
        return self.size + 4

    def to_little_endian(self) -> NiftiHeader:
        """A copy, little-endian."""
        return NiftiHeader(self._fields.astype(self._fields.dtype.newbyteorder("<")))

    def to_bytes(self) -> bytes:
        """The block as it stands in a file."""
        return self._fields.tobytes()

    def set_dtype(self, dtype: np.dtype[Any]) -> None:
        """Say which real type the voxels have."""
        code = next(code for code, name in _DTYPES.items() if np.dtype(name) == dtype.newbyteorder("="))
        self["datatype"], self["bitpix"] = code, 8 * dtype.itemsize

    def dtype(self) -> np.dtype[Any]:
        """Type of the voxels in the file's byte order; CaseError if they are not real numbers."""
        code = int(self["datatype"])
        if code in _NOT_REAL:
            raise CaseError(
                f"voxels must be real numbers of 8 to 64 bits, the file stores {_NOT_REAL[code]} "
                f"(NIfTI datatype {code})"
            )
        if code not in _DTYPES:
            raise CaseError(f"unknown voxel type (NIfTI datatype {code})")
        return np.dtype(_DTYPES[code]).newbyteorder(self._fields.dtype["dim"].base.byteorder)

    def affine(self) -> Float64Array:
        """(4, 4), file index (i, j, k, 1) to world mm: sform, else qform, else spacing around the middle.

        Raises
        ------
        CaseError
            If the qform's quaternion is invalid.
        """
        affine = np.eye(4)
        if self["sform_code"] > 0:
            affine[:3] = [self[name] for name in ("srow_x", "srow_y", "srow_z")]
        elif self["qform_code"] > 0:
            spacing = self["pixdim"][1:4].astype(np.float64)
            spacing[2] *= -1 if self["pixdim"][0] < 0 else 1
            affine[:3, :3] = _rotation(*self._quaternion()) * spacing
            affine[:3, 3] = [self[f"qoffset_{axis}"] for axis in "xyz"]
        else:
            spacing = self["pixdim"][1:4] * np.array([-1.0, 1.0, 1.0])
            affine[:3, :3] = np.diag(spacing)
            affine[:3, 3] = -spacing * (self["dim"][1:4].astype(np.float64) - 1) / 2
        return affine

    def _quaternion(self) -> tuple[float, float, float, float]:
        b, c, d = (float(self[f"quatern_{name}"]) for name in "bcd")
        rest = 1.0 - (b * b + c * c + d * d)
        rounding = 3 * np.finfo(self["quatern_b"].dtype).eps
        if not rest > -rounding:
            raise CaseError(
                "the header's orientation (qform) makes no sense: its quaternion is longer than 1 "
                f"(1 - b^2 - c^2 - d^2 = {rest:g})"
            )
        return (0.0 if rest < rounding else float(np.sqrt(rest))), b, c, d

    def _set_qform(self, affine: Float64Array) -> None:
        """Quaternion, offset and spacing of an affine without shear."""
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        turn = affine[:3, :3] / spacing
        mirrored = np.linalg.det(turn) < 0
        if mirrored:
            turn[:, 2] *= -1
        left, _, right = np.linalg.svd(turn)
        (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = left @ right
        # the quaternion is the eigenvector of the largest eigenvalue (Bar-Itzhack 2000)
        symmetric = np.array([
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ])  # fmt: skip
        quaternion = np.linalg.eigh(symmetric)[1][:, -1]
        *bcd, a = quaternion / np.linalg.norm(
            quaternion
        )  # one a few digits longer than 1 is refused by readers
        for name, value in zip("bcd", bcd, strict=True):
            self[f"quatern_{name}"] = -value if a < 0 else value
        for row, name in enumerate("xyz"):
            self[f"qoffset_{name}"] = affine[row, 3]
        self["pixdim"][:4] = (-1 if mirrored else 1, *spacing)


def _rotation(a: float, b: float, c: float, d: float) -> Float64Array:
    """Rotation matrix of a unit quaternion (a the real part), as the NIfTI standard writes it."""
    return np.array([
        [a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c],
        [2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b],
        [2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - c * c - b * b],
    ])  # fmt: skip

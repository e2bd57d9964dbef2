"""The one part of a multipart answer, copied as it comes; an answer that ends before its boundary is not whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["CutOffError", "write_part"]

_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)', re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"
_LONGEST_HEAD = 1 << 16


class CutOffError(Exception):
    """An answer is not whole, or not what was asked for; another try may help."""


def write_part(content_type: str, pieces: Iterator[bytes], file: BinaryIO) -> None:
    """Copy the first part of a multipart body, or all of a body that is not multipart.

    Parameters
    ----------
    content_type : str
        Content-Type header of the answer.
    pieces : Iterator[bytes]
        Pieces of its body.
    file : BinaryIO
        File that the content of the part is written to.

    Raises
    ------
    CutOffError
        If the body ends before the boundary that closes the part.
    """
    if not content_type.lower().startswith("multipart/"):
        for piece in pieces:
            file.write(piece)
        return
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise CutOffError("sends an answer without the boundary of its parts")
    buffer = _after_head(pieces)
    delimiter = b"\r\n--" + found[1].encode()
    keep = len(delimiter) - 1  # that many bytes may be the delimiter's beginning
    while (at := buffer.find(delimiter)) < 0:
        piece = next(pieces, b"")
        if not piece:
            raise CutOffError("breaks off in the middle of a file")
        file.write(buffer[:-keep])
        buffer = buffer[-keep:] + piece
    file.write(buffer[:at])
    for _ in pieces:  # the connection serves again only when all was read
        pass


def _after_head(pieces: Iterator[bytes]) -> bytes:
    """The bytes after the head of the part that were read so far."""
    buffer = b""
    for piece in pieces:
        buffer += piece
        head, end, rest = buffer.partition(_END_OF_HEAD)
        if end:
            return rest
        if len(head) > _LONGEST_HEAD:
            break
    raise CutOffError("breaks off in the middle of a file")

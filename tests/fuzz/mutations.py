"""Files gone wrong: bytes of a good file, changed in a few places by hypothesis."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable

from hypothesis import strategies as st

_BYTES = st.sampled_from([0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]) | st.integers(0, 255)
_NUMBERS = (
    b"\0\0",
    b"\xff\xff",
    b"\x7f\xff",
    b"\xff\x7f\xff\xff",
    b"\0\0\x80\x7f",
    b"\0\0\xc0\x7f",
    b"\x80\0\0\0",
)
_TOKENS = (
    *_NUMBERS, b"NaN", b"Infinity", b"1e999", b"-1", b"0", b"null", b"true", b"[]", b"{}", b'""', b"\\u0000",
    b"\\ud800", b"9" * 5000, b"[" * 2000, b",,,", b"\n", b'"', b"\xef\xbb\xbf", b"\xc3\x28",
    b"../", b"\r", b"1_0", "٣".encode(),
)  # fmt: skip
"""What parsers stumble over: ends of integer ranges, floats that are none, texts that are no numbers."""


@st.composite
def mutated(draw: st.DrawFn, good: bytes, other: bytes) -> bytes:
    """Good bytes after one to six changes; `other` is where foreign pieces come from."""
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["flip", "set", "cut", "token", "over", "delete", "repeat", "splice"]))
        length = draw(st.integers(1, 40))
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set" and at < len(content):
            content[at] = draw(_BYTES)
        elif kind == "cut":
            del content[at:]
        elif kind == "token":
            content[at:at] = draw(st.sampled_from(_TOKENS))
        elif kind == "over":
            token = draw(st.sampled_from(_TOKENS))
            content[at : at + len(token)] = token
        elif kind == "delete":
            del content[at : at + length]
        elif kind == "repeat":
            content[at:at] = content[at : at + length] * draw(st.integers(1, 3))
        elif other:
            start = draw(st.integers(0, len(other) - 1))
            content[at:at] = other[start : start + length]
    return bytes(content)


def inside_gzip(good: bytes, other: bytes) -> st.SearchStrategy[bytes]:
    """Changes of what is compressed, and of the compressed stream."""
    inner = mutated(gzip.decompress(good), gzip.decompress(other)).map(
        lambda content: gzip.compress(content, 1)
    )
    return inner | mutated(good, other)


def inside_zip(good: bytes, other: bytes) -> st.SearchStrategy[bytes]:
    """Changes of one member of an archive, and of the archive itself."""
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}

    def packed(name: str, content: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for each, bytes_ in (members | {name: content}).items():
                archive.writestr(each, bytes_)
        return file.getvalue()

    one = st.sampled_from(sorted(members)).flatmap(
        lambda name: mutated(members[name], other).map(lambda content: packed(name, content))
    )
    return one | mutated(good, other)


Strategy = Callable[[bytes, bytes], st.SearchStrategy[bytes]]

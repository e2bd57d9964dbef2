"""stdout and stderr of a command: they print any file name, and end no work when their reader goes away."""

from __future__ import annotations

import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any

__all__ = ["harden"]


class _UnheardFile(FileIO):
    """The file of a stream. If its reader has gone (`| head`), what is written is lost and the work goes on.

    The files are what was asked for, and a run of hours must not end for a line that nobody reads.
    """

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(content)


def harden() -> None:
    """Prepare the streams of this process; those that somebody else has put in their places keep their files."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, TextIOWrapper):
            continue
        if stream is getattr(sys, f"__{name}__") and not stream.isatty():
            file = BufferedWriter(_UnheardFile(stream.fileno(), "w", closefd=False))
            buffering = {"line_buffering": stream.line_buffering, "write_through": stream.write_through}
            stream = TextIOWrapper(file, stream.encoding, **buffering)
            setattr(sys, name, stream)
        # a file name that the terminal cannot show is no error
        stream.reconfigure(errors="backslashreplace")

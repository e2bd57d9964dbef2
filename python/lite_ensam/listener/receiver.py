"""C-STORE from an archive (PS3.4, B): objects of CT studies into the inbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from lite_ensam.core.errors import LiteEnsamError, OutputError
from lite_ensam.io.dicom.datasets import load_package
from lite_ensam.io.dicom.segmentation import NAME
from lite_ensam.io.pacs.dimse import load_pynetdicom
from lite_ensam.listener.inbox import Inbox

__all__ = ["receiving"]

_KINDS = (
    "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2",  # CT
    "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.481.3",
)  # fmt: skip
"""SOP classes: slices, enhanced and legacy converted CT; basic text to comprehensive 3D SR; GSPS, RTSTRUCT."""

_SYNTAXES = (
    "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.1.99",
)  # fmt: skip
"""Transfer syntaxes that files may be read in: uncompressed, RLE, JPEG-LS, JPEG 2000, lossless JPEG, deflated."""

_SUCCESS, _NO_ROOM, _NOT_THIS_KIND, _NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000
_MOST_ASSOCIATIONS = 10
_IDLE_S = 60.0
"""An association on which nothing comes for so long is ended."""


@contextmanager
def receiving(
    inbox: Inbox,
    host: str,
    port: int,
    title: str,
    senders: Sequence[str],
    say: Callable[[str], None],
) -> Iterator[None]:
    """Take objects in threads of their own while the block runs.

    Parameters
    ----------
    inbox : Inbox
        Inbox that the objects are stored in.
    host : str
        Host name or address to listen on.
    port : int
        TCP port to listen on.
    title : str
        AE title that senders must call.
    senders : Sequence[str]
        AE titles that may send; an empty sequence accepts all.
    say : Callable[[str], None]
        Called with one sentence when something fails.

    Raises
    ------
    OutputError
        If nobody can listen at this place.
    MissingExtraError
        If pynetdicom is not installed.
    """
    package = load_pynetdicom()
    pydicom = load_package()
    application = package.AE(title)
    for kind in _KINDS:
        application.add_supported_context(kind, list(_SYNTAXES))
    application.add_supported_context("1.2.840.10008.1.1")  # C-ECHO: is anybody there?
    application.require_called_aet = True
    application.require_calling_aet = list(senders)
    application.maximum_associations = _MOST_ASSOCIATIONS
    application.network_timeout = _IDLE_S

    def store(event: Any) -> int:
        try:
            data = event.encoded_dataset()
            header = pydicom.dcmread(
                BytesIO(data), stop_before_pixels=True, specific_tags=["StudyInstanceUID", "Manufacturer"]
            )
            study, instance = (
                str(header.get("StudyInstanceUID") or ""),
                str(event.request.AffectedSOPInstanceUID),
            )
            is_own = str(header.get("Manufacturer") or "") == NAME
        except Exception:  # pydicom has many for bytes that are not DICOM
            say("an object that cannot be read was refused")
            return _NOT_UNDERSTOOD
        if not study:
            say("an object without a study was refused")
            return _NOT_THIS_KIND
        if is_own:  # archives send on what we have sent to them
            return _SUCCESS
        try:
            inbox.put(study, instance, data, id(event.assoc))
        except (LiteEnsamError, OSError) as error:
            say(f"an object was refused: {error}")
            return _NO_ROOM if isinstance(error, OutputError) else _NOT_UNDERSTOOD
        return _SUCCESS

    def ended(event: Any) -> None:
        inbox.close(id(event.assoc))

    events = package.evt
    handlers: list[tuple[Any, Callable[[Any], Any]]] = [(events.EVT_C_STORE, store)]
    handlers += [(one, ended) for one in (events.EVT_RELEASED, events.EVT_ABORTED, events.EVT_CONN_CLOSE)]
    try:
        server = application.start_server((host, port), block=False, evt_handlers=handlers)
    except OSError as error:
        raise OutputError(
            f"cannot listen at {host}:{port}: {error.strerror or type(error).__name__}; choose another --port"
        ) from None
    try:
        yield
    finally:
        server.shutdown()

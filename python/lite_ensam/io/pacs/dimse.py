"""C-STORE (PS3.7, 9.1.1): DICOM files to an application that listens for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lite_ensam.core.errors import ArchiveError, MissingExtraError
from lite_ensam.io.dicom.datasets import keep_identifiers_quiet, read_dataset
from lite_ensam.io.pacs.address import AeAddress
from lite_ensam.io.pacs.store_status import UNCONFIRMED, StoreOutcome

__all__ = ["OWN_TITLE", "load_pynetdicom", "store"]

OWN_TITLE = "LITE-ENSAM"
"""AE title that we call ourselves by."""

CONNECT_S, ANSWER_S = 10.0, 120.0
WAITS_S = (0.5, 1.0)
"""Seconds between tries to connect."""

_NO_SUCH_KIND = 0x0122
_WARNING = 0xB000


def load_pynetdicom() -> ModuleType:
    """Import pynetdicom and switch its log off, because it quotes UIDs and names of patients."""
    try:
        package = import_module("pynetdicom")
    except ImportError as error:
        raise MissingExtraError("C-STORE needs pynetdicom: pip install 'lite-ensam[pacs]'") from error
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
    return package


def store(files: Mapping[str, Path], to: AeAddress) -> StoreOutcome:
    """Send files one after the other, in the order given.

    Parameters
    ----------
    files : Mapping[str, Path]
        Files by SOPInstanceUID.
    to : AeAddress
        Application that the files are sent to.

    Raises
    ------
    ArchiveError
        If the connection fails or breaks.
    MissingExtraError
        If pynetdicom is not installed.
    """
    package = load_pynetdicom()
    with keep_identifiers_quiet():
        datasets = {uid: read_dataset(path) for uid, path in files.items()}
        application = package.AE(OWN_TITLE)
        application.connection_timeout = application.acse_timeout = CONNECT_S
        application.dimse_timeout = application.network_timeout = ANSWER_S
        for kind, syntax in {(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in datasets.values()}:
            application.add_requested_context(kind, syntax)
        association = application.associate(to.host, to.port, ae_title=to.title)
        for wait_s in WAITS_S:
            if association.is_established or association.is_rejected or association.rejected_contexts:
                break
            time.sleep(wait_s)
            association = application.associate(to.host, to.port, ae_title=to.title)
        where = f"{to.title} at {to.host}:{to.port}"
        if association.is_rejected:
            raise ArchiveError(
                f"{where}: refuses the connection; register the AE title {OWN_TITLE} there, and check the archive's "
                "AE title in the address"
            )
        if not association.is_established and association.rejected_contexts:
            kinds = sorted({context.abstract_syntax.name for context in association.rejected_contexts})
            raise ArchiveError(
                f"{where}: does not accept {', '.join(kinds)} in the transfer syntax of these files"
            )
        if not association.is_established:
            raise ArchiveError(f"{where}: cannot be reached, or does not answer")
        refused: dict[str, int] = {}
        try:
            for uid, one in datasets.items():
                if not association.is_established:
                    refused[uid] = UNCONFIRMED
                    continue
                try:
                    status = association.send_c_store(one).get("Status", UNCONFIRMED)
                except ValueError:  # none of the presentation contexts was accepted
                    status = _NO_SUCH_KIND
                if status != 0 and status & 0xF000 != _WARNING:
                    refused[uid] = status
        finally:
            if association.is_established:
                association.release()
        return StoreOutcome(refused)

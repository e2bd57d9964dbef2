"""Addresses of studies in an archive (PACS) and of places that results are sent to."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from lite_ensam.core.errors import ArgumentError, CaseError, brief
from lite_ensam.io.reading import read_text

__all__ = ["PLAIN_HTTP", "TOKEN", "TOKEN_FILE", "AeAddress", "StudyAddress", "WebRoot", "token_for"]

PLAIN_HTTP, TOKEN, TOKEN_FILE = "LITE_ENSAM_PLAIN_HTTP", "LITE_ENSAM_TOKEN", "LITE_ENSAM_TOKEN_FILE"
"""Variables of the environment: leave to use http, a bearer token, and the file of one."""

_UID = r"[0-9]+(?:\.[0-9]+)*"
_ROOT = re.compile(r"(?:dicomweb\+)?(https?)://([^/?#\s]+)([^?#\s]*?)/?")
_STUDY = re.compile(rf"(.+)/studies/({_UID})(?:/series/({_UID}))?/?")
_AE = re.compile(r"ae://([^@/\s]{1,16})@(\[[0-9a-fA-F:]+\]|[^:/\s]+):(\d{1,5})/?")


@dataclass(frozen=True)
class WebRoot:
    """Where a DICOMweb server answers.

    Parameters
    ----------
    url : str
        Address such as https://pacs.example.org/dicom-web, without a slash at its end.
    host : str
        Name and port, for messages and logins.
    """

    url: str
    host: str

    @classmethod
    def parse(cls, text: str) -> WebRoot:
        """Root of an address; ArgumentError if it is not one, or would send images unencrypted."""
        found = _ROOT.fullmatch(text)
        if found is None:
            raise ArgumentError(
                "an archive's address must be dicomweb+https://HOST/dicom-web/studies/UID[/series/UID], "
                f"got one that begins with {brief(text.partition('://')[0])}"
            )
        scheme, host, path = found.groups()
        if "@" in host:
            raise ArgumentError(
                "an archive's address must not hold a password, which others could see; put it into ~/.netrc"
            )
        if scheme == "http" and not (_is_this_machine(host) or os.environ.get(PLAIN_HTTP) == "1"):
            raise ArgumentError(
                f"dicomweb+http would send images and names unencrypted to {host}; use dicomweb+https, "
                f"or set {PLAIN_HTTP}=1 in the environment if the network is safe"
            )
        return cls(f"{scheme}://{host}{path}", host)

    @property
    def is_this_machine(self) -> bool:
        """Whether requests do not leave this machine: no proxy is asked then."""
        return _is_this_machine(self.host)


@dataclass(frozen=True)
class StudyAddress:
    """A study in an archive, or one series of it.

    Parameters
    ----------
    root : WebRoot
        Address of the archive.
    study_uid, series_uid : str
        StudyInstanceUID and SeriesInstanceUID; the latter may be empty.
    """

    root: WebRoot
    study_uid: str
    series_uid: str = ""

    @classmethod
    def parse(cls, text: str) -> StudyAddress:
        """Parse `dicomweb+https://HOST/dicom-web/studies/UID[/series/UID]`.

        Parameters
        ----------
        text : str
            The address.

        Returns
        -------
        StudyAddress
            Archive, StudyInstanceUID and SeriesInstanceUID.

        Raises
        ------
        ArgumentError
            If it is not such an address, holds a password, or is `dicomweb+http` to another machine without leave.
        """
        found = _STUDY.fullmatch(text)
        if found is None:
            raise ArgumentError(
                "an archive's address must end in /studies/UID or /studies/UID/series/UID, got something else"
            )
        root, study_uid, series_uid = found.groups()
        return cls(WebRoot.parse(root), study_uid, series_uid or "")


@dataclass(frozen=True)
class AeAddress:
    """A DICOM application that takes C-STORE.

    Parameters
    ----------
    title : str
        Its AE title.
    host : str
        Host name or address.
    port : int
        TCP port.
    """

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> AeAddress:
        """Of `ae://AET@HOST:PORT`; ArgumentError if it is not one."""
        found = _AE.fullmatch(text)
        if found is None or not 0 < int(found[3]) < 65536:
            raise ArgumentError(
                f"must be ae://AET@HOST:PORT such as ae://PACS@10.0.0.5:104, got {brief(text)}"
            )
        return cls(found[1], found[2].strip("[]"), int(found[3]))


def token_for(host: str, environment: Mapping[str, str] = os.environ) -> str:
    """The bearer token for a host, or an empty text.

    Parameters
    ----------
    host : str
        Name and port.
    environment : Mapping[str, str], default os.environ
        Environment variables. `LITE_ENSAM_TOKEN` is a token; `LITE_ENSAM_TOKEN_FILE` names a file that holds
        a token, or, for several archives, lines of host and token.

    Raises
    ------
    CaseError
        If the file cannot be read or is not of this form. The message never holds a token.
    """
    path = environment.get(TOKEN_FILE, "")
    if not path:
        return environment.get(TOKEN, "").strip()
    try:
        lines = [line.split() for line in read_text(path).splitlines() if line.strip()]
    except UnicodeDecodeError:
        lines = []
    if len(lines) == 1 and len(lines[0]) == 1:
        return lines[0][0]
    if not lines or any(len(line) != 2 for line in lines):
        raise CaseError(f"{TOKEN_FILE}: the file must hold one token, or lines of HOST and TOKEN")
    return next((token for name, token in lines if name == host), "")


def _is_this_machine(host: str) -> bool:
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False

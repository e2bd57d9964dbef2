"""DICOMweb (PS3.18): search a study, retrieve an instance to a file, store instances; each whole or not at all.

The transfers are our own, on `requests`, for three things that we did not find in clients: an answer that ends too
early or comes too slowly is noticed, bytes go to the disk as they come, and no message holds a UID.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from importlib import import_module
from json import loads
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Literal, TypeVar
from uuid import uuid4

from lite_ensam.core.errors import ArchiveError, MissingExtraError
from lite_ensam.io.dicom.datasets import Dataset, keep_identifiers_quiet, load_package
from lite_ensam.io.pacs.address import TOKEN, TOKEN_FILE, WebRoot, token_for
from lite_ensam.io.pacs.multipart import CutOffError, write_part
from lite_ensam.io.pacs.store_status import StoreOutcome

__all__ = ["N_CONNECTIONS", "DicomWeb"]

T = TypeVar("T")

N_CONNECTIONS = 4
"""At a time: an archive has others to serve, too."""

WAITS_S = (0.5, 1.0, 2.0)
"""Seconds between tries: a server that restarts or is busy is given a few, a dead one does not hold up the user."""

CONNECT_S, READ_S, STORE_S = 10.0, 60.0, 120.0
"""Seconds to wait for a connection, for the next bytes, and for an archive to say that it has stored."""

SLOW_AFTER_S, LEAST_BYTES_PER_S = 30.0, 1000.0
"""An answer that takes longer must come at this rate: a byte now and then never runs into `READ_S`."""

_PIECE = 1 << 16
_LARGEST_JSON = 256 << 20
"""Bytes of metadata: some 50,000 slices."""

_PAGE = 200
"""Series in one answer to a search; servers may give fewer, and say so by giving more when they are asked again."""

_AGAIN = {
    HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT,
}  # fmt: skip
_ANY_SYNTAX = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_JSON = "application/dicom+json"


@dataclass(frozen=True)
class DicomWeb:
    """A DICOMweb server.

    Parameters
    ----------
    root : WebRoot
        Address of the server.

    Raises
    ------
    MissingExtraError
        If requests is not installed.
    """

    root: WebRoot
    _requests: ModuleType = field(default_factory=lambda: _load("requests"), repr=False, compare=False)

    def search_series(self, study_uid: str) -> list[Dataset]:
        """One dataset for each series of a study: Modality, SeriesInstanceUID, SeriesDescription and others."""
        found: dict[str, Dataset] = {}
        while True:
            page = self._get(
                f"/studies/{study_uid}/series",
                {"limit": str(_PAGE), "offset": str(len(found)), "includefield": "SeriesDescription"},
            )
            new = {uid: one for one in page if (uid := str(one.get("SeriesInstanceUID") or "")) not in found}
            found |= new
            if not new:  # no more, or a server that gives all at once, whatever it is asked
                return list(found.values())

    def series_metadata(self, study_uid: str, series_uid: str, keep: Sequence[str] = ()) -> list[Dataset]:
        """Headers of a series' instances, without voxels; of these the elements that `keep` names, or all."""
        path = f"/studies/{study_uid}/series/{series_uid}/metadata"
        return self._get(path, {}, keep)

    def retrieve(self, study_uid: str, series_uid: str, instance_uid: str, file: BinaryIO) -> None:
        """Write an instance to a file as the archive has it, in its own transfer syntax.

        Raises
        ------
        ArchiveError
            If it does not come whole, after several tries; the file then holds part of it.
        """
        path = f"/studies/{study_uid}/series/{series_uid}/instances/{instance_uid}"

        def write(_: int) -> None:
            file.seek(0)
            file.truncate()
            with self._answer("GET", path, {"Accept": _ANY_SYNTAX}) as response:
                write_part(response.headers.get("Content-Type", ""), _pieces(response), file)

        self._again_and_again(write)

    def store(self, files: Mapping[str, Path]) -> StoreOutcome:
        """Store DICOM files in one request, so that the files of one result come together.

        Parameters
        ----------
        files : Mapping[str, Path]
            Files by SOPInstanceUID.

        Raises
        ------
        ArchiveError
            If the archive cannot be reached, or does not say what it stored.
        """
        boundary = uuid4().hex
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        head = f"\r\n--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        parts = (head + path.read_bytes() for path in files.values())
        body = b"".join((*parts, f"\r\n--{boundary}--".encode()))
        headers = {"Content-Type": kind, "Accept": _JSON}

        def post(n_before: int) -> StoreOutcome:
            with self._answer("POST", "/studies", headers, body, (HTTPStatus.CONFLICT,)) as response:
                answers = _datasets(b"".join(_pieces(response, _LARGEST_JSON)))
            first = answers[0] if answers else None
            # what an earlier try stored, whose answer was lost, is a duplicate now
            return StoreOutcome.of_answer(response.status_code, first, tuple(files), n_before > 0)

        return self._again_and_again(post)

    def _get(self, path: str, params: Mapping[str, str], keep: Sequence[str] = ()) -> list[Dataset]:
        """Datasets of a resource."""

        def get(_: int) -> list[Dataset]:
            with self._answer("GET", path, {"Accept": _JSON}, params=params) as response:
                text = b"".join(_pieces(response, _LARGEST_JSON))
            found = _datasets(text, keep) if text.strip() else []
            if found is None:
                raise CutOffError("sends something that is not DICOM JSON")
            return found

        return self._again_and_again(get)

    def _again_and_again(self, attempt: Callable[[int], T]) -> T:
        """The result of an attempt, which is told how many there were before; `ArchiveError` if all fail."""
        exceptions = self._requests.exceptions
        failures = (CutOffError, exceptions.RequestException, _load("urllib3").exceptions.HTTPError)
        for n, wait_s in enumerate((*WAITS_S, None)):
            try:
                return attempt(n)
            except exceptions.SSLError:
                raise ArchiveError(
                    f"{self.root.host}: its certificate cannot be verified; name your hospital's certificates "
                    "in REQUESTS_CA_BUNDLE"
                ) from None
            except failures as error:
                if wait_s is None:
                    raise ArchiveError(
                        f"{self.root.host}: {_reason(error, exceptions)}, {n + 1} times"
                    ) from None
                time.sleep(wait_s)
        raise AssertionError  # the last wait is None

    def _answer(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        allowed: Sequence[int] = (),
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """A response whose body is still to be read; `ArchiveError` for a status that another try will not change."""
        response = self._session.request(
            method,
            self.root.url + path,
            params=params,
            headers=dict(headers),
            data=body,
            stream=True,
            timeout=(CONNECT_S, READ_S if body is None else STORE_S),
            allow_redirects=False,  # a token must not go to a host that the user did not name
            proxies=dict.fromkeys(("http", "https", "all")) if self.root.is_this_machine else None,
        )
        status = response.status_code
        if status >= HTTPStatus.MULTIPLE_CHOICES and status not in allowed:
            response.close()
            if status in _AGAIN:
                raise CutOffError(f"answers with error {status}")
            raise ArchiveError(f"{self.root.host}: {_refusal(status)}")
        return response

    @cached_property
    def _session(self) -> Any:
        session = self._requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._requests.adapters.HTTPAdapter(pool_maxsize=N_CONNECTIONS))
        if token := token_for(self.root.host):

            def authorized(request: Any) -> Any:
                request.headers["Authorization"] = f"Bearer {token}"
                return request

            session.auth = authorized  # instead of a login in ~/.netrc
        return session


def _load(name: Literal["requests", "urllib3"]) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(f"archives need {name}: pip install 'lite-ensam[pacs]'") from error


def _pieces(response: Any, most: int | None = None) -> Iterator[bytes]:
    """A body as it comes; `CutOffError` if it comes too slowly, or is longer than `most` bytes."""
    start, n_bytes = time.monotonic(), 0
    while piece := response.raw.read1(_PIECE, decode_content=True):
        n_bytes += len(piece)
        seconds = time.monotonic() - start
        if seconds > SLOW_AFTER_S and n_bytes < seconds * LEAST_BYTES_PER_S:
            raise CutOffError(f"sends too slowly, {n_bytes / seconds:.0f} bytes a second")
        if most is not None and n_bytes > most:
            raise CutOffError(f"sends a list of more than {most >> 20} MiB")
        yield piece


def _datasets(text: bytes, keep: Sequence[str] = ()) -> list[Dataset] | None:
    """Datasets of DICOM JSON (PS3.18, F); None if it is not that."""
    pydicom = load_package()
    tags = {f"{pydicom.datadict.tag_for_keyword(name):08X}" for name in keep}
    try:
        found = loads(text)
        with keep_identifiers_quiet():
            return [
                pydicom.dataset.Dataset.from_json(
                    {tag: value for tag, value in one.items() if not tags or tag in tags}
                )
                for one in (found if isinstance(found, list) else [found])
            ]
    except Exception:  # pydicom has many for values that are not as the standard has them
        return None


def _reason(error: Exception, exceptions: Any) -> str:
    """Why an attempt failed; what the libraries say holds the address, and with it UIDs."""
    if isinstance(error, CutOffError):
        return str(error)
    if isinstance(error, exceptions.ProxyError):
        return "the proxy does not let us through"
    if isinstance(error, exceptions.ConnectTimeout):
        return f"no answer within {CONNECT_S:g} s"
    if "Timeout" in type(error).__name__ or "timed out" in str(error):
        return "stops in the middle, or does not answer"
    if isinstance(error, exceptions.ConnectionError) and "Failed to establish" in str(error):
        return "cannot be reached: nobody listens there, or the network does not lead there"
    if "NameResolution" in str(error):
        return "is not the name of a machine that can be found"
    return "breaks the connection"


def _refusal(status: int) -> str:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        how = f"set {TOKEN_FILE} or {TOKEN} in the environment, or write name and password into ~/.netrc"
        return f"refuses the login ({status}); {how}"
    if status == HTTPStatus.NOT_FOUND:
        return f"has no such study or series, or no DICOMweb at this address ({status})"
    if status < HTTPStatus.BAD_REQUEST:
        return f"refers to another address ({status}); give that one"
    return f"refuses the request ({status})"

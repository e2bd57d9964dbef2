"""The listener: waits until a study is quiet, segments it, and sends the results."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event

from lite_ensam.core.errors import ArchiveError, LiteEnsamError, MissingExtraError, OutputError
from lite_ensam.core.types import PathLike
from lite_ensam.engines import WEIGHTS
from lite_ensam.io.dicom.datasets import keep_identifiers_quiet
from lite_ensam.io.object_choice import ObjectChoice
from lite_ensam.io.pacs import check_destination, send
from lite_ensam.listener.inbox import Inbox, ReceivedStudy, StudyState
from lite_ensam.listener.receiver import receiving
from lite_ensam.segmentation import Border, segment

__all__ = ["Listener", "ListenerSettings"]

MOST_TRIES = 3
"""Of a study that ends the process each time: a damaged file must not keep the listener from all others."""

AGAIN_S = 60.0
"""Until an archive that did not take results, or a disk that was full, is tried again."""

_LOOK_EACH_S, _TIDY_EACH_S = 0.5, 3600.0
_UID = re.compile(r"\b\d+(?:\.\d+){4,}")


@dataclass(frozen=True)
class ListenerSettings:
    """Settings of a listener.

    Parameters
    ----------
    to : str
        Address that results are sent to, see `check_destination`.
    quiet_s : float, default 10.0
        Seconds without a new object after which a study counts as complete.
    keep_days : float, default 1.0
        Days that a study stays on the disk after its results are sent, in case more objects of it arrive.
    choice : ObjectChoice or None, default None
        See `lite_ensam.segment`.
    border : Border, default "readers"
        See `lite_ensam.segment`.
    n_repeats : int, default 0
        See `lite_ensam.segment`.
    weights : PathLike, default WEIGHTS
        See `lite_ensam.segment`.
    """

    to: str
    quiet_s: float = 10.0
    keep_days: float = 1.0
    choice: ObjectChoice | None = None
    border: Border = "readers"
    n_repeats: int = 0
    weights: PathLike = WEIGHTS


class Listener:
    """Receives studies and sends SEG and SR back.

    Parameters
    ----------
    inbox : Inbox
        Inbox of the received studies.
    settings : ListenerSettings
        How studies are processed.
    say : Callable[[str], None]
        Called with one sentence for each event; it never identifies a patient.

    Raises
    ------
    ArgumentError
        If `settings.to` is not an address.
    """

    def __init__(self, inbox: Inbox, settings: ListenerSettings, say: Callable[[str], None]) -> None:
        check_destination(settings.to)
        self.inbox, self.settings, self._say = inbox, settings, say
        self._again_at: dict[str, float] = {}
        self._tidy_at = 0.0

    def run(
        self,
        host: str = "127.0.0.1",
        port: int = 11112,
        title: str = "LITE-ENSAM",
        senders: tuple[str, ...] = (),
        stop: Event | None = None,
    ) -> None:
        """Listen until `stop` is set or the process is terminated; errors as `receiving` and `Inbox.alone`.

        Parameters
        ----------
        host : str, default "127.0.0.1"
            Host name or address to listen on.
        port : int, default 11112
            TCP port to listen on.
        title : str, default "LITE-ENSAM"
            AE title that senders must call.
        senders : tuple[str, ...], default ()
            AE titles that may send; an empty sequence accepts all.
        stop : Event or None, default None
            Ends the listener when it is set.
        """
        stop = stop or Event()
        with (
            self.inbox.alone(),
            keep_identifiers_quiet(),
            receiving(self.inbox, host, port, title, senders, self.say),
        ):
            self.say(f"listening as {title} at {host}:{port}")
            while not stop.wait(_LOOK_EACH_S):
                self.work()

    def work(self) -> None:
        """Process the studies that are quiet."""
        start = time.monotonic()
        for study in self.inbox.quiet_studies(self.settings.quiet_s):
            if start < self._again_at.get(study.name, 0.0):
                continue
            try:
                if self._work_on(study).outcome in ("sent", "kept"):
                    self.inbox.settle(study, start)
            except (ArchiveError, OutputError) as error:
                self.say(f"study {study.name}: {error}. It is tried again in {AGAIN_S:g} s")
                self._again_at[study.name] = start + AGAIN_S
        if start > self._tidy_at:
            self._tidy_at = start + _TIDY_EACH_S
            for study in self.inbox.studies():
                if study.state().outcome == "sent" and study.days_since() > self.settings.keep_days:
                    study.remove()

    def say(self, text: str) -> None:
        """Report an event, without UIDs.

        Parameters
        ----------
        text : str
            The sentence.
        """
        self._say(_UID.sub("(UID)", text))

    def _work_on(self, study: ReceivedStudy) -> StudyState:
        """One step or several with a study; the state after that."""
        state = study.state()
        if state.outcome in ("new", "tried"):
            state = self._made(study, state)
        return self._sent(study, state) if state.outcome == "made" else state

    def _made(self, study: ReceivedStudy, state: StudyState) -> StudyState:
        """Segment a study; the state after that."""
        if state.n_tries >= MOST_TRIES:
            return self._kept(study, state, f"ended the listener {state.n_tries} times")
        state = replace(state, outcome="tried", n_tries=state.n_tries + 1)
        study.write_state(state)
        start = time.perf_counter()
        settings, (seg, sr) = self.settings, study.results
        try:
            result = segment(
                study.objects,
                settings.choice,
                border=settings.border,
                n_repeats=settings.n_repeats,
                weights=settings.weights,
            )
            result.save(seg, overwrite=True, sr=sr)
        except (MissingExtraError, OutputError):  # not the study's fault
            study.write_state(replace(state, n_tries=state.n_tries - 1))
            raise
        except LiteEnsamError as error:
            return self._kept(study, state, str(error))
        seconds = time.perf_counter() - start
        self.say(f"study {study.name}: {study.n_objects} files, {len(result)} tumours in {seconds:.1f} s")
        state = replace(state, outcome="made")
        study.write_state(state)
        return state

    def _kept(self, study: ReceivedStudy, state: StudyState, why: str) -> StudyState:
        self.say(f"study {study.name}: {why}. It is kept, and tried again when more of it comes")
        state = replace(state, outcome="kept")
        study.write_state(state)
        return state

    def _sent(self, study: ReceivedStudy, state: StudyState) -> StudyState:
        """Send results; the state after that, or `ArchiveError`."""
        # whoever was killed after sending sends again: what is there already is there
        send(study.results, self.settings.to, known=study.results)
        self.say(f"study {study.name}: SEG and SR sent")
        state = replace(state, outcome="sent")
        study.write_state(state)
        return state

"""The choices that RECIST 1.1 and iRECIST leave to the protocol of a trial."""

from dataclasses import dataclass

from lite_ensam.response.best_response import BestResponse, Visit, Wait, best_overall_response
from lite_ensam.response.criteria import CHOI, IRECIST, MRECIST, RECIST_1_1, Criteria
from lite_ensam.response.irecist import CONFIRMING_DAYS, best_immune_response, respond_immune
from lite_ensam.response.study import Study
from lite_ensam.response.time_points import TimePointResponse, respond

__all__ = ["Protocol"]


@dataclass(frozen=True)
class Protocol:
    """Choices of the sponsor.

    Parameters
    ----------
    confirmation : bool, default False
        Whether CR and PR count only if seen again (section 4.4.3).
    confirming_wait : Wait, optional
        Days between the two.
    least_stable_days : int, default 42
        How long after baseline SD must be seen to be the best response (section 4.4.3).
    keeps_response : bool, default False
        Whether a PR lasts until PD (see `Criteria`).
    immune : bool, default False
        Whether iRECIST is judged, too.
    progression_wait : Wait, default CONFIRMING_DAYS
        Days between an iUPD and what makes it iCPD.
    viable, density : bool, default False
        Whether mRECIST and Choi are judged, too.
    """

    confirmation: bool = False
    confirming_wait: Wait = Wait(28)  # noqa: RUF009 - a constant
    least_stable_days: int = 42
    keeps_response: bool = False
    immune: bool = False
    progression_wait: Wait = CONFIRMING_DAYS
    viable: bool = False
    density: bool = False

    @property
    def sentence(self) -> str:
        """The choices in words, for every output.

        Examples
        --------
        >>> Protocol().sentence
        'CR and PR need no confirmation; SD must last 42 days from baseline; each visit is judged by its own sum'
        """
        confirmed = (
            f"confirmed after {_in_words(self.confirming_wait)}"
            if self.confirmation
            else "need no confirmation"
        )
        kept = "PR lasts until PD" if self.keeps_response else "each visit is judged by its own sum"
        immune = f"; iUPD is confirmed after {_in_words(self.progression_wait)}" if self.immune else ""
        return (
            f"CR and PR {confirmed}; SD must last {self.least_stable_days} days from baseline; {kept}{immune}"
        )

    def criteria(self, volume: Criteria | None) -> tuple[Criteria, ...]:
        """List the sets of criteria to judge by: RECIST 1.1, those asked for, and by volume.

        Parameters
        ----------
        volume : Criteria or None
            Criteria by volume; None leaves them out.

        Returns
        -------
        tuple[Criteria, ...]
            Sets of criteria in the order of reports.
        """
        asked = ((IRECIST, self.immune), (MRECIST, self.viable), (CHOI, self.density))
        sets = (RECIST_1_1, *(one for one, is_asked in asked if is_asked), *((volume,) if volume else ()))
        return tuple(one.keeping_response() if self.keeps_response else one for one in sets)

    def judge(self, study: Study, criteria: Criteria) -> tuple[tuple[TimePointResponse, ...], BestResponse]:
        """Judge every visit after baseline and the best response, by one of `criteria`.

        Parameters
        ----------
        study : Study
            The course.
        criteria : Criteria
            One of `criteria`.

        Returns
        -------
        tuple[tuple[TimePointResponse, ...], BestResponse]
            Response at each visit after baseline, and best response.
        """
        is_immune = criteria in (IRECIST, IRECIST.keeping_response())
        if is_immune:
            visits = respond_immune(study, self.progression_wait, criteria)
            best = best_immune_response(
                _course(visits),
                confirmation=self.confirmation,
                wait=self.confirming_wait,
                least_stable_days=self.least_stable_days,
            )
            return visits, best
        visits = respond(study, criteria)
        best = best_overall_response(
            _course(visits),
            confirmation=self.confirmation,
            least_confirmation_days=self.confirming_wait.least,
            most_confirmation_days=self.confirming_wait.most,
            least_stable_days=self.least_stable_days,
        )
        return visits, best


def _course(visits: tuple[TimePointResponse, ...]) -> list[Visit]:
    return [(one.day, one.overall) for one in visits]


def _in_words(wait: Wait) -> str:
    return f"at least {wait.least} days" if wait.most is None else f"{wait.least} to {wait.most} days"

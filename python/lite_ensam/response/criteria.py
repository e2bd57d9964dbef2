"""The words of response, and the numbers that decide between them."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, Self, TypeAlias

__all__ = [
    "CHOI",
    "IRECIST",
    "MRECIST",
    "RECIST_1_1",
    "VOLUME",
    "VOLUME_RELIABILITY",
    "Criteria",
    "Quantity",
    "Response",
]

Quantity: TypeAlias = Literal["diameter", "volume", "viable"]
"""The quantity summed over the targets: mm (short axis for nodes), ml, or mm of the part that enhances."""


class Response(StrEnum):
    """Response of a time point or of a whole course (sections 4.3 and 4.4); the second half is from iRECIST."""

    CR = "CR"
    """Complete response."""
    PR = "PR"
    """Partial response."""
    SD = "SD"
    """Stable disease."""
    PD = "PD"
    """Progressive disease."""
    NE = "NE"
    """Not evaluable."""
    NON_CR_NON_PD = "non-CR/non-PD"
    """Non-targets persist without progression; also overall, without targets."""
    ICR = "iCR"
    """CR by iRECIST."""
    IPR = "iPR"
    """PR by iRECIST."""
    ISD = "iSD"
    """SD by iRECIST."""
    IUPD = "iUPD"
    """Progression by iRECIST that is not yet confirmed."""
    ICPD = "iCPD"
    """Progression by iRECIST that a later visit confirmed."""
    NON_ICR_NON_IUPD = "non-iCR/non-iUPD"
    """As non-CR/non-PD, by iRECIST."""


@dataclass(frozen=True)
class Criteria:
    """Thresholds of response and progression.

    Parameters
    ----------
    name : str
        Name for reports.
    quantity : Quantity
        Quantity that is summed over the targets, see `Quantity`.
    response : float
        PR if the sum has changed by this share of the BASELINE sum or lower, e.g. -0.30.
    progression : float
        PD if it has changed by this share of the NADIR or higher, e.g. 0.20.
    least_growth : float, default 0.0
        PD also needs this much growth over the nadir, in mm or ml.
    keeps_response : bool, default False
        Whether targets that have reached PR or CR stay in PR until PD, though their sum rises above the limit
        of PR again (EORTC's clarifications). Without it each visit is judged by its own sum (section 4.3.1).
    density : float or None, default None
        PR, too, if the targets' mean density (HU) has changed by this share of baseline or lower, e.g. -0.15,
        and the sum then does not make it PD; None where density does not count.
    """

    name: str
    quantity: Quantity
    response: float
    progression: float
    least_growth: float = 0.0
    keeps_response: bool = False
    density: float | None = None

    def __post_init__(self) -> None:
        if not -1 < self.response < 0 < self.progression or self.least_growth < 0:
            raise ValueError(
                "criteria need -1 < response < 0 < progression and least_growth >= 0, got "
                f"{self.response}, {self.progression} and {self.least_growth}"
            )

    @property
    def unit(self) -> str:
        """Unit of the sum: mm or ml."""
        return "ml" if self.quantity == "volume" else "mm"

    def keeping_response(self) -> Self:
        """Return the same criteria with PR kept until PD, and a name that says so.

        Returns
        -------
        Self
            The criteria.

        Examples
        --------
        >>> RECIST_1_1.keeping_response().name
        'RECIST 1.1, PR until PD'
        """
        return replace(self, name=f"{self.name}, PR until PD", keeps_response=True)


RECIST_1_1 = Criteria("RECIST 1.1", "diameter", -0.30, 0.20, 5.0)
"""Section 4.3.1: -30 % of baseline; +20 % and at least 5 mm over the nadir."""

IRECIST = replace(RECIST_1_1, name="iRECIST")
"""The same limits; what differs is what follows a PD: see `respond_immune`."""

MRECIST = Criteria("mRECIST", "viable", -0.30, 0.20)
"""Table 2 of Lencioni and Llovet, Semin Liver Dis 30 (2010) 52-60: RECIST's shares of the diameters of what enhances in
the arterial phase; it asks for no least growth in mm."""

CHOI = Criteria("Choi", "diameter", -0.10, 0.10, density=-0.15)
"""Table 1 of Choi et al., J Clin Oncol 25 (2007) 1753-1759: size -10 % or density -15 % is PR; size +10 % is PD unless
the density makes it PR. Growth is measured from the nadir here: the paper compares one later scan with baseline."""

VOLUME = Criteria("volume", "volume", -0.657, 0.728)
"""RECIST's shares carried over to the volume of a sphere: 0.7³ = 0.343, 1.2³ = 1.728."""

VOLUME_RELIABILITY = Criteria("volume, reliability limits", "volume", -0.35, 0.55)
"""Narrower limits, drawn from how well the volume of lung tumours is reproduced, not from RECIST's shares."""

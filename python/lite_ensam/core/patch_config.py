"""Parameters of a network patch, which training, weights, engines and cutting share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from lite_ensam.core.short_repr import with_short_repr

__all__ = [
    "CHANNEL_NAMES",
    "CLICK_REACH",
    "CROPS",
    "FLARE25",
    "GREY_CHANNELS",
    "LINE_CHANNELS",
    "PAPER_CHANNELS",
    "PROMPT_CHANNELS",
    "SCAN_CHANNELS",
    "VOXELS_REACH",
    "Crop",
    "PatchConfig",
    "Rules",
    "check_window",
]

Crop = Literal["lesion", "joint"]
"""A cube around each line ("lesion"), or the paper's one box around all lines ("joint", section 2.2)."""

CROPS: tuple[Crop, ...] = get_args(Crop)
"""All values of `Crop`, the default first."""

Rules = Literal["lite_ensam", "flare25"]
"""Whose way of cutting a joint crop and of painting it is taken, where the paper leaves it open."""

PAPER_CHANNELS = ("wide",)
"""The paper's only channel: grey values, scaled over the scan's range or a window (section 2.2)."""

FLARE25_CHANNELS = ("positive",)
"""The only channel of the authors' public code: grey values above 0."""

GREY_CHANNELS = ("wide", "line_window", "line_narrow", "positive")
"""Channels that depend on grey values; the others follow from lines and prompts alone."""

MAX_HU, MIN_WINDOW_HU = 100_000.0, 1.0
"""Limits of a window: beyond all CT values, and the step between two stored ones."""

LINE_CHANNELS = ("wide", "line_window", "line_narrow", "along", "across", "slice")
"""Channels of our own weights without prompts: three windows, and distances from the line that say its ends at full
resolution (decision 0002)."""

PROMPT_CHANNELS = ("short_axis", "slice_range", "clicks", "last_mask")
"""Channels of a user's knowledge beyond the line; 0.5 means unknown, and the network subtracts 0.5 from its input."""

SCAN_CHANNELS = ("voxel_size",)
"""Channel of the scan's resolution: readers draw about a voxel outside the visible edge, whatever the tumour's size
(decision 0026)."""

CHANNEL_NAMES = frozenset(LINE_CHANNELS + PROMPT_CHANNELS + SCAN_CHANNELS + FLARE25_CHANNELS)
"""All that `segmentation.channels` can fill."""

CLICK_REACH = 1 / 16
"""A click's channel falls off to 1/e over this share of the patch's side: a bump of 1.6 voxels moved masks too little
(decision 0018)."""

VOXELS_REACH = 64
"""Channel "voxel_size" is 1 from this many voxels of the scan on: few lines are longer than 128 voxels."""


@with_short_repr
@dataclass(frozen=True)
class PatchConfig:
    """How a patch is cut and what its channels hold.

    Parameters
    ----------
    side_factor : float, default 2.5
        Side of a lesion crop in lengths of the RECIST line: of 89 lesions, at most 0.7 % of a reference mask lay
        outside (decision 0006).
    side_voxels : int, default 64
        Voxels a side of a lesion patch; the released weights have 48 (decision 0009).
    end_margin_voxels : float, default 0.0
        The line is taken to end this far beyond the centres of its outermost voxels; the released weights have
        0.5, the outer faces (decision 0008).
    window_hu : tuple[float, float] or None, default (-1000.0, 500.0)
        HU clipped to this before scaling to [0, 1] ("wide"); None scales the whole scan's range instead, as
        the paper does.
    line_half_width_hu : float, default 175.0
        "line_window" spans this far to both sides of the median HU under the line (decision 0002). No record
        compares it with other values.
    narrow_half_width_hu : float, default 75.0
        The same of "line_narrow", in which fat and air do not vary (decision 0002).
    windowed_unit_hu : float, default 400.0 / 255.0
        HU a grey level of an already windowed 0-255 image is taken for (400 HU over 255 levels is the usual
        soft-tissue window).
    windowed_low_hu : float, default -160.0
        HU that grey level 0 of such an image is taken for.
    channels : tuple[str, ...], default LINE_CHANNELS
        Names out of `CHANNEL_NAMES`, in order.
    crop : Crop, default "lesion"
        What the weights were trained on, and what is cut if nobody asks for another.
    margin_voxels : int, default 32
        A joint crop reaches this far beyond the spheres of all lines.
    most_voxels : int, default 128**3
        Joint crops are max-pooled until they have no more voxels.
    side_multiple : int, default 8
        A joint crop's sides are padded to multiples of this.
    rules : Rules, default "lite_ensam"
        "flare25" does what the authors' public code does: it leaves a joint crop's last voxel and the ragged
        edges of its blocks out, takes a drawn line's first and last voxel in memory for its ends, divides
        them by the block, trusts the logits at the ends of lines, and counts a missing tumour's sphere in
        voxels.
    """

    side_factor: float = 2.5
    side_voxels: int = 64
    end_margin_voxels: float = 0.0
    window_hu: tuple[float, float] | None = (-1000.0, 500.0)
    line_half_width_hu: float = 175.0
    narrow_half_width_hu: float = 75.0
    windowed_unit_hu: float = 400.0 / 255.0
    windowed_low_hu: float = -160.0
    channels: tuple[str, ...] = LINE_CHANNELS
    crop: Crop = "lesion"
    margin_voxels: int = 32
    most_voxels: int = 128**3
    side_multiple: int = 8
    rules: Rules = "lite_ensam"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.side_factor) and self.side_factor >= 1):
            raise ValueError(
                f"side_factor must be 1 or more, or the patch does not hold its line, got {self.side_factor}"
            )
        if not (np.isfinite(self.end_margin_voxels) and self.end_margin_voxels >= 0):
            raise ValueError(f"end_margin_voxels must be 0 or more, got {self.end_margin_voxels}")
        for name in ("line_half_width_hu", "narrow_half_width_hu", "windowed_unit_hu"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.window_hu is not None:
            check_window(self.window_hu)
        unknown = [name for name in self.channels if name not in CHANNEL_NAMES]
        if unknown or not self.channels:
            raise ValueError(f"channels must be names out of {sorted(CHANNEL_NAMES)}, got {self.channels}")
        for name, known in (("crop", CROPS), ("rules", get_args(Rules))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name in ("side_voxels", "margin_voxels", "most_voxels", "side_multiple"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")

    @property
    def looks_at_lines(self) -> bool:
        """Whether the channels of a joint crop differ from line to line."""
        return not {"wide", "positive"}.issuperset(self.channels)

    @property
    def needs_whole_scan(self) -> bool:
        """Whether a patch depends on more of the scan than its own voxels and the scan's range."""
        return "positive" in self.channels

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as a JSON-ready dictionary, for `from_dict`.

        Returns
        -------
        dict[str, Any]
            Parameters by name.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, numbers: dict[str, Any]) -> PatchConfig:
        """Build a config from `to_dict`'s output.

        Parameters
        ----------
        numbers : dict[str, Any]
            Result of `to_dict`.

        Returns
        -------
        PatchConfig
            The config.
        """
        lists = {name: tuple(value) for name, value in numbers.items() if isinstance(value, list)}
        return cls(**{**numbers, **lists})


def check_window(window_hu: tuple[float, float]) -> None:
    """Raise ValueError unless it is a range of HU that grey values can be scaled by.

    Parameters
    ----------
    window_hu : tuple[float, float]
        Lower and upper end of the window in HU.
    """
    try:
        low, high = window_hu
        fits = low >= -MAX_HU and high <= MAX_HU and high - low >= MIN_WINDOW_HU
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"window must be two HU values within +-{MAX_HU:g}, the lower first, at least {MIN_WINDOW_HU:g} apart, "
            f"got {window_hu}"
        )


FLARE25 = PatchConfig(channels=FLARE25_CHANNELS, window_hu=(-160.0, 240.0), crop="joint", rules="flare25")
"""Parameters of the authors' public code for FLARE 2025, before and after the network.

Its scans are windowed to 0-255; a scan in HU is first windowed to soft tissue, as those of FLARE are."""

"""Every error that lite-ensam raises on purpose.

All of them are `ValueError`s, so code that knows nothing of lite-ensam can still catch them, and
all of them carry one sentence that names what is wrong, what was expected and what came.
"""

__all__ = [
    "CaseError",
    "EngineError",
    "LiteEnsamError",
    "MarkError",
    "MissingExtraError",
    "OutputError",
    "TrainingError",
]


class LiteEnsamError(ValueError):
    """Base of all errors raised by lite-ensam."""


class CaseError(LiteEnsamError):
    """The scan is bad: unreadable, of the wrong shape, or its voxels or geometry make no sense."""


class MarkError(LiteEnsamError):
    """A RECIST mark is bad: unreadable, outside the volume, not on one slice, or not a line."""


class OutputError(LiteEnsamError):
    """A result cannot be written; the target is as it was before."""


class EngineError(LiteEnsamError):
    """The inference engine or the network's weights cannot be used."""


class TrainingError(LiteEnsamError):
    """A training run cannot begin or go on as it was asked to."""


class MissingExtraError(ImportError, LiteEnsamError):
    """A feature needs an optional package; the message says which extra to install."""

"""Every number that weights or masks depend on, made wrong in turn: the tests must notice."""

from tests.mutants.learning import LEARNING
from tests.mutants.masks import MASKS
from tests.mutants.scans import SCANS

MUTANTS = [*MASKS, *SCANS, *LEARNING]

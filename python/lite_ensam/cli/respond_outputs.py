"""Files that `lite-ensam respond` writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lite_ensam.reporting import Course, Patient


class EvaluatorName(StrEnum):
    """Who read, for `--sdtm`."""

    investigator = "investigator"
    independent = "independent"


@dataclass(frozen=True)
class ResponseOutputs:
    """Where each output goes; None is not written.

    Parameters
    ----------
    report, csv, html, board, lesions, rates : Path or None, default None
        Files to write.
    sdtm, redcap : Path or None, default None
        Folders to write to.
    """

    report: Path | None = None
    csv: Path | None = None
    html: Path | None = None
    board: Path | None = None
    lesions: Path | None = None
    rates: Path | None = None
    sdtm: Path | None = None
    redcap: Path | None = None

    def check(self, inputs: Iterable[Path | None], overwrite: bool) -> None:
        """Raise `OutputError` if something cannot be written; the folders are made if all is well, else none is.

        Parameters
        ----------
        inputs : Iterable[Path | None]
            Files and folders that are read; nothing is written over them or into them.
        overwrite : bool
            Whether files that exist may be replaced.
        """
        from lite_ensam.core.errors import OutputError
        from lite_ensam.io import check_outputs, make_folder, refuse_inputs

        read = tuple(inputs)
        refuse_inputs([path for path, _ in self._files() if path is not None], read)
        made: list[Path] = []
        try:
            for wanted in filter(None, (self.sdtm, self.redcap)):
                made = [*make_folder(wanted), *made]
            check_outputs(self._files(), read, overwrite)
        except OutputError:
            for folder in made:
                with suppress(OSError):  # another program has put something into it
                    folder.rmdir()
            raise

    def _files(self) -> list[tuple[Path | None, tuple[str, ...]]]:
        """Each file with what its name must end in."""
        tables = (self.csv, self.lesions, self.rates, *self._domains().values(), *self._redcap().values())
        pages = [(page, (".html",)) for page in (self.html, self.board)]
        return [(self.report, (".json",)), *pages, *((table, (".csv",)) for table in tables)]

    def write(
        self,
        patients: Sequence[Patient],
        courses: Sequence[Course],
        how: str,
        notes: Sequence[str],
        *,
        evaluator: EvaluatorName,
        identifiers: bool,
        overwrite: bool,
    ) -> None:
        """Write what was asked for.

        Parameters
        ----------
        patients : Sequence[Patient]
            Patients from `read_study`.
        courses : Sequence[Course]
            Judged courses of these patients, from `judge`.
        how : str
            The protocol's choices in a sentence.
        notes : Sequence[str]
            Notes on all patients.
        evaluator : EvaluatorName
            Role of the readers, see `sdtm_tables`.
        identifiers : bool
            Whether outputs may identify patients.
        overwrite : bool
            Whether existing files may be replaced.
        """
        from lite_ensam.io import write_report, write_table, write_text
        from lite_ensam.reporting import (
            board_page,
            lesion_rows,
            rates_of,
            rates_rows,
            rates_section,
            redcap_tables,
            sdtm_tables,
            study_page,
        )

        rates = rates_of(courses)
        if self.report is not None:
            write_report(self.report, response_record(patients, courses, how, notes, identifiers), overwrite)
        if self.csv is not None:
            write_table(self.csv, [row for course in courses for row in course.rows()], overwrite)
        if self.html is not None:
            write_text(self.html, study_page(courses, how, [rates_section(rates)]), overwrite)
        if self.board is not None:
            page = board_page(courses, how, [rates_section(rates)], dates=identifiers)
            write_text(self.board, page, overwrite)
        if self.lesions is not None:
            write_table(self.lesions, lesion_rows(patients, identifiers), overwrite)
        if self.rates is not None:
            write_table(self.rates, [row | {"rules": how} for row in rates_rows(rates)], overwrite)
        if self.sdtm is not None:
            is_independent = evaluator is EvaluatorName.independent
            tables = sdtm_tables(
                patients, courses, "INDEPENDENT ASSESSOR" if is_independent else "INVESTIGATOR", identifiers
            )
            for name, path in self._domains().items():
                write_table(path, tables[name], overwrite)

        if self.redcap is not None:
            tables = redcap_tables(patients, courses, identifiers)
            for name, path in self._redcap().items():
                write_table(path, tables[name], overwrite)

    def _redcap(self) -> dict[str, Path]:
        from lite_ensam.reporting import REDCAP_FILES

        folder = self.redcap
        return {} if folder is None else {name: folder / f"{name}.csv" for name in REDCAP_FILES}

    def _domains(self) -> dict[str, Path]:
        from lite_ensam.reporting import DOMAINS

        folder = self.sdtm
        return {} if folder is None else {name: folder / f"{name}.csv" for name in DOMAINS}


def response_record(
    patients: Sequence[Patient], courses: Sequence[Course], how: str, notes: Sequence[str], identifiers: bool
) -> dict[str, Any]:
    """All results, JSON-ready, in the shape of `response_schema`; parameters as of `ResponseOutputs.write`."""
    from lite_ensam import _kernels
    from lite_ensam.core.about import DISCLAIMER
    from lite_ensam.reporting import lesion_rows, rates_of, rates_rows

    return {
        "disclaimer": DISCLAIMER,
        "version": _kernels.__version__,
        "best_response": how,
        "notes": list(notes),
        "courses": [course.to_dict() for course in courses],
        "lesions": lesion_rows(patients, identifiers),
        "rates": rates_rows(rates_of(courses)),
    }

"""What `run` and `compare` write for a build server and hold a port to: the options, worded once, and their work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from parity.console import stdout
from parity.errors import InputError

JunitOption = Annotated[
    Path | None, typer.Option("--junit", help="Write JUnit XML: one suite per recording, one case per stage.")
]
SarifOption = Annotated[Path | None, typer.Option("--sarif", help="Write SARIF 2.1.0, which code scanning reads.")]
AnnotationsOption = Annotated[
    str, typer.Option("--annotations", metavar="github", help="Print failures as lines that the job's page shows.")
]
BaselineOption = Annotated[
    Path | None,
    typer.Option("--baseline", metavar="FILE", help="An earlier report (--json): fail only on what is worse than it."),
]
UpdateBaselineOption = Annotated[
    bool, typer.Option("--update-baseline", help="Write this run's report to --baseline's file, and fail on nothing.")
]
AcceptOption = Annotated[
    Path | None,
    typer.Option(
        "--accept",
        metavar="FILE",
        help="Drift to live with, with reasons and dates; parity.toml in this folder where it is there.",
    ),
]
MarkdownOption = Annotated[
    Path | None,
    typer.Option("--markdown", help="Write tables as Markdown; appended where it is the job's $GITHUB_STEP_SUMMARY."),
]
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names a job's summary, which steps append to."""


@dataclass
class Holding:
    """What the options ask for, read before any work is done.

    Attributes
    ----------
    place : what annotations and results are located in
    """

    place: Path | None
    junit: Path | None
    sarif: Path | None
    annotations: str
    baseline: Path | None
    update: bool
    accept: Path | None

    def __post_init__(self) -> None:
        from parity.files.whole import check_writable
        from parity.history import read_accepted, read_report
        from parity.report.ci.annotations import KINDS

        if self.annotations and self.annotations not in KINDS:
            raise InputError(f"--annotations {self.annotations}: unknown; there is: {', '.join(KINDS)}")
        if self.update and self.baseline is None:
            raise InputError("--update-baseline: writes the file that --baseline names, and none is named")
        for path in (self.junit, self.sarif, self.baseline if self.update else None):
            if path is not None:
                check_writable(path)
        self.accepted = read_accepted(self.accept)
        self.before = (
            read_report(self.baseline, "--baseline") if self.baseline is not None and not self.update else None
        )

    @property
    def asked(self) -> bool:
        """Whether anything is held or written at all."""
        return bool(self.junit or self.sarif or self.annotations or self.baseline or self.accepted)

    def check_same_kind(self, kind: str) -> None:
        """Refuse a baseline that the other command wrote; `kind` is `fixtures` (run) or `recordings` (compare)."""
        if self.before is not None and kind not in self.before:
            other = "compare" if kind == "fixtures" else "run"
            raise InputError(f"--baseline {self.baseline}: a report of `parity {other}`; the two are not held together")

    def settle(self, document: dict[str, Any]) -> tuple[dict[str, Any], int | None, list[str]]:
        """Hold a report to what was asked, and write what was asked for.

        Returns
        -------
        document : with the key `gate`
        status : the exit status; None where nothing is held, and the verdict's stands
        lines : for the terminal, the gate's verdict first
        """
        from parity.files.whole import write_text
        from parity.history import held, judged_in
        from parity.report.ci import gate_data, gate_lines, github_lines, junit, sarif
        from parity.report.document import to_json

        if not self.asked:
            return document, None, []
        found, judged = held(document, self.before, self.accepted), judged_in(document)
        baseline = "" if self.before is None else str(self.baseline)
        if self.junit is not None:
            write_text(self.junit, junit(judged, found))
        if self.sarif is not None:
            write_text(self.sarif, to_json(sarif(judged, found, str(self.place or "."))))
        lines = gate_lines(found, baseline=baseline) if self.before is not None or self.accepted else []
        if self.annotations:
            lines += github_lines(judged, found, str(self.place or "."))
        if self.baseline is not None and self.update:
            write_text(self.baseline, to_json(document))
            lines = [f"Baseline written: {self.baseline}.", *lines]
        whole = document | {"gate": gate_data(found, baseline=baseline)}
        errors = found.status == 2
        return whole, 2 if errors else 0 if self.update else found.status, lines


def print_lines(lines: Iterable[str]) -> None:
    """Print them as they are."""
    for line in lines:
        stdout.print(line, markup=False, soft_wrap=True)


def write_summary(path: Path, text: str, environment: Mapping[str, str] = os.environ) -> None:
    """Write Markdown; where the file is the job's own summary, append to it: other steps write there too.

    Raises
    ------
    InputError : it cannot be written
    """
    from parity.files.whole import write_text

    summary = environment.get(STEP_SUMMARY)
    if not summary or path.absolute() != Path(summary).absolute():
        write_text(path, text)
        return
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be appended to: {error.strerror}") from error

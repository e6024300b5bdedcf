"""`parity calibrate --diagnose`: whether the mistake that was planted is named, and its value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from parity.console import stderr, stdout, working

if TYPE_CHECKING:
    from parity.calibration.trials import Bench
    from parity.faults.fault import Fault

LONG_SECONDS = 60.0
"""Of a clip; longer ones are left out."""


def calibrate_naming_of(
    benches_of: Callable[..., Iterable[Bench]],
    planted: list[Fault],
    dictionary: list[Fault],
    weights: str,
    json_path: Path,
    *,
    values: bool,
    resume: bool,
) -> None:
    """Plant faults and values, look them up, write the report, say the verdict.

    Parameters
    ----------
    benches_of : (weights, seconds, say) -> the fixtures, one at a time; `seconds` takes the length of each
    planted : faults that are tried
    dictionary : those that are looked up
    values : whether values of families are planted too

    Raises
    ------
    typer.Exit : always: 0 where everything that has to be is reached, else 1
    """
    from parity.calibration.naming import NamingCalibration, calibrate_naming
    from parity.calibration.values import seeded_values
    from parity.faults.families import FAMILIES
    from parity.files.whole import write_text
    from parity.networks.runtime import one_blas_thread
    from parity.ports.dump.reading import read_dump
    from parity.report.calibration_naming import headline, lines, naming_document, passed, read_document
    from parity.report.document import to_json
    from parity.sources.weights import load_weights

    started = time.perf_counter()
    seconds: dict[str, float] = {}
    with working("weights and clips") as say, one_blas_thread():
        weight_set = load_weights(weights)
        known = read_document(json_path, weight_set.name) if resume and json_path.exists() else None

        def document_of(found: NamingCalibration) -> dict[str, Any]:
            return naming_document(found, weights=weight_set.name, seconds=time.perf_counter() - started)

        benches = (
            (bench, read_dump(bench.snapshot.folder))
            for bench in benches_of(weights=weight_set, seconds=seconds, say=say)
            if seconds[bench.name] <= LONG_SECONDS
        )
        found = calibrate_naming(
            benches,
            planted,
            dictionary,
            FAMILIES,
            seeded_values(FAMILIES) if values else (),
            known=known,
            on_trial=lambda name, what: say(f"{name}: {what}"),
            on_fixture=lambda found: write_text(json_path, to_json(document_of(found))),
        )
    document = document_of(found)
    write_text(json_path, to_json(document))
    stdout.print(headline(document), markup=False, soft_wrap=True)
    for line in lines(document):
        stdout.print(line, markup=False, soft_wrap=True)
    stderr.print(f"report: {json_path}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if passed(document) else 1)

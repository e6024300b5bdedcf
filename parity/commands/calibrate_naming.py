"""`parity calibrate --diagnose`: whether the mistake that was planted is named, and its value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from parity.console import stderr, stdout, working

if TYPE_CHECKING:
    from parity.calibration.in_processes import Plan
    from parity.calibration.trials import Bench
    from parity.faults.fault import Fault
    from parity.fixtures.catalogue import Fixture

LONG_SECONDS = 60.0
"""Of a clip; longer ones are left out."""


def calibrate_naming_of(
    benches_of: Callable[..., Iterable[Bench]],
    chosen: Sequence[Fixture],
    planted: list[Fault],
    plan: Plan,
    json_path: Path,
    *,
    processes: int,
    values: bool,
    stages: Sequence[str],
    resume: bool,
) -> None:
    """Plant faults and values, look them up, write the report, say the verdict.

    Parameters
    ----------
    benches_of : (fixtures, weights, say) -> them made ready, one at a time, where there is one process
    chosen : fixtures
    planted : faults that are tried; those of the plan's modules are looked up
    processes : that try them at once
    values : whether values of families are planted too
    stages : of which; none: of all

    Raises
    ------
    typer.Exit : always: 0 where everything that has to be is reached, else 1
    """
    from parity.calibration.naming import NamingCalibration, calibrate_naming
    from parity.calibration.naming_in_processes import calibrate_naming_in_processes
    from parity.calibration.values import seeded_values
    from parity.faults.families import FAMILIES
    from parity.faults.fault import load_faults
    from parity.files.whole import write_text
    from parity.networks.runtime import one_blas_thread
    from parity.ports.dump.reading import read_dump
    from parity.report.calibration_naming import headline, lines, naming_document, passed, read_document
    from parity.report.document import to_json
    from parity.sources.weights import load_weights

    started = time.perf_counter()
    seconds = {fixture.name: fixture.seconds() for fixture in chosen}
    short = [fixture for fixture in chosen if seconds[fixture.name] <= LONG_SECONDS]
    able = [family for family in FAMILIES if values and family.stage in (stages or [family.stage])]
    seeded = seeded_values(able)
    with working("weights and clips") as say, one_blas_thread():
        weight_set = load_weights(plan.weights)
        known = read_document(json_path, weight_set.name) if resume and json_path.exists() else None

        def document_of(found: NamingCalibration) -> dict[str, Any]:
            return naming_document(found, weights=weight_set.name, seconds=time.perf_counter() - started)

        def keep(found: NamingCalibration) -> None:
            write_text(json_path, to_json(document_of(found)))

        def told(found: NamingCalibration, left: int) -> None:
            keep(found)
            say(f"{left} dumps left")

        if processes == 1:
            found = calibrate_naming(
                ((bench, read_dump(bench.snapshot.folder)) for bench in benches_of(short, weights=weight_set, say=say)),
                planted,
                [fault for module in plan.modules for fault in load_faults(module)],
                FAMILIES,
                seeded,
                known=known,
                on_trial=lambda name, what: say(f"{name}: {what}"),
                on_fixture=keep,
            )
        else:
            found = calibrate_naming_in_processes(
                short, planted, plan, processes, values=seeded, known=known, on_part=told
            )
    document = document_of(found)
    write_text(json_path, to_json(document))
    stdout.print(headline(document), markup=False, soft_wrap=True)
    for line in lines(document):
        stdout.print(line, markup=False, soft_wrap=True)
    stderr.print(f"report: {json_path}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if passed(document) else 1)

"""One fixture's drift explained, as somebody asks for it from Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from parity.explain.explanation import Explanation
from parity.explain.localise import DEFAULT_BUDGET, ask, explain
from parity.fixtures.lookup import Asked
from parity.fixtures.prepare import make_ready
from parity.kept import results_where
from parity.networks.runtime import one_blas_thread
from parity.networks.wespeaker.runtime import AUTO
from parity.ports.arrays import supplied_by
from parity.ports.python import NATIVE, Given, opened
from parity.sources import DEFAULT_SOURCE, WeightSet


def explain_fixture(
    fixture: Asked,
    implementation: Given = "native",
    *,
    arrays: str | Path | None = None,
    deviations: str | Path | None = None,
    budget: int = DEFAULT_BUDGET,
    weights: WeightSet | str | Path = DEFAULT_SOURCE,
    runtime: str = AUTO,
    threads: int | None = None,
    cached: bool | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Explanation:
    """Say where a fixture's drift is born, which stage decides the answer, which elements carry it; `parity.explain`.

    Parameters
    ----------
    fixture, implementation, arrays, deviations, weights, runtime, threads, cached : see
        `parity.gate.asked.replay_fixture`
    budget : patched runs to find the decisive elements with; 0 leaves them out
    on_step : called with what is being done

    Returns
    -------
    explanation : a verdict for each stage, `named` where drift is born, `decisive`, `elements`; nothing is named where
        nothing is out of tolerance

    Raises
    ------
    InputError : see `parity.gate.asked.replay_fixture`
    """
    with opened(implementation) as under_test, one_blas_thread():
        kept = results_where(cached, tested=under_test is not NATIVE or arrays is not None)
        ready, networks = make_ready(fixture, weights=weights, runtime=runtime, threads=threads, kept=kept)
        folder, declared = (None if path is None else Path(path) for path in (arrays, deviations))
        supplied = supplied_by(ready, networks, under_test, arrays=folder, deviations=declared)
        question = ask(ready, networks, under_test, supplied=supplied, budget=budget)
        return explain(question, on_step=on_step).explanation

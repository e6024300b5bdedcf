"""One fixture replayed, as somebody asks for it from Python: by name, natively or with stages of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from parity.community1 import community1_pipeline
from parity.explain.localise import candidate_of
from parity.fixtures.lookup import Asked
from parity.fixtures.prepare import make_ready
from parity.kept import results_where
from parity.networks.runtime import one_blas_thread
from parity.networks.wespeaker.runtime import AUTO
from parity.ports.arrays import supplied_by
from parity.ports.python import NATIVE, Given, opened
from parity.replay import Replay, replay
from parity.sources import DEFAULT_SOURCE, WeightSet


def replay_fixture(
    fixture: Asked,
    implementation: Given = "native",
    *,
    arrays: str | Path | None = None,
    deviations: str | Path | None = None,
    weights: WeightSet | str | Path = DEFAULT_SOURCE,
    runtime: str = AUTO,
    threads: int | None = None,
    cached: bool | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Replay:
    """Replay a fixture and compare every artefact that its snapshot holds; `parity.replay`.

    Parameters
    ----------
    fixture : its name, itself, or a snapshot (or its folder) that was captured from its clip
    implementation : `native`; `module:object`, `exec:PROGRAM` or an installed entry point; stages by name, each a
        function with the signature of the native stage; or a function from the native pipeline to another
    arrays : a folder with what a port made of this clip, in place of stages (`docs/reference/dumps.md`)
    deviations : a file that declares what is done otherwise on purpose, where the arrays cannot hold one
    weights : a weight set, or what `parity.load_weights` takes
    runtime, threads : of the networks; the fastest runtime here and the cores this process may use by default
    cached : whether what native stages made of the same inputs may come from the cache; None: where something else
        than the native pipeline is under test
    on_stage : called with a stage's name before it runs

    Returns
    -------
    replay : `at_parity`, `drifts` by artefact, isolated and cascaded, `score`, `rttm`

    Raises
    ------
    InputError : the fixture is not known, its snapshot, clip or weights do not fit each other, or the implementation
        cannot be loaded or returns what no stage may
    """
    with opened(implementation) as under_test, one_blas_thread():
        kept = results_where(cached, tested=under_test is not NATIVE or arrays is not None)
        ready, networks = make_ready(fixture, weights=weights, runtime=runtime, threads=threads, kept=kept)
        folder, declared = (None if path is None else Path(path) for path in (arrays, deviations))
        supplied = supplied_by(ready, networks, under_test, arrays=folder, deviations=declared)
        ready = supplied.ready
        native = community1_pipeline(networks, ready.parameters).with_settings(uri=ready.fixture.name)
        pipeline = candidate_of(native, under_test, supplied)
        found: Replay = replay(pipeline, ready.snapshot, ready.inputs, on_stage=on_stage)
    return found

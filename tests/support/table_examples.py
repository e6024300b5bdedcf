"""A document of every kind that holds tables, with something in each of them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.rnnt import report_of as bench_rnnt_report
from parity.calibration.trials import Calibration, Finding, Trial
from parity.embedding.runtimes import Costs, Outcome, Speed
from parity.embedding.verification import Verification, Window
from parity.faults.fault import Fault
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.stability import Perturbed, Stability
from parity.layers.proof import LayerProof, Proof
from parity.margins.margin import Margin
from parity.measure.score import Score
from parity.ports.dump.comparison import DumpComparison, compare_dumps
from parity.report.calibration import calibration_document
from parity.report.comparison import comparison_data, comparison_document
from parity.report.document import to_json
from parity.report.frames import catalogue_document, margins_document, stability_document
from parity.report.layers import proof_data
from parity.report.runtimes import costs_data
from parity.report.steps import steps_document
from parity.report.tables import (
    BENCH,
    BENCH_RNNT,
    CALIBRATE,
    CATALOGUE,
    COMPARE,
    EXPLAIN,
    LAYERS,
    MARGINS,
    PEERS,
    RNNT,
    RUN,
    RUNTIMES,
    SCALE,
    STABILITY,
    VERIFICATION,
)
from parity.report.verification import verification_data
from parity.sources.weights import WeightSet
from peers.adapters import ROWS
from peers.measuring import Bench as Peered
from peers.measuring import Clip, Result
from peers.report import document as peers_document
from peers.running import Run
from support import ROOT
from support.dump_examples import copy_of, reference
from support.report_examples import example

FAULT = Fault("swapped", "assignment", "two speakers, swapped", lambda native, workshop: native)
INFINITE = float("inf")


@functools.cache
def comparison() -> DumpComparison:
    """Of one recording, with artefacts of every verdict, an infinity, turns that differ, and gaps."""
    dump = copy_of(reference())
    dump.values["embeddings"] = dump.values["embeddings"] * 32768
    dump.values["post_plda"] = -dump.values["post_plda"]
    dump.values["centroids"][0, 0] = np.inf
    del dump.values["dendrogram"]
    dump.values["diarization"] = "".join(dump.values["diarization"].splitlines(keepends=True)[1:])
    return compare_dumps("port", reference(), dump)


def calibration() -> Calibration:
    """One fault on two fixtures, and a clean run that raises a false alarm."""
    seen = Trial("swapped", "a", ("hard_clusters", "diarization"), True, ("assignment", "vbx"), True, False, None)
    unseen = Trial("swapped", "b", (), False, (), False, None, None)
    clean = Trial(None, "a", (), True, ("plda",), True, True, "plda")
    return Calibration((Finding(FAULT, (seen, unseen)),), (clean,))


def proof() -> Proof:
    """Two layers, the second of another shape."""
    layers = (
        LayerProof("conv1", (32, 80, 998), 256, 3, 1e-6, 2e-7, 1e-4, True),
        LayerProof("embeddings", (4, 256), 1024, 5, INFINITE, INFINITE, 1e-5, False),
    )
    return Proof("a", (3, 5), True, layers, "embeddings", "pooled over mel bins")


def costs() -> Costs:
    """Two runtimes, one of them without a speed, on two fixtures."""
    outcomes = (
        Outcome("onnx", "a", 3, 21, 1e-6),
        Outcome("onnx", "b", 21, 21, 2e-6, 50.0, "merge", 0.0, 0.0, True),
        Outcome("ncnn", "b", 21, 21, None, None, "", 0.25, None, False),
    )
    speeds = {"onnx": Speed(0.25, 1.0, 1.0, 1.0)}
    return Costs({"onnx": 10, "ncnn": 20}, {"onnx": "o 1", "ncnn": "n 2"}, "w", "cpu", 2, None, outcomes, speeds)


def verification() -> Verification:
    """Three pairs."""
    return Verification("onnx", np.array([0.9, 0.8]), np.array([0.1]))


def stability() -> list[Stability]:
    """One fixture with a filterbank that was not perturbed, and one in which nobody speaks."""
    sizes, no = (1e-6, 1e-5), Perturbed(0, (1e-6, 1e-5), (None, None), "nobody speaks")
    return [
        Stability("a", "ab", 0, 64, {"q_final": 1e-15, "post_plda": 2e-12}, Perturbed(20, sizes, (0.0, 0.1)), no),
        Stability("b", "cd", 0, 64, None, no, no),
    ]


def margins() -> dict[str, list[Margin]]:
    """Decisions of two fixtures."""
    return {
        "a": [Margin("ahc", "cut", 0.05, "distance", "merge 1", 3, 0, False, 0.1, 0.5, 0.4, "merge 2")],
        "b": [Margin("reconstruction", "most active", None, "chunks", "", 4, 4, True)],
    }


@functools.cache
def rnnt() -> dict[str, Any]:
    """An RNN-T fixture with a fault in it, explained."""
    from parity.subjects.rnnt.fixtures import FIXTURES
    from parity.subjects.rnnt.questions import known_fault, planted, run_fixture

    fixture = FIXTURES["small"]
    fault = known_fault("one_symbol_fewer")
    result = run_fixture(fixture, implementation=planted(fault, fixture), explain_drift=True)
    return steps_document([result], implementation="fault one_symbol_fewer")


def _compared() -> dict[str, Any]:
    data = comparison_data(comparison())
    data["explanation"] = next(f["explanation"] for f in example()["fixtures"] if f.get("explanation"))
    return comparison_document([data], ["c: only in theirs, not compared"], {"a": "a/phi.npy: truncated"})


def _explained() -> dict[str, Any]:
    found = next(f["explanation"] for f in example()["fixtures"] if f.get("explanation"))
    return {**found, "runtime": {"name": "onnx", "version": "1"}}


def _verified() -> dict[str, Any]:
    windows = [Window("sample", "A", 1.5, np.zeros(4)), Window("sample", "B", 3.0, np.zeros(4))]
    return verification_data([verification()], windows, ["1.2"], "w")


def bench() -> dict[str, Any]:
    """The committed report, which `bench` and `bench.scale` filled."""
    return json.loads((ROOT / "docs" / "measured" / "bench.json").read_text(encoding="utf-8"))


def _bench_rnnt() -> dict[str, Any]:
    rates = {"reference_steps_per_second": 1500.0, "steps_per_second": 9000.5, "ratio": 6.0, "ratios": [5.5, 6.0]}
    head = {
        "name": "one_layer_34",
        "steps": 300,
        "tokens": 21,
        "tokens_equal": True,
        **rates,
        "statistics": "300 steps",
    }
    return bench_rnnt_report([head], 1, 300, 2, None)


def _peers() -> dict[str, Any]:
    ran = Result("parity", Run("", 0.5, 3.0, 5.5, 900.0, {}), Score(0.25, 0.5, 0.25, 0.25, 4.0), 2, 13)
    clips = [Clip("a", 30.0, 2, 13, (ran, Result("moonshine", reason="no wheel for this platform")))]
    weights = WeightSet("w", Path(), {}, {}, {}, {}, {}, "ab" * 32)
    return peers_document(
        Peered(Path(), weights, 2), [row for row in ROWS if row.name in ("parity", "moonshine")], clips
    )


DOCUMENTS: dict[str, tuple[Any, Callable[[], dict[str, Any]]]] = {
    "run": (RUN, example),
    "explain": (EXPLAIN, _explained),
    "compare": (COMPARE, _compared),
    "calibrate": (CALIBRATE, lambda: calibration_document(calibration(), weights="w", skipped={}, seconds=1.0)),
    "layers": (LAYERS, lambda: proof_data([proof()], "onnx", "1", "w")),
    "runtimes": (RUNTIMES, lambda: costs_data(costs())),
    "verification": (VERIFICATION, _verified),
    "stability": (STABILITY, lambda: stability_document(stability())),
    "margins": (MARGINS, lambda: margins_document(margins())),
    "fixtures list": (CATALOGUE, lambda: catalogue_document(Catalogue.read(default_folder()).fixtures)),
    "rnnt replay": (RNNT, rnnt),
    "bench": (BENCH, bench),
    "bench.scale": (SCALE, bench),
    "bench.rnnt": (BENCH_RNNT, _bench_rnnt),
    "peers": (PEERS, _peers),
}
"""Command -> its tables, and what makes a document of it."""


@functools.cache
def document(command: str) -> dict[str, Any]:
    """The document of a command, as it is read back from its file; nobody may change it."""
    return json.loads(to_json(DOCUMENTS[command][1]()))


def written(command: str, folder: Path) -> Path:
    """The same in a file."""
    path = folder / "found.json"
    path.write_text(json.dumps(document(command)), encoding="utf-8")
    return path

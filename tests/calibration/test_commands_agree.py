"""`compare`, `run --arrays` and `explain --arrays`, as they are typed, say the same of one dump."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.command_line import parity
from threadpoolctl import threadpool_limits

from parity.calibration.dumps import FULL, cascade, from_recorded, write
from parity.calibration.trials import bench_of
from parity.faults.fault import load_faults
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.prepare import load_networks, prepare
from parity.kept import Results
from parity.measure.verdicts import DRIFT, EQUIVALENT, exit_status
from parity.sources.weights import load_weights

pytestmark = pytest.mark.models
FAULTS = {fault.name: fault for fault in load_faults()}


def dumped(fixture: str, fault: str, folder: Path) -> Path:
    weights = load_weights()
    (found,) = Catalogue.read(default_folder()).select([fixture])
    ready = prepare(found, found.snapshot_folder, weights)
    with threadpool_limits(1, user_api="blas"):
        bench = from_recorded(bench_of(ready, load_networks(weights, 1, kept=Results()), weights, 1))
        folder.mkdir()
        write(folder, bench, cascade(bench, (FAULTS[fault],)), FULL, np.random.default_rng(1))
    return folder


@pytest.mark.parametrize(
    ("fixture", "fault", "verdict", "named"),
    [
        ("08_known_count", "speakers_by_appearance", EQUIVALENT, []),
        ("14_partial_tail", "vbx_one_iteration_early", DRIFT, ["vbx"]),
    ],
)
def test_three_commands_say_the_same_of_a_dump(tmp_path, fixture, fault, verdict, named):
    folder = dumped(fixture, fault, tmp_path / fixture)
    files = {name: tmp_path / f"{name}.json" for name in ("compare", "run", "explain")}
    done = {
        "compare": parity("compare", default_folder() / fixture, folder, "--explain", "--json", files["compare"]),
        "run": parity("run", fixture, "--arrays", folder, "--no-html", "--json", files["run"]),
        "explain": parity("explain", fixture, "--arrays", folder, "--json", files["explain"]),
    }
    said = {name: json.loads(file.read_text()) for name, file in files.items()}
    assert {name: run.returncode for name, run in done.items()} == dict.fromkeys(done, exit_status([verdict]))
    assert said["compare"]["verdict"] == verdict == said["explain"]["verdict"]
    assert said["run"]["verdict"] == verdict
    explained = said["compare"]["recordings"][0]["explanation"]
    assert explained["named"] == said["explain"]["named"] == named
    assert explained["decisive"] == said["explain"]["decisive"]

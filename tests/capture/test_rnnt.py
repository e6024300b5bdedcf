"""gigaam's own head and search on PyTorch, against the backend and against what is kept."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from parity.errors import InputError
from parity.measure.drift import compare
from parity.pipeline.artefact import STEP_ARTEFACTS
from parity.replay.engine import CASCADED, ISOLATED
from parity.rnnt.search import greedy
from parity.rnnt.seeded import SeededUtterance
from parity.rnnt.step import OnnxJointStep
from parity.subjects.rnnt.fixtures import ALL, FIXTURES, HEADS, RnntFixture, made_head
from parity.subjects.rnnt.questions import networks_of, run_fixture

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(not importlib.util.find_spec("gigaam"), reason="needs gigaam: nox -s tests-capture has it"),
]
REAL_SIZE = [name for name in HEADS if name != "three_layers_small"]


def reference(head: str, utterance: SeededUtterance, **options):
    from capture.rnnt.reference import run_reference

    recipe = HEADS[head]
    return run_reference(made_head(recipe), utterance.encoded(recipe.enc_hidden), options.pop("limit", 10), **options)


@pytest.mark.parametrize("head", REAL_SIZE)
@pytest.mark.parametrize("frames, pushed", [(1, 0), (40, 0), (12, 4)])
def test_the_backend_is_the_reference_on_utterances_that_no_snapshot_has(tmp_path, head, frames, pushed):
    from capture.rnnt.snapshots import capture_fixture

    fixture = RnntFixture("fresh", "", HEADS[head], SeededUtterance("fresh", frames, 77, pushed), ALL)
    capture_fixture(fixture, tmp_path / "fresh")
    result = run_fixture(fixture, snapshots=tmp_path)
    assert result.at_parity, [drift for drift in result.replay.drifts if not drift.within]


@pytest.mark.parametrize("name", [name for name in FIXTURES if name.startswith("long_two_layers")])
def test_two_minutes_are_at_parity_at_every_step(tmp_path, name):
    """Every log-probability and state of 3,000 frames, of which the kept snapshots have a part."""
    from capture.rnnt.noise import torch_threads
    from capture.rnnt.snapshots import capture_fixture

    with torch_threads(1):  # as `capture` has it; two wait for each other at every step where cores are busy
        capture_fixture(FIXTURES[name], tmp_path / name, everything=True)
    result = run_fixture(FIXTURES[name], snapshots=tmp_path)
    assert result.at_parity and not result.replay.isolated_without
    assert max(result.replay.drift_of("log_probabilities", mode) for mode in (ISOLATED, CASCADED)) < 1e-5


@pytest.mark.parametrize("limit", [1, 3])
def test_another_limit_of_symbols_is_followed(limit):
    utterance = SeededUtterance("x", 12, 77, 4)
    want = reference("one_layer_34", utterance, limit=limit).values
    fixture = replace(FIXTURES["crowded"], utterance=utterance)
    found = greedy(OnnxJointStep(networks_of(fixture)), fixture.encoded(), max_symbols=limit)
    np.testing.assert_array_equal(found.tokens, want["tokens"])
    np.testing.assert_array_equal(found.frames, want["token_frames"])


@pytest.mark.parametrize("name", ["empty", "single", "small", "crowded"])
def test_a_capture_is_what_is_kept(tmp_path, name):
    from capture.rnnt.__main__ import differences
    from capture.rnnt.snapshots import capture_fixture

    within, lines = differences(FIXTURES[name].read(), capture_fixture(FIXTURES[name], tmp_path / name))
    assert within, lines


def test_an_altered_capture_is_told(tmp_path):
    from capture.rnnt.__main__ import differences
    from capture.rnnt.snapshots import capture_fixture

    fresh = capture_fixture(FIXTURES["small"], tmp_path / "small")
    moved = dict(fresh.values) | {"chosen": fresh.values["chosen"] + 1}
    within, lines = differences(FIXTURES["small"].read(), replace(fresh, values=moved))
    assert not within and any(line.startswith("chosen: ") and "OUT OF TOLERANCE" in line for line in lines)


def test_ours_is_no_further_from_float64_than_the_reference():
    import torch

    utterance = SeededUtterance("x", 40, 78)
    exact = reference("two_layers_34", utterance, dtype=torch.float64).values
    theirs = reference("two_layers_34", utterance).values
    fixture = replace(FIXTURES["short_two_layers_34"], utterance=utterance)
    from parity.rnnt import rnnt_pipeline

    ours = rnnt_pipeline(networks_of(fixture)).run({"encoded": fixture.encoded()})
    np.testing.assert_array_equal(ours["tokens"], exact["tokens"])
    for name in ("log_probabilities", "predictor_state"):
        ours_off, theirs_off = (np.abs(side[name] - exact[name]).max() for side in (ours, theirs))
        assert ours_off <= theirs_off, name


def test_every_artefact_is_recorded_in_its_dtype():
    values = reference("three_layers_small", SeededUtterance("x", 5, 3)).values
    assert {name: str(value.dtype) for name, value in values.items()} == {
        name: artefact.dtype for name, artefact in STEP_ARTEFACTS.items()
    }


def test_moving_the_frames_by_one_ulp_is_noise():
    from capture.rnnt.noise import one_ulp

    encoded = FIXTURES["small"].encoded()
    moved = one_ulp(encoded)
    assert (moved != encoded).all() and moved.dtype == np.float32
    np.testing.assert_array_equal(moved, one_ulp(encoded))
    assert compare("log_probabilities", moved, encoded, mode=CASCADED).max_abs < 1e-6


def test_another_gigaam_is_refused(monkeypatch):
    from capture.rnnt import package

    monkeypatch.setitem(package.SOURCES, "decoder.py", "0" * 64)
    with pytest.raises(InputError, match=r"decoder.py: sha256 is [0-9a-f]+, gigaam 0.1.0 has 0+"):
        package.load()


def test_only_the_two_modules_that_are_captured_are_imported():
    # In a process of its own: here, other tests have imported much.
    program = "import sys; from capture.rnnt.package import load; load(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    names = {name for name in loaded if name.split(".")[0] == "gigaam"}
    assert names == {"gigaam", "gigaam.decoder", "gigaam.decoding"} and not {"torchaudio", "hydra"} & loaded

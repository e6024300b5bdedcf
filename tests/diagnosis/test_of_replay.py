"""A mistake in code named by its isolated replay: in `explain`, in `run`, of Python functions, without networks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from support import ROOT

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.diagnosis.advice import confirming
from parity.diagnosis.asking import ALL, LIGHT, NEVER, Effort, ask_of_dump, effort_of, safely
from parity.diagnosis.of_stage import Ran, diagnose_stage
from parity.errors import InputError
from parity.faults.families import FAMILIES
from parity.faults.fault import Workshop, load_faults
from parity.fixtures.snapshot import read_snapshot
from parity.pipeline.stage import ChunkSeries
from parity.ports.dump import compare_dumps, read_dump
from parity.ports.judging import Judged, Loading
from parity.ports.yardstick import Means, behind
from parity.replay.engine import reference_artefacts


def never(*asked):
    raise AssertionError("neither weights nor the clip are needed here")


@cache
def reference():
    return reference_artefacts(read_snapshot(ROOT / "fixtures" / "14_partial_tail"), {})


def ran(name: str, value: float | None = None) -> Ran:
    """What a stage with a mistake in it makes of the reference's own inputs."""
    known = {fault.name: fault for fault in load_faults()} | {family.name: family for family in FAMILIES}
    fault = known[name] if value is None else known[name].at(value)
    native = community1_pipeline(without_networks(), Parameters())
    planted = fault.plant(native, Workshop(None, without_networks(), Parameters()))
    made = planted[fault.stage](reference())
    return Ran(fault.stage, made, reference(), (), Parameters(), Means(never, never, never), never)


@pytest.mark.parametrize("name", ["count_ceiling", "scores_as_distances", "vbx_other_fa", "turns_from_frame_starts"])
def test_what_a_stage_of_code_answers_is_enough_to_name_its_mistake(name):
    found = diagnose_stage(ran(name), load_faults(), FAMILIES)
    assert name in found.names and found.given == "the reference's arrays"


def test_a_value_in_no_list_is_found_and_drawn():
    found = diagnose_stage(ran("vbx_fa", 0.21), load_faults(), FAMILIES)
    assert found.mistake.parameter.value == pytest.approx(0.21, rel=0.01)
    shown = found.evidence
    assert np.allclose(shown.mistaken, shown.candidate, rtol=1e-3, equal_nan=True)
    assert not np.allclose(shown.reference, shown.candidate, rtol=1e-3)


def test_what_nobody_knows_is_not_named():
    odd = ran("vbx_other_fa")
    noise = np.random.default_rng(0).random(odd.made["q_final"].shape)
    found = diagnose_stage(replace(odd, made={**odd.made, "q_final": noise}), load_faults(), FAMILIES)
    assert found.mistake is None and found.evidence is not None and found.evidence.mistaken is None


def test_a_mistake_too_small_for_the_tolerance_is_named_all_the_same():
    """As of a filterbank that is within its own tolerance and puts embeddings out of theirs."""
    small = ran("soft_clusters_scale", 1 + 1e-12)
    found = diagnose_stage(small, load_faults(), FAMILIES)
    assert found.judged_by == ("soft_clusters",)


def test_a_stage_that_wrote_nothing_has_no_diagnosis():
    assert diagnose_stage(replace(ran("count_ceiling"), made={}), load_faults()) is None


def test_embeddings_of_the_chunks_whose_filterbank_was_recorded_stand_among_the_others():
    from parity.diagnosis.of_stage import _both_sides

    want = np.arange(24.0).reshape(4, 3, 2)
    fbank = ChunkSeries.recorded(np.array([1, 3]), np.zeros((2, 5, 4)))
    asked = replace(
        ran("count_ceiling"),
        stage="embeddings",
        made={"embeddings": want[[1, 3]] + 1},
        reference={"embeddings": want, "fbank": fbank},
    )
    candidate, _, _ = _both_sides(asked, community1_pipeline(without_networks(), Parameters()))
    assert np.array_equal(
        candidate["embeddings"] - want, np.isin(np.arange(4), [1, 3])[:, None, None] * np.ones((4, 3, 2))
    )


# who decides whether it is looked up


@pytest.mark.parametrize(
    "effort, stage, at_hand, why",
    [
        (Effort(LIGHT), "vbx", False, ""),
        (Effort(LIGHT), "plda", True, ""),
        (Effort(LIGHT), "plda", False, "--diagnose fetches them"),
        (Effort(LIGHT, "--explain"), "fbank", True, "--explain does it"),
        (Effort(ALL), "segmentation", False, ""),
        (Effort(NEVER), "vbx", True, "--no-diagnose was given"),
    ],
)
def test_heavy_stages_wait_until_somebody_asks(effort, stage, at_hand, why):
    found = effort.why_not(stage, at_hand)
    assert why in found and bool(why) == bool(found)


@pytest.mark.parametrize(
    "asked, explained, much", [(None, False, LIGHT), (None, True, ALL), (True, False, ALL), (False, True, NEVER)]
)
def test_how_much_is_done(asked, explained, much):
    assert effort_of(asked, all_of_it=explained).much == much


def _raise(error):
    raise error


def test_a_look_up_that_fails_costs_no_verdict():
    assert safely(partial(_raise, InputError("no weights\nhere"))).why_not == "no weights here"
    assert "KeyError" in safely(partial(_raise, KeyError("x"))).why_not


@pytest.mark.parametrize(
    "given, command",
    [
        ({"implementation": "exec:./p --x"}, "parity run 02 --stage vbx --implementation 'exec:./p --x'"),
        ({"implementation": "m:STAGES"}, "parity run 02 --stage vbx --implementation m:STAGES"),
        ({"fault": "vbx_other_fa"}, "parity explain 02 --fault vbx_other_fa"),
        ({"arrays": ROOT / "a b"}, f"parity explain 02 --arrays '{ROOT / 'a b'}'"),
    ],
)
def test_the_command_that_confirms_is_ready_to_be_pasted(given, command):
    assert confirming("02", "vbx", **given) == command


def test_a_planted_mistake_is_run_with_what_reads_of_it_alone():
    graph = community1_pipeline(without_networks(), Parameters())
    assert behind(graph, ["speaker_counting"]) == {"speaker_counting", "reconstruction", "annotation"}
    assert {"embeddings", "vbx"} <= behind(graph, ["masks"]) and "fbank" not in behind(graph, ["masks"])


def test_embeddings_of_another_width_are_not_looked_up_for_a_minute():
    dump = read_dump(ROOT / "fixtures" / "14_partial_tail")
    narrow = np.ascontiguousarray(dump.values["embeddings"][..., :192])
    other = replace(dump, values={**dump.values, "embeddings": narrow})
    judged = Judged(compare_dumps("14_partial_tail", dump, other))
    found = ask_of_dump(judged, dump, other, Loading(), Effort(ALL))
    assert found.diagnoses == () and "shape (12, 3, 192), which no known mistake makes" in found.why_not

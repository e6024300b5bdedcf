"""RNN-T searches in the lab: the fixtures against gigaam's captures, the loop, patches, verdicts, faults, the drift."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.rnnt_examples import SMALL, UTTERANCE, backend, encoded, networks, searched, small_head

from parity.calibration.trials import calibrate
from parity.errors import InputError
from parity.explain.explanation import BORN, INHERITED
from parity.explain.patching import Patching
from parity.explain.supply import downstream
from parity.fixtures.snapshot import MANIFEST, read_snapshot, write_snapshot
from parity.pipeline.artefact import LAYOUTS, RNNT, STEP_ARTEFACTS
from parity.replay.engine import CASCADED, ISOLATED, replay
from parity.rnnt import rnnt_pipeline
from parity.rnnt.search import greedy
from parity.subjects.rnnt.faults import FAULTS
from parity.subjects.rnnt.fixtures import ALL, FIXTURES, HEADS, select
from parity.subjects.rnnt.questions import bench_of, benches, known_fault, networks_of, planted, run_fixture
from parity.subjects.rnnt.subject import Transcript, decisive_steps, drift_by_step, edit_distance

WHOLE = [name for name, fixture in FIXTURES.items() if fixture.kept == ALL]
QUICK = [*WHOLE, "minute_one_layer_34"]


def pipeline(**options):
    return rnnt_pipeline(networks(), **options)


def made() -> dict:
    return pipeline().run({"encoded": encoded()})


# against the reference


def test_the_fixtures_have_both_sizes_of_head_one_and_two_layers_and_lengths_up_to_3000_frames():
    sizes = {(fixture.head.layers, fixture.head.classes) for fixture in FIXTURES.values()}
    assert sizes >= {(1, 34), (1, 1025), (2, 34), (2, 1025)}
    assert {fixture.utterance.frames for fixture in FIXTURES.values()} >= {0, 1, 3000}
    assert {(f.head.pred_hidden, f.head.enc_hidden) for f in FIXTURES.values() if f.head.layers < 3} == {(320, 768)}


@pytest.mark.parametrize("name", QUICK)
def test_a_fixture_is_at_parity_stage_by_stage_and_by_the_backend(name):
    result = run_fixture(FIXTURES[name])
    assert result.at_parity and result.replay.first_difference is None and not result.replay.problems
    assert len(result.backend) == 2 and {drift.compared for drift in result.backend} == {result.replay.tokens}
    compared = {drift.artefact for drift in result.replay.drifts if drift.mode == CASCADED}
    assert compared == set(read_snapshot(FIXTURES[name].snapshot_folder).values)


@pytest.mark.parametrize("name", ["long_one_layer_1025", "long_two_layers_34"])
def test_a_long_utterances_tokens_and_frames_are_the_references(name):
    fixture = FIXTURES[name]
    want, backend_of = fixture.read().values, networks_of(fixture)
    from parity.rnnt.step import OnnxJointStep

    found = greedy(OnnxJointStep(backend_of), fixture.encoded())
    assert len(found.tokens) > 500
    np.testing.assert_array_equal(found.tokens, want["tokens"])
    np.testing.assert_array_equal(found.frames, want["token_frames"])


def test_every_snapshot_of_the_catalogue_is_there_and_none_besides():
    folder = next(iter(FIXTURES.values())).snapshot_folder.parent
    assert {path.name for path in folder.iterdir()} == set(FIXTURES)


def test_frames_of_another_recipe_are_told_from_those_captured():
    fixture = replace(FIXTURES["small"], utterance=replace(FIXTURES["small"].utterance, seed=12))
    with pytest.raises(InputError, match="encoded_sha256 made from seed here are"):
        fixture.read()
    with pytest.raises(InputError, match="head made from seed"):
        replace(FIXTURES["small"], head=replace(HEADS["three_layers_small"], seed=1)).read()


def test_an_unknown_fixture_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="nobody: unknown; there are: empty, single"):
        select(["nobody"])


# snapshots of a second pipeline


def test_no_artefact_is_in_two_layouts():
    names = [name for layout in LAYOUTS.values() for name in layout.artefacts]
    assert len(names) == len(set(names))


def test_a_snapshot_names_its_pipeline_and_its_own_reference(tmp_path):
    manifest = {"pipeline": "rnn-t", "gigaam_version": "0.1.0", "encoded_sha256": "0" * 64}
    contents = {"transcript.npz": {"tokens": np.zeros(2, np.int64), "token_frames": np.zeros(2, np.int64)}}
    assert write_snapshot(tmp_path / "s", manifest, contents).layout is RNNT
    text = json.loads((tmp_path / "s" / MANIFEST).read_text())
    for key, value, said in (
        ("pipeline", "asr", "of pipeline 'asr'; known: community-1, rnn-t"),
        ("gigaam_version", "0.2.0", "captured from gigaam 0.2.0, this pipeline follows 0.1.0"),
        ("encoded_sha256", None, "`encoded_sha256` is None, expected a text"),
    ):
        (tmp_path / "s" / MANIFEST).write_text(json.dumps(text | {key: value}))
        with pytest.raises(InputError, match=said):
            read_snapshot(tmp_path / "s")


def test_tokens_and_frames_of_different_lengths_are_refused(tmp_path):
    manifest = {"pipeline": "rnn-t", "gigaam_version": "0.1.0", "encoded_sha256": "0" * 64}
    contents = {"transcript.npz": {"tokens": np.zeros(2, np.int64), "token_frames": np.zeros(3, np.int64)}}
    with pytest.raises(InputError, match=r"has U = [23]"):
        write_snapshot(tmp_path / "s", manifest, contents)


# the loop


def test_the_graph_makes_every_artefact_and_the_tokens_of_the_search():
    found = made()
    assert set(found) == {"encoded", *STEP_ARTEFACTS}
    assert (found["tokens"].tolist(), found["token_frames"].tolist()) == searched(small_head(), encoded())
    np.testing.assert_array_equal(found["tokens"], greedy(backend(), encoded()).tokens)


def test_each_step_starts_where_the_one_before_ended():
    found = made()
    for read, written in pipeline().feedback.items():
        np.testing.assert_array_equal(found[read][1:], found[written][:-1])


def test_no_frames_make_arrays_without_rows():
    found = pipeline().run({"encoded": encoded()[:0]})
    full = made()
    assert all(len(found[name]) == 0 for name in STEP_ARTEFACTS)
    assert all(found[name].dtype == full[name].dtype and found[name].shape[1:] == full[name].shape[1:]
               for name in STEP_ARTEFACTS)  # fmt: skip


def test_a_stage_on_all_rows_at_once_is_the_loops_row_by_row():
    found = made()
    for stage in pipeline():
        for name, value in stage(found).items():
            np.testing.assert_array_equal(value, found[name])


def test_a_patch_of_some_steps_leads_the_search_elsewhere_and_ends_where_it_has_no_rows():
    found = made()
    step = int(np.flatnonzero(found["chosen"] != 19)[0])
    patched = pipeline().run({"encoded": encoded()}, patches={"chosen": {step: np.int64(19) + np.zeros((), np.int64)}})
    assert patched["chosen"][step] == 19 and patched["step_frame"][step + 1] == found["step_frame"][step] + 1
    np.testing.assert_array_equal(patched["chosen"][:step], found["chosen"][:step])
    whole = pipeline().run({"encoded": encoded()}, patches={"chosen": found["chosen"][: step + 1]})
    np.testing.assert_array_equal(whole["tokens"], found["tokens"])


def test_a_patch_that_no_stage_writes_is_refused():
    with pytest.raises(ValueError, match="step_state"):
        pipeline().run({"encoded": encoded()}, patches={"step_state": found_rows()})


def found_rows() -> np.ndarray:
    return made()["step_state"]


def test_in_a_loop_everything_is_downstream_of_everything():
    names = {stage.name for stage in pipeline()}
    assert downstream(pipeline(), {"log_probabilities"}) == names
    assert downstream(pipeline(), {"tokens"}) == set()


def test_replacing_a_stage_keeps_the_loop():
    replaced = pipeline().replacing("choose", lambda scores: np.full(len(scores), 19))
    assert type(replaced) is type(pipeline()) and replaced.run({"encoded": encoded()})["tokens"].size == 0


# drift, step by step


def test_the_first_difference_has_the_references_margin():
    found = planted_result("blank_penalty", "short_one_layer_34").replay.first_difference
    scores = FIXTURES["short_one_layer_34"].read().values["log_probabilities"]
    assert found.margin == pytest.approx(scores[found.step, found.want] - scores[found.step, found.got])
    assert 0 < found.margin < 1.0 and found.want == 33


def planted_result(fault: str, fixture: str, **options):
    entry = FIXTURES[fixture]
    return run_fixture(entry, implementation=planted(known_fault(fault), entry), **options)


def test_drift_is_followed_up_to_the_step_that_parts():
    want = made()
    ours = {name: value.copy() for name, value in want.items()}
    ours["log_probabilities"][5] += 0.5
    ours["chosen"][7] = (want["chosen"][7] + 1) % 20
    found = drift_by_step(ours, want)["log_probabilities"]
    assert len(found) == 8 and found[5] == pytest.approx(0.5, abs=1e-5) and found.argmax() == 5


def test_edits_are_counted_by_token_and_frame():
    def transcript(*pairs: tuple[int, int]) -> Transcript:
        return Transcript(*np.array(pairs, dtype=np.int64).reshape(-1, 2).T)

    three = transcript((1, 0), (2, 1), (3, 2))
    assert edit_distance(three, three) == 0.0
    assert edit_distance(transcript((1, 0), (3, 2)), three) == pytest.approx(1 / 3)
    assert edit_distance(transcript((9, 0), (1, 0), (2, 1), (3, 2)), three) == pytest.approx(1 / 3)
    assert edit_distance(transcript((1, 0), (2, 2), (3, 2)), three) == pytest.approx(1 / 3)
    assert edit_distance(transcript(), three) == 1.0 and edit_distance(three, transcript()) == 3.0


def test_state_drift_is_compared_with_what_one_step_makes():
    found = run_fixture(FIXTURES["small"]).replay
    states = [found.drift_of("predictor_state", mode) for mode in (CASCADED, ISOLATED)]
    assert found.amplification == pytest.approx(states[0] / states[1]) and states[1] > 0


# faults


@pytest.fixture(scope="module")
def calibration():
    return calibrate(benches(select(["single", "small", "crowded", "short_two_layers_34"])), FAULTS)


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS])
def test_a_planted_fault_is_detected_and_named_and_its_patch_restores(calibration, fault):
    finding = next(finding for finding in calibration.findings if finding.fault.name == fault)
    assert finding.moving and finding.detected and finding.named_rightly, finding.named
    assert finding.restored is not False and finding.decisive_consistent is not False


def test_nothing_is_named_where_nothing_was_planted(calibration):
    assert len(calibration.clean) == 4 and not calibration.false_alarms


def test_the_issues_faults_are_among_them():
    assert {fault.name for fault in FAULTS} >= {
        "gate_order", "one_bias", "state_kept_on_blank", "blank_row_not_zero",
        "log_softmax_left_out_before_threshold", "one_symbol_more", "one_symbol_fewer",
    }  # fmt: skip


def test_an_explanation_says_where_it_was_born_and_which_steps_decide():
    found = planted_result("state_kept_on_blank", "short_two_layers_34", explain_drift=True, budget=40).explanation
    assert found.named == ("advance",) and found.decisive == "advance" and found.answer_changed
    verdicts = {stage.stage: stage.verdict for stage in found.stages}
    assert verdicts["advance"] == BORN and verdicts["predictor"] == verdicts["joint"] == INHERITED
    assert found.elements.artefact == "next_frame" and 0 < len(found.elements.chosen) <= found.elements.differing
    recovered = [p for p in found.patches if p.stages == ("advance",) and p.restored]
    assert recovered and recovered[0].recovery.tokens == 1.0 and recovered[0].der is None


def test_the_steps_that_were_found_restore_the_answer_and_fewer_do_not():
    bench = bench_of(FIXTURES["short_two_layers_34"])
    candidate = known_fault("state_kept_on_blank").plant(bench.native, bench.workshop)
    patching = Patching(bench.native, candidate, bench.snapshot, bench.inputs)
    found = decisive_steps(patching, bench.native["advance"], 200)
    steps = [element.index[0] for element in found.chosen]

    def restored(chosen: list[int]) -> bool:
        stage = bench.native["advance"]
        rows = {name: {step: patching.reference[name][step] for step in chosen} for name in stage.writes}
        return patching.into_candidate((), rows).same_as(patching.reference_answer)

    assert restored(steps)
    assert not found.minimal or not any(restored([s for s in steps if s != left_out]) for left_out in steps)


def test_what_keeps_decisions_only_cannot_be_explained():
    with pytest.raises(InputError, match="keeps decisions only; to be explained it needs every step"):
        run_fixture(FIXTURES["minute_one_layer_1025"], explain_drift=True)


def test_an_unknown_fault_is_refused():
    with pytest.raises(InputError, match="--fault nothing: unknown; there are: gate_order"):
        known_fault("nothing")


def test_a_port_that_returns_another_shape_is_refused_by_name():
    def wrong(native):
        return native.replacing("joint", lambda encoded, frame, output: np.zeros((len(frame), 3, 1), np.float32))

    from parity.ports.python import Implementation

    with pytest.raises(InputError, match="log_probabilities"):
        run_fixture(FIXTURES["small"], implementation=Implementation("port", wrong))


def test_a_snapshot_of_its_own_run_is_at_parity_with_no_drift_at_all(tmp_path):
    contents: dict = {}
    for name, value in made().items():
        if name in STEP_ARTEFACTS:
            contents.setdefault(STEP_ARTEFACTS[name].file, {})[name] = value
    manifest = {"schema": 1, "pipeline": "rnn-t", "gigaam_version": "0.1.0", "encoded_sha256": "0" * 64}
    snapshot = write_snapshot(tmp_path / "s", manifest, contents)
    found = replay(pipeline(), snapshot, {"encoded": UTTERANCE.encoded(SMALL.enc_hidden)})
    assert found.at_parity and all(drift.max_abs == 0 for drift in found.drifts)

"""Localisation on arrays that a port left: a wrong array is blamed, and never the rounding before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.synthetic import automatic as clean_run
from support.synthetic import captured, inputs, networks
from threadpoolctl import threadpool_limits

from parity.community1 import Parameters, community1_pipeline
from parity.explain.explanation import BORN, INHERITED, NOT_SUPPLIED, WITHIN
from parity.explain.localise import Answered, Question, explain
from parity.explain.memo import Memo
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.ports.arrays import read_arrays, with_arrays
from parity.replay.engine import replay

ROUNDING = {"embeddings": 1e-7, "phi": 1e-11, "qinit": 1e-11}
LATER = 1e-9
WHOLE = tuple(name for name, artefact in ARTEFACTS.items() if artefact.dtype != "text")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Snapshot:
    return captured(clean_run(), tmp_path_factory.mktemp("reference") / "one")


def native():
    return community1_pipeline(networks(), Parameters())


def cascade(stage: str | None = None, change=None, *more) -> dict[str, Any]:
    """What a port with a fault in a stage makes of the clip; further stages and changes may follow."""
    pipeline = native()
    for name, spoil in zip((stage, *more[::2]), (change, *more[1::2]), strict=True) if stage else ():
        run = pipeline[name].run
        pipeline = pipeline.replacing(name, lambda *values, run=run, spoil=spoil: spoil(run(*values)))
    return pipeline.run(inputs())


def dump(made: dict[str, Any], names=WHOLE, seed: int = 0) -> dict[str, Any]:
    """The arrays of a cascade with rounding on every number that is not a decision."""
    rng = np.random.default_rng(seed)
    given = {}
    for name in names:
        value = made.get(name)
        if value is None:
            continue
        if isinstance(value, np.ndarray) and ARTEFACTS[name].comparison is Comparison.VALUES:
            value = (value + ROUNDING.get(name, LATER) * rng.normal(size=value.shape)).astype(value.dtype)
        given[name] = value
    return given


def ask(reference: Snapshot, given: dict[str, Any], budget: int = 0) -> Answered:
    memo = Memo()
    lab = memo.pipeline(community1_pipeline(memo.networks(networks()), Parameters()))
    candidate = memo.pipeline(with_arrays(lab, given))
    return explain(Question("clip", "arrays", lab, candidate, reference, inputs(), memo, budget=budget))


def verdicts(found: Answered) -> dict[str, str]:
    return {stage.stage: stage.verdict for stage in found.explanation.stages}


def swapped_speakers(hard: np.ndarray) -> np.ndarray:
    hard = hard.copy()
    hard[2] = np.where(hard[2] >= 0, 1 - hard[2], hard[2])
    return hard


def turned(embeddings: np.ndarray) -> np.ndarray:
    embeddings = embeddings.copy()
    embeddings[2] = -embeddings[2]
    return embeddings


def other_frames(discrete: np.ndarray) -> np.ndarray:
    discrete = discrete.copy()
    discrete[100:140] = 1 - discrete[100:140]
    return discrete


def test_rounding_of_embeddings_does_not_take_the_blame_for_wrong_frames_far_behind(reference):
    made = cascade()
    given = {
        "embeddings": dump(made)["embeddings"],
        "discrete_diarization": other_frames(made["discrete_diarization"]),
    }
    found = ask(reference, given).explanation
    assert found.answer_changed
    assert found.named == ("reconstruction",)
    assert found.decisive == "reconstruction"


@pytest.mark.parametrize(
    ("stage", "change"),
    [
        ("embeddings", turned),
        ("scoring", lambda soft: soft[:, :, ::-1].copy()),
        ("assignment", swapped_speakers),
        ("reconstruction", lambda both: (other_frames(both[0]), both[1])),
    ],
)
def test_of_a_whole_dump_with_rounding_everywhere_the_stage_that_was_changed_decides(reference, stage, change):
    found = ask(reference, dump(cascade(stage, change)))
    assert found.explanation.named == (stage,)
    assert (found.explanation.decisive, found.explanation.suspects) == (stage, ())
    assert not {BORN} & {verdict for name, verdict in verdicts(found).items() if name != stage}


def test_a_stage_that_was_right_of_wrong_inputs_inherits(reference):
    found = verdicts(ask(reference, dump(cascade("scoring", lambda soft: soft[:, :, ::-1].copy()))))
    assert (found["embeddings"], found["scoring"], found["assignment"]) == (WITHIN, BORN, INHERITED)


def test_a_stage_whose_inputs_were_not_supplied_is_not_blamed_alone(reference):
    made = cascade("assignment", swapped_speakers)
    whole = dump(made)
    del whole["hard_clusters"]
    found = ask(reference, whole).explanation
    assert found.decisive == "reconstruction"
    assert found.suspects == ("assignment",)
    assert "hard_clusters" in " ".join(found.settle)


def test_two_wrong_stages_of_one_dump_are_inconclusive_and_only_a_program_tells(reference):
    wrong = ("embeddings", turned, "reconstruction", lambda both: (other_frames(both[0]), both[1]))
    found = ask(reference, dump(cascade(*wrong))).explanation
    assert found.answer_changed and found.named == ("embeddings", "reconstruction")
    assert found.decisive is None
    assert found.suspects == ("embeddings", "reconstruction")
    assert any("program" in words for words in found.settle)


def test_rows_of_what_was_not_supplied_say_so_and_are_never_within(reference):
    given = dump(cascade(), ("embeddings", "hard_clusters"))
    found = verdicts(ask(reference, given))
    assert found["embeddings"] == found["assignment"] == WITHIN
    assert {verdict for name, verdict in found.items() if name not in ("embeddings", "assignment")} == {NOT_SUPPLIED}


def test_native_code_decides_nothing_of_a_port(reference):
    # Both what was counted and who is who is wrong; what is put together of them is the lab's own.
    made = cascade()
    count = np.where(np.arange(len(made["count"]))[:, None] % 50 == 7, 2, made["count"]).astype(np.uint8)
    found = ask(reference, {"count": count, "hard_clusters": swapped_speakers(made["hard_clusters"])}).explanation
    assert found.decisive != "reconstruction" and found.decisive != "annotation"


def silent_called_otherwise(hard: np.ndarray, segmentations: np.ndarray) -> np.ndarray:
    silent = segmentations.sum(axis=1) == 0
    assert silent.any()
    return np.where(silent, hard + 5, hard).astype(hard.dtype)


def test_clusters_of_silent_speakers_which_nothing_reads_are_compared_by_nobody(reference):
    made = cascade()
    odd = silent_called_otherwise(made["hard_clusters"], made["segmentations"])
    found = ask(reference, {"hard_clusters": odd})
    assert found.replay.at_parity
    assert verdicts(found)["assignment"] == WITHIN and found.explanation.named == ()


def test_elements_that_nothing_reads_carry_nothing(reference):
    made = cascade("assignment", swapped_speakers)
    odd = silent_called_otherwise(made["hard_clusters"], made["segmentations"])
    found = ask(reference, {"hard_clusters": odd}, budget=40).explanation
    assert found.elements.differing == 2
    assert {element.index[0] for element in (*found.elements.chosen, *found.elements.sufficient)} == {2}


# conventions, as `parity compare` undoes them


def test_other_numbers_of_clusters_are_no_drift_of_arrays_either(reference, tmp_path):
    made = dump(cascade(), ("centroids", "soft_clusters", "hard_clusters", "discrete_diarization"))
    hard = made["hard_clusters"]
    made["centroids"], made["soft_clusters"] = made["centroids"][::-1], made["soft_clusters"][:, :, ::-1]
    made["hard_clusters"] = np.where(hard >= 0, 1 - hard, hard).astype(hard.dtype)
    made["discrete_diarization"] = made["discrete_diarization"][:, ::-1]
    for name, value in made.items():
        np.save(tmp_path / f"{name}.npy", value)
    assert not ask(reference, read_arrays(tmp_path)).replay.at_parity
    found = ask(reference, read_arrays(tmp_path, reference.folder))
    assert found.replay.at_parity and not found.explanation.answer_changed


def test_what_native_code_made_beside_a_ports_arrays_is_not_held_against_it(reference):
    lab, values = native(), dict(reference.values)
    values["post_plda"] = values["post_plda"] + 1.0
    other = replace(reference, values=values)
    candidate = with_arrays(lab, {"embeddings": values["embeddings"]})
    assert not replay(candidate, other, inputs()).at_parity
    found = replay(candidate, other, inputs(), native=lab)
    assert found.at_parity and found.first_drift is None and "post_plda" in found.native
    own = with_arrays(lab, {"post_plda": values["post_plda"] - 1.0})
    assert replay(own, other, inputs(), native=lab).first_drift.artefact == "post_plda"
    assert not replay(lab, other, inputs(), native=lab).at_parity  # all of it is what is under test

"""Mistakes planted in the smallest fixture's arrays and found again, without a clip, weights or networks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from support import ROOT

from parity.community1 import Parameters, community1_pipeline
from parity.community1.annotation import to_rttm
from parity.community1.networks import without_networks
from parity.diagnosis import of_dump
from parity.diagnosis.of_dump import OWN, WORDS, WRITTEN, Sides, diagnose_dump
from parity.diagnosis.result import Diagnosis
from parity.faults.fault import Workshop, load_faults
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump import compare_dumps, read_dump
from parity.ports.yardstick import Means, reference_of
from parity.replay.engine import reference_artefacts
from parity.replay.outcome import URI


def never(*asked):
    raise AssertionError("neither weights nor the clip are needed here")


@cache
def reference():
    return read_dump(ROOT / "fixtures" / "14_partial_tail")


def dump_with(name: str, noise: float = 0.0):
    """The fixture as a dump in whose one stage a mistake was made, and noise on the embeddings."""
    fault = next(fault for fault in load_faults() if fault.name == name)
    native = community1_pipeline(without_networks(), Parameters())
    planted = fault.plant(native, Workshop(None, without_networks(), Parameters()))
    made = planted[fault.stage](reference_artefacts(reference_of(reference()), {}))
    texts = {n: to_rttm(value, URI) if ARTEFACTS[n].dtype == "text" else value for n, value in made.items()}
    values = {**reference().values, **{n: value for n, value in texts.items() if n in reference().values}}
    rng = np.random.default_rng(1)
    values["embeddings"] = (values["embeddings"] + noise * rng.uniform(-1, 1, values["embeddings"].shape)).astype(
        np.float32
    )
    return replace(reference(), values=values)


def diagnosed(candidate, without: str = ""):
    found = compare_dumps("14_partial_tail", reference(), candidate)
    faults = [fault for fault in load_faults() if fault.name != without]
    sides = Sides(found, reference(), candidate, Parameters(), Means(never, never, never), never)
    return diagnose_dump(sides, faults)


@pytest.mark.parametrize(
    "name",
    [
        "count_ceiling",
        "masks_with_overlap",
        "filter_missing",
        "vbx_other_fa",
        "centroids_sums",
        "euclidean_scores",
        "turns_from_frame_starts",
    ],
)
def test_a_mistake_is_named_through_noise(name):
    first = diagnosed(dump_with(name, noise=1e-6))[0]
    assert name in first.names and first.mistake.fits


def test_with_the_mistake_taken_out_nothing_is_named():
    (first,) = diagnosed(dump_with("vbx_other_fb"), without="vbx_other_fb")
    assert first.mistake is None and first.tried > 3


def test_what_is_at_parity_is_not_diagnosed():
    assert diagnosed(replace(reference(), values=dict(reference().values))) == ()


def test_a_mistake_is_found_in_a_stage_of_which_nothing_was_written():
    dump = dump_with("euclidean_scores")
    values = {name: dump.values[name] for name in ("segmentations", "embeddings", "centroids", "hard_clusters")}
    found = diagnosed(replace(dump, values=values))
    assert not found or found[0].mistake is None or "euclidean_scores" in found[0].names


def test_two_mistakes_in_two_stages_are_both_named():
    dump, other = dump_with("count_ceiling"), dump_with("vbx_other_fa")
    values = dict(other.values)
    values["count"] = dump.values["count"]
    found = diagnosed(replace(dump, values=values))
    assert [one.mistake.name for one in found[:2]] == ["count_ceiling", "vbx_other_fa"]


def test_families_of_stages_of_which_nothing_was_written_are_searched_too():
    from parity.faults.families import FAMILIES

    lines = reference().values["diarization"].splitlines(keepends=True)
    dump = replace(reference(), values={"diarization": "".join(lines[1:])})
    found = compare_dumps("14_partial_tail", reference(), dump)
    sides = Sides(found, reference(), dump, Parameters(), Means(never, never, never), never, without=("xvec", "plda"))
    (diagnosis,) = diagnose_dump(sides, [], [family for family in FAMILIES if family.stage in ("filter", "annotation")])
    assert diagnosis.stage == "annotation" and not [why for why in diagnosis.not_tried if "KeyError" in why]
    assert len(diagnosis.not_tried) <= 1  # another T than the PLDA's, which is not run here


def test_a_network_is_looked_up_in_the_dumps_own_order_of_speakers_too(monkeypatch):
    """Of noise that a mistake makes of a chunk some order is nearer the reference's than the one it was made in."""
    dump = reference()
    values = {name: value for name, value in dump.values.items() if name != "segmentation_logits"}
    made = np.array(values["segmentations"])
    made[0] = made[0][:, [1, 0, 2]]
    made[1] = 1 - made[1]
    values["segmentations"] = made
    candidate = replace(dump, values=values)
    found = compare_dumps("14_partial_tail", dump, candidate)
    asked = []

    def look_up(stage, given, held, *others, **how):
        asked.append((how["words"], held["segmentations"], how["outcomes"]))
        return Diagnosis(stage, ("segmentations",), None, None, 0, (), how["words"], "", "", "", 0.0)

    clip = Means(without_networks, never, lambda: {"samples": np.zeros((1, 16_000 * 30)), "sample_rate": 16_000})
    monkeypatch.setattr(of_dump, "look_up", look_up)
    monkeypatch.setattr(of_dump, "of_part", lambda *asked: None)
    (diagnosis, *_) = diagnose_dump(Sides(found, dump, candidate, Parameters(), clip, never), [], later=False)
    assert diagnosis.stage == "segmentation" and [words for words, *_ in asked] == [WORDS[OWN], WORDS[WRITTEN]]
    (_, own, one), (_, written, other) = asked
    assert not np.array_equal(own, written) and one is other is not None, "what was made is not made again"

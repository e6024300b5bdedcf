"""Clusters numbered otherwise: where that orders tied speakers it is no convention, and it is what is blamed."""

from __future__ import annotations

import numpy as np
import pytest
from support.dump_examples import copy_of, other_numbering, reference

from parity.community1.annotation import annotate, to_rttm
from parity.community1.reconstruction import reconstruct
from parity.measure.verdicts import DRIFT, EQUIVALENT
from parity.ports.dump.clusters import AHC_CLUSTERS, CLUSTERS
from parity.ports.dump.comparison import DumpComparison, compare_dumps
from parity.ports.dump.reading import Dump
from parity.ports.dump.tied import WORDS

TIED = "09_telephone"  # two speakers, equally active in a frame of which one may speak
BEHIND = ("discrete_diarization", "exclusive_discrete_diarization", "diarization", "exclusive_diarization")


def numbered_from_behind(name: str) -> Dump:
    """What a port writes whose AHC numbers its clusters from behind, and that does everything else as the reference."""
    dump = copy_of(reference(name))
    values = dump.values
    assert len(values["centroids"]) == 2  # of those that AHC began with, two survive
    values["ahc_clusters"] = values["ahc_clusters"].max() - values["ahc_clusters"]
    for key in ("qinit", "q_final", "sp_final", "soft_clusters"):
        values[key] = values[key][..., ::-1].copy()
    values["centroids"] = values["centroids"][::-1].copy()
    hard = values["hard_clusters"]
    values["hard_clusters"] = np.where(hard >= 0, 1 - hard, hard).astype(hard.dtype)
    frames = reconstruct(values["segmentations"], values["hard_clusters"], values["count"], max_speakers=np.inf)
    turns = (to_rttm(side, "clip") for side in annotate(*frames, min_duration_off=0.0))
    values |= dict(zip(BEHIND, (*frames, *turns), strict=True))
    return dump


def compared(name: str, dump: Dump) -> DumpComparison:
    return compare_dumps(name, reference(name), dump)


def test_a_numbering_that_orders_tied_speakers_is_blamed_where_it_first_shows():
    found = compared(TIED, numbered_from_behind(TIED))
    assert found.verdict == DRIFT and not {CLUSTERS, AHC_CLUSTERS} & set(found.conventions)
    assert found.first_drift.name == "ahc_clusters" and found.first_drift.note == WORDS


def test_of_a_port_that_numbers_otherwise_and_orders_tied_speakers_as_the_reference_does_it_is_a_convention():
    assert compared(TIED, other_numbering(reference(TIED), np.array([1, 0]))).verdict == EQUIVALENT


@pytest.mark.parametrize(
    ("left", "first"),
    [
        (("hard_clusters", "exclusive_discrete_diarization"), "hard_clusters"),
        (("hard_clusters", "exclusive_diarization"), "hard_clusters"),
        (("q_final", "sp_final", "discrete_diarization", "exclusive_diarization"), "q_final"),
        (("q_final", "exclusive_diarization"), "q_final"),
        (("soft_clusters", "exclusive_discrete_diarization"), "soft_clusters"),
    ],
)
def test_of_part_of_a_dump_too_frames_and_turns_tell(left, first):
    dump = numbered_from_behind(TIED)
    dump.values = {name: value for name, value in dump.values.items() if name in left}
    found = compared(TIED, dump)
    assert found.first_drift.name == first
    assert not {CLUSTERS, AHC_CLUSTERS} & set(found.conventions)


def test_frames_that_no_numbering_makes_are_blamed_themselves_and_the_numbering_is_undone():
    dump = numbered_from_behind(TIED)
    dump.values["discrete_diarization"][100:140] = 1 - dump.values["discrete_diarization"][100:140]
    found = compared(TIED, dump)
    assert found.first_drift.name == "discrete_diarization"
    assert {CLUSTERS, AHC_CLUSTERS} <= set(found.conventions)


def test_labels_that_name_no_cluster_are_not_reconstructed():
    dump = numbered_from_behind(TIED)
    dump.values["hard_clusters"] = np.full_like(dump.values["hard_clusters"], 120)
    assert compared(TIED, dump).first_drift is not None

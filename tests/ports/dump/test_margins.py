"""Margins and headroom of two dumps: read off what both hold, and what is missing is named."""

from __future__ import annotations

import numpy as np
import pytest
from support.dump_examples import CROWD, FIXTURE, IMPOSED, copy_of, other_local_order, reference

from parity.fixtures.catalogue import default_folder
from parity.fixtures.snapshot import read_snapshot
from parity.margins.margin import Margin, margins
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.margins import Headroom
from parity.ports.dump.reading import Dump


def headroom(candidate: Dump, against: Dump | None = None) -> Headroom:
    return compare_dumps("port", against or reference(), candidate).headroom


def only(*names: str, dump: Dump | None = None) -> Dump:
    made = copy_of(dump or reference())
    made.values = {name: made.values[name] for name in names}
    return made


def of(found: Headroom, decision: str) -> Margin:
    (margin,) = [margin for margin in found.margins if margin.decision == decision]
    return margin


def unknown(found: Headroom) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {entry.decision: (entry.reference, entry.candidate) for entry in found.unknown}


@pytest.mark.parametrize("name", [FIXTURE, CROWD, IMPOSED])
def test_a_snapshot_against_itself_has_the_margins_of_the_snapshot_and_moves_nothing(name):
    found = headroom(reference(name), reference(name))
    assert found.unknown == ()
    alone = {margin.decision: margin for margin in margins(read_snapshot(default_folder() / name))}
    assert set(alone) == {margin.decision for margin in found.margins}
    for margin in found.margins:
        assert margin.drift in (0.0, None) and margin.headroom is None
        if margin.decision != "best powerset class":  # whose logits snapshots keep of three chunks
            assert (margin.smallest, margin.where) == (alone[margin.decision].smallest, alone[margin.decision].where)


def test_headroom_is_the_margin_in_units_of_the_drift_at_that_decision():
    port = only("soft_clusters", "dendrogram")
    closest = of(headroom(port), "merge above or below the cut")
    port.values["dendrogram"][int(closest.where.split()[1]), 2] += closest.smallest / 4
    moved = of(headroom(port), "merge above or below the cut")
    assert moved.smallest == closest.smallest
    assert moved.drift == pytest.approx(closest.smallest / 4)
    assert moved.headroom == pytest.approx(4) and moved.least_headroom == pytest.approx(4)
    assert of(headroom(port), "best assignment of a chunk").headroom is None


def test_what_a_side_lacks_is_named_with_the_side():
    found = unknown(headroom(only("soft_clusters")))
    assert found["merge above or below the cut"] == ((), ("dendrogram",))
    assert found["most active speakers"] == ((), ("segmentations", "hard_clusters"))
    assert found["best powerset class"] == ((), ("segmentation_logits",))
    assert "best assignment of a chunk" not in found and "closest cluster" not in found
    found = unknown(headroom(reference(), only("soft_clusters")))
    assert found["best assignment of a chunk"] == (("segmentations", "train_chunk_idx"), ())


def test_an_artefact_of_another_shape_or_with_wrong_values_is_not_used():
    port = only("soft_clusters", "dendrogram", "sp_final", "elbo_trajectory")
    port.values["dendrogram"][3, 0] = 60
    port.values["sp_final"][0] = np.nan
    port.values["elbo_trajectory"] = port.values["elbo_trajectory"][:-1]
    found = unknown(headroom(port))
    assert {"merge above or below the cut", "speaker survives", "another iteration"} <= set(found)


def test_classes_are_judged_where_the_candidate_has_logits_against_the_gap_recorded_of_every_frame():
    gap = reference().beside["segmentation_gap"]
    chunk, frame = np.unravel_index(int(np.argmin(np.where(gap > 0, gap, np.inf))), gap.shape)
    port = only("segmentations", "segmentation_logits")
    segmentations = port.values["segmentations"]
    classes = np.argmax(segmentations @ [1, 2, 4] == np.array([0, 1, 2, 4, 3, 5, 6])[:, None, None], axis=0)
    logits = np.full((*gap.shape, 7), -30.0, np.float32)
    np.put_along_axis(logits, classes[..., None], 0.0, axis=-1)
    np.put_along_axis(logits, (classes[..., None] + 1) % 7, -gap[..., None], axis=-1)
    logits[chunk, frame, (classes[chunk, frame] + 1) % 7] = gap[chunk, frame]  # flipped: off by twice the gap
    port.values["segmentation_logits"] = logits
    port.beside.pop("segmentation_logits_chunks")
    for candidate in (port, _permuted(port)):
        found = headroom(candidate)
        assert found.class_chunks == (len(gap), len(gap))
        margin = of(found, "best powerset class")
        assert margin.where.startswith(f"chunk {chunk}, frame {frame},")
        assert margin.headroom == pytest.approx(0.5, rel=1e-3) and margin.least_headroom == margin.headroom


def _permuted(port: Dump) -> Dump:
    whole = copy_of(reference())
    whole.values |= port.values
    whole.beside["segmentation_logits_chunks"] = np.arange(len(port.values["segmentations"]))
    rng = np.random.default_rng(1)
    made = other_local_order(whole, np.array([rng.permutation(3) for _ in port.values["segmentations"]]))
    return only("segmentations", "segmentation_logits", "embeddings", dump=made)


def test_without_a_recorded_gap_classes_are_judged_where_both_have_logits():
    bare = copy_of(reference())
    bare.beside.pop("segmentation_gap")
    found = headroom(only("segmentation_logits"), bare)
    assert found.class_chunks == (3, 21)
    assert of(found, "best powerset class").decisions == 3 * 589
    bare.values.pop("segmentation_logits")
    assert unknown(headroom(only("segmentation_logits", "segmentations"), bare))["best powerset class"][0]


def test_a_dump_without_settings_is_cut_where_the_pipeline_cuts():
    bare = copy_of(reference())
    bare.found.clear()
    with_settings = of(headroom(reference()), "merge above or below the cut")
    assert of(headroom(reference(), bare), "merge above or below the cut") == with_settings

"""Before a difference is blamed on a port: is it the dump that is wrong, or the reference's own choice?"""

from __future__ import annotations

import numpy as np
import pytest
from support.dump_examples import CROWD, FIXTURE, copy_of, reference

from parity.measure.verdicts import DRIFT, INCONCLUSIVE
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.reading import Dump


def doubts(dump, name=FIXTURE) -> tuple[str, str]:
    found = compare_dumps(name, reference(name), dump)
    return found.verdict, " ".join(found.doubts)


def test_two_artefacts_in_one_buffer_make_the_dump_suspect():
    dump = copy_of(reference())
    dump.values["post_xvec"] = dump.values["post_plda"].copy()
    verdict, said = doubts(dump)
    assert verdict == INCONCLUSIVE
    assert "post_xvec and post_plda are bit for bit the same array, the reference's are not" in said


def test_every_chunk_the_last_one_makes_the_dump_suspect():
    dump = copy_of(reference())
    dump.values["embeddings"][:] = dump.values["embeddings"][-3]
    verdict, said = doubts(dump)
    assert verdict == INCONCLUSIVE and "21 of 21 chunks of embeddings are bit for bit the last one" in said


def test_the_filterbank_of_another_clip_makes_the_dump_suspect():
    dump = copy_of(reference())
    dump.values["fbank"] = reference("03_sparse_speech").values["fbank"][: len(dump.values["fbank"])]
    verdict, said = doubts(dump)
    assert verdict == INCONCLUSIVE and "its fbank is that of another waveform" in said


def test_another_hash_of_the_clip_makes_the_dump_suspect():
    near = copy_of(reference())
    near.manifest = {"clip_sha256": "a" * 64}
    dump = copy_of(reference())
    dump.manifest = {"clip_sha256": "b" * 64}
    dump.values["embeddings"] += 1
    assert "made of clip bbbbbbbbbbbb, the reference of aaaaaaaaaaaa" in compare_dumps(FIXTURE, near, dump).doubts[0]


def test_a_decision_that_the_references_own_noise_flips_makes_it_suspect():
    dump = copy_of(reference(CROWD))
    dump.values["discrete_diarization"][300, :2] = 1 - dump.values["discrete_diarization"][300, :2]
    verdict, said = doubts(dump, CROWD)
    assert verdict == INCONCLUSIVE and "the reference is suspect: its own discrete_diarization changes in 26" in said


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("fbank", lambda a: a / np.log(10)),
        ("fbank", lambda a: a + 3),
        ("fbank", lambda a: np.roll(a, 3, axis=1)),
        ("embeddings", lambda a: -a),
        ("discrete_diarization", lambda a: np.roll(a, 3, axis=0)),
        ("post_plda", lambda a: a * 2),
    ],
)
def test_a_plain_mistake_is_drift_and_raises_no_doubt(name, change):
    dump = copy_of(reference(CROWD))
    dump.values[name] = change(dump.values[name]).astype(dump.values[name].dtype)
    assert doubts(dump, CROWD) == (DRIFT, "")


def of_another_clip(chunks: int) -> Dump:
    """Arrays of another fixture, cut to as many chunks; nothing says so but they themselves."""
    other = copy_of(reference("05_meeting_overlap"))
    other.values = {name: other.values[name][:chunks] for name in ("segmentations", "embeddings")}
    return other


def test_another_waveform_is_told_from_segmentations_and_embeddings_together():
    theirs = reference()
    for chunks in (len(theirs.values["segmentations"]), 8):
        found = compare_dumps("port", theirs, of_another_clip(chunks))
        assert found.verdict == INCONCLUSIVE
        assert any("made of another waveform: its segmentations" in doubt for doubt in found.doubts)


@pytest.mark.parametrize("change", ["voices", "speech", "scaled", "permuted", "silent"])
def test_a_mistake_in_one_of_the_networks_is_no_other_waveform(change):
    dump, rng = copy_of(reference()), np.random.default_rng(0)
    dump.values = {name: dump.values[name] for name in ("segmentations", "embeddings")}
    if change == "voices":
        dump.values["embeddings"] = rng.normal(size=dump.values["embeddings"].shape).astype(np.float32)
    elif change == "speech":
        dump.values["segmentations"] = rng.integers(0, 2, dump.values["segmentations"].shape).astype(np.float32)
    elif change == "scaled":
        dump.values["embeddings"] = -3 * dump.values["embeddings"] + 1
    elif change == "permuted":
        dump.values["embeddings"] = dump.values["embeddings"][..., rng.permutation(256)]
    else:
        dump.values["segmentations"][:] = 0
    found = compare_dumps("port", reference(), dump)
    assert found.first_drift is not None and not any("another waveform" in doubt for doubt in found.doubts)

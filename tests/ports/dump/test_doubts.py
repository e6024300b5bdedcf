"""Before a difference is blamed on a port: is it the dump that is wrong, or the reference's own choice?"""

from __future__ import annotations

import numpy as np
import pytest
from support.dump_examples import CROWD, FIXTURE, copy_of, reference

from parity.measure.verdicts import DRIFT, INCONCLUSIVE
from parity.ports.dump.comparison import compare_dumps


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

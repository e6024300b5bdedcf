"""Which chunks a heavy stage is looked up in, and what those hear that mix chunks up."""

from __future__ import annotations

import numpy as np
import pytest

from parity.community1.geometry import SAMPLE_RATE, num_chunks
from parity.diagnosis import few_chunks
from parity.diagnosis.few_chunks import BEFORE, FEW, TOGETHER, Around, in_few_chunks
from parity.diagnosis.look_up import look_up
from parity.diagnosis.trying import Bench
from parity.faults.families import FAMILIES
from parity.faults.fault import Fault, load_faults
from parity.pipeline.stage import ChunkSeries, Pipeline, Stage

FRAMES = 4
SECONDS = 40
CHUNKS = num_chunks(SECONDS * SAMPLE_RATE)
CLIP = np.arange(SECONDS * SAMPLE_RATE, dtype=np.float32)[None]


def cut_at(differs: int, kept: tuple[int, ...] | None = None):
    """Segmentation whose chunks are the same but for one; of log-probabilities some chunks were recorded."""
    plain = np.zeros((CHUNKS, FRAMES, 3), np.float32)
    other = plain.copy()
    other[differs] = 1.0
    if kept is None:
        return in_few_chunks("segmentation", {"waveform": CLIP}, {"segmentations": other}, {"segmentations": plain}, {})
    rows = np.array(kept)
    logits = np.where(rows == differs, -1.0, -2.0)[:, None, None] * np.ones((1, FRAMES, 7))
    return in_few_chunks(
        "segmentation",
        {"waveform": CLIP},
        {"segmentation_logits": logits, "segmentations": other},
        {"segmentation_logits": np.full_like(logits, -2.0), "segmentations": plain},
        {"segmentation_logits": rows},
    )


def first_heard(given) -> int:
    return int(given["waveform"][0, 0]) // SAMPLE_RATE


@pytest.mark.parametrize("differs", [0, 7, 8, 17, CHUNKS - 1])
@pytest.mark.parametrize("long", [False, True])
def test_what_mixes_chunks_hears_whole_batches_from_well_before_and_is_compared_on_the_few_alone(
    differs, long, monkeypatch
):
    if long:  # the recording, beside what is made from its start on
        monkeypatch.setattr(few_chunks, "FROM_THE_START", BEFORE)
    part = cut_at(differs)
    (chunks,), (rows,), (around,) = part.chunks.values(), part.rows.values(), part.around.rows.values()
    assert differs in chunks and len(chunks) == FEW and part.candidate["segmentations"].any()
    assert np.array_equal(rows + first_heard(part.given), chunks)
    start = first_heard(part.around.given)
    assert np.array_equal(around + start, chunks) and start % TOGETHER == 0
    assert start == 0 or (long and start <= chunks[0] - BEFORE)
    heard = num_chunks(part.around.given["waveform"].shape[1])
    assert start + heard >= min(CHUNKS, -(-(chunks[-1] + 1) // TOGETHER) * TOGETHER)


def test_the_last_chunk_is_looked_at_where_it_differs_most():
    part = cut_at(CHUNKS - 1, kept=(0, 15, CHUNKS - 1))
    assert part.chunks["segmentation_logits"].tolist() == [CHUNKS - 1]
    assert part.given["waveform"][0, -1] == CLIP[0, -1], "to the end of the clip"


def test_the_chunks_are_those_of_what_drifted_where_log_probabilities_are_right():
    plain = np.zeros((CHUNKS, FRAMES, 3), np.float32)
    other = plain.copy()
    other[17] = 1.0
    logits = np.full((2, FRAMES, 7), -2.0)
    part = in_few_chunks(
        "segmentation",
        {"waveform": CLIP},
        {"segmentation_logits": logits + 1e-6, "segmentations": other},
        {"segmentation_logits": logits, "segmentations": plain},
        {"segmentation_logits": np.array([0, 9])},
        drifted=["segmentations"],
    )
    assert 17 in part.chunks["segmentations"]


def summing(neighbours: bool) -> Fault:
    def plant(pipeline: Pipeline, workshop) -> Pipeline:
        return pipeline.replacing("segmentation", lambda waveform: np.cumsum(waveform))

    return Fault("summed", "segmentation", "every chunk with all before it", plant, neighbours=neighbours)


@pytest.mark.parametrize("neighbours, made", [(True, [3.0, 4.0]), (False, [1.0, 2.0])])
def test_only_what_mixes_chunks_is_given_those_around(neighbours, made):
    stage = Stage("segmentation", ("waveform",), ("segmentations",), lambda waveform: waveform)
    few, around = ({"waveform": np.ones(n)} for n in (2, 4))
    rows = [{"segmentations": np.arange(2) + n} for n in (0, 2)]
    bench = Bench(Pipeline("toy", ("waveform",), (stage,)), None, ("segmentation",), few, rows[0])
    bench.around = Around(around, rows[1])
    assert bench.made(summing(neighbours))["segmentations"].tolist() == made


def test_the_chunk_that_is_searched_on_is_the_one_that_differs():
    """The first of three may be right: the last chunk of a file alone is padded."""
    want = np.zeros((3, 2, 2), np.float32)
    got = want.copy()
    got[2] = np.arange(4).reshape(2, 2)
    stage = Stage("fbank", ("chunk_waveforms",), ("fbank",), lambda series: series)
    pipeline = Pipeline("toy", ("chunk_waveforms",), (stage,))

    def plant(how):
        series = ChunkSeries(np.arange(3), lambda chunk: how[chunk])
        return lambda pipeline, workshop: pipeline.replacing("fbank", lambda inputs: series)

    faults = [Fault("right", "fbank", "", plant(got)), Fault("other", "fbank", "", plant(-got))]
    given = {"chunk_waveforms": ChunkSeries(np.arange(3), lambda chunk: want[chunk])}
    found = look_up(
        "fbank", given, {"fbank": got}, {"fbank": want}, pipeline, None, faults, rows={"fbank": np.arange(3)}
    )
    assert found.names == ("right",) and found.runner_up.left.worst > 1


def test_those_that_mix_chunks_say_so():
    mixing = {fault.name for fault in load_faults() if fault.neighbours}
    assert {"logits_one_chunk_late", "lstm_state_carried", "instance_norm_over_chunks"} <= mixing


def test_a_factor_is_found_where_one_chunk_of_three_is_searched_on():
    want = np.random.default_rng(5).standard_normal((3, 4, 2)).astype(np.float32)
    stage = Stage("fbank", ("chunk_waveforms",), ("fbank",), lambda series: series)
    given = {"chunk_waveforms": ChunkSeries(np.arange(3), lambda chunk: want[chunk])}
    families = [family for family in FAMILIES if family.name in ("fbank_scale", "fbank_offset")]
    found = look_up(
        "fbank", given, {"fbank": 1.3 * want}, {"fbank": want}, Pipeline("toy", ("chunk_waveforms",), (stage,)), None,
        [], families, rows={"fbank": np.arange(3)},
    )  # fmt: skip
    assert found.names == ("fbank_scale",) and found.mistake.parameter.value == pytest.approx(1.3, rel=1e-4)

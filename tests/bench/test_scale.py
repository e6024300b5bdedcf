"""The scale benchmark's own parts: long recordings, recorded answers, growth, and a report that keeps what it had."""

from __future__ import annotations

import io
import json
from itertools import islice

import numpy as np
import pytest
import soundfile
from rich.console import Console
from scipy.signal import resample_poly

from bench import long_clip as recipe
from bench import scale
from bench.recorded import many_embeddings, recorded, stand_ins
from bench.stereo_clip import stereo_clip
from parity.community1 import geometry
from parity.community1.filtering import filter_embeddings
from parity.community1.masks import build_masks
from parity.community1.segmentation import to_multilabel
from parity.networks.wespeaker.masks import interpolate_nearest

# --- long recordings ---------------------------------------------------------------------------------------------


@pytest.fixture
def sources(monkeypatch, tmp_path):
    """Three clips of 3, 4 and 5 s, half of the last one digital silence, where the catalogue would be."""
    rng = np.random.default_rng(0)
    clips = [rng.uniform(-0.9, 0.9, seconds * 16_000).astype(np.float32) for seconds in (3, 4, 5)]
    clips[2][40_000:] = 0.0

    class Entry:
        def __init__(self, samples):
            self.clip = lambda: samples

    monkeypatch.setattr(recipe, "load_clip", lambda samples: (samples[None], 16_000))
    monkeypatch.setattr(recipe.Catalogue, "read", lambda folder: type("C", (), {"fixtures": list(map(Entry, clips))}))
    return clips


def test_a_long_recording_is_the_same_every_time_and_begins_with_a_shorter_one(sources):
    long, again, short = recipe.long_clip(40), recipe.long_clip(40), recipe.long_clip(13)
    assert long.shape == (1, 640_000) and long.dtype == np.float32 and np.abs(long).max() <= 1.0
    assert np.array_equal(long, again) and np.array_equal(long[:, : short.shape[1]], short)


def test_no_two_chunks_of_it_are_alike(sources):
    waveform = recipe.long_clip(120)
    chunks = {geometry.chunk(waveform, index).tobytes() for index in range(geometry.num_chunks(waveform.shape[1]))}
    assert len(chunks) == geometry.num_chunks(waveform.shape[1])
    seconds = waveform.reshape(120, 16_000)
    likeness = np.abs(np.corrcoef(seconds) - np.eye(120))
    assert likeness.max() < 0.999  # nor a second, turned over or louder
    assert len(np.unique(seconds[seconds.std(axis=1) < 1e-4], axis=0)) == (seconds.std(axis=1) < 1e-4).sum() > 0


def test_all_clips_come_round_before_one_comes_again():
    sources = [np.full(40_000 + 100 * index, 0.1 * (index + 1)) for index in range(4)]
    tiles = list(islice(recipe.tiles(sources, np.random.default_rng(0)), 8))
    assert len({round(len(tile)) for tile in tiles}) > 4
    assert all(tile.dtype == np.float32 for tile in tiles)


# --- recorded answers --------------------------------------------------------------------------------------------


def test_as_many_embeddings_to_cluster_as_asked_for():
    made = many_embeddings(1500)
    chunks, _ = filter_embeddings(**made)
    assert 1500 <= len(chunks) <= 1502
    assert made["embeddings"].dtype == np.float32 and len(made["segmentations"]) == len(made["embeddings"])
    assert len(np.unique(made["embeddings"].reshape(-1, 256), axis=0)) == 3 * len(made["embeddings"])


def test_stand_ins_answer_with_a_recorded_chunk_and_its_embeddings():
    networks, rng = stand_ins(None), np.random.default_rng(0)
    waveforms = rng.standard_normal((3, 1, 160_000)).astype(np.float32)
    (logits,) = networks.segmentation(waveforms=waveforms)
    segmentations = to_multilabel(logits)
    known = {one.tobytes() for values in recorded() for one in values["segmentations"]}
    assert logits.shape == (3, 589, 7) and logits.dtype == np.float32
    assert all(one.tobytes() in known for one in segmentations)
    (features,) = networks.trunk(fbank=rng.standard_normal((1, 998, 80)).astype(np.float32))
    assert features.shape == (1, 2560, 125)
    weights = interpolate_nearest(build_masks(segmentations[:1]), 125)
    (embeddings,) = networks.head(features=features, weights=weights)
    (again,) = networks.head(features=features, weights=weights)
    (other,) = networks.head(features=features + 1, weights=weights)
    assert embeddings.shape == (1, 3, 256) and embeddings.dtype == np.float32
    assert np.array_equal(embeddings, again) and not np.array_equal(embeddings, other)


def test_a_stereo_file_is_the_recording_at_its_own_rate(sources, tmp_path):
    samples, rate = soundfile.read(stereo_clip(tmp_path / "a.wav", 45))
    assert rate == 48_000 and samples.shape == (45 * 48_000, 2)
    kept = resample_poly(samples[:, 0], 1, 3)
    assert np.corrcoef(kept, recipe.long_clip(45)[0])[0, 1] > 0.97
    assert samples[:, 1].std() == pytest.approx(0.6 * samples[:, 0].std(), rel=0.01)


# --- growth and report -------------------------------------------------------------------------------------------


def test_growth_is_the_exponent_between_neighbours():
    points = [(100, 1.0), (200, 2.0), (400, 8.0), (800, 0.0)]
    assert scale.exponents(points) == [
        {"from": 100, "to": 200, "exponent": 1.0},
        {"from": 200, "to": 400, "exponent": 2.0},
    ]


def test_a_row_replaces_that_of_its_length_and_rows_stay_in_order():
    found = {"clips": [{"audio_seconds": 60, "seconds": 1}, {"audio_seconds": 600, "seconds": 2}]}
    for seconds in (300, 60):
        scale.put(found, "clips", "audio_seconds", {"audio_seconds": seconds, "seconds": 3})
    assert [(row["audio_seconds"], row["seconds"]) for row in found["clips"]] == [(60, 3), (300, 3), (600, 2)]


def clip(seconds: int) -> dict:
    return {
        "audio_seconds": seconds, "chunks": seconds - 9, "embeddings": seconds, "speakers": 3, "seconds": 0.2 * seconds,
        "cpu_seconds": {"segmentation": 0.1 * seconds, "embeddings": 0.2 * seconds, "clustering and after": 0.1},
        "peak_mb": 900.0,
    }  # fmt: skip


def alone(count: int) -> dict:
    stages = {name: {"cpu_seconds": 1e-6 * count**2} for name in ("ahc", "vbx", "reconstruction")}
    sizes = {"embeddings": count, "chunks": count, "initial_clusters": 9, "speakers": 3}
    return {**sizes, "cpu_seconds": 3e-6 * count**2, "peak_mb": 300.0, "stages": stages}


def way(sha256: str) -> dict:
    return {"cpu_seconds": 1.0, "more_mb": 10.0, "sha256": sha256}


@pytest.fixture
def measured(monkeypatch):
    """Measurements without processes; what was asked for."""
    asked = []

    def apart(*words):
        asked.append(words)
        kind, size = words[0], words[1]
        return (
            {"recording": clip, "file": clip, "clustering": alone}[kind](size) if kind != "dendrogram" else way("same")
        )

    monkeypatch.setattr(scale, "apart", apart)
    return asked


def run(path, *words: str) -> int:
    return scale.app([*words, "--json", str(path)], standalone_mode=False)


def test_a_run_keeps_what_others_and_earlier_runs_left(measured, tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"median_ratio": 8.5}), encoding="utf-8")
    assert run(path, "--minutes", "1", "--recorded-hours", "5", "--no-clustering", "--file-minutes", "9") == 0
    assert run(path, "--no-recordings", "--embeddings", "1000", "--embeddings", "2000") == 0
    assert run(path, "--minutes", "4", "--hours", "1", "--recorded-hours", "5", "--no-clustering") == 0
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["median_ratio"] == 8.5
    found = report["scale"]
    assert [row["audio_seconds"] for row in found["clips"]] == [60, 240, 3600]
    assert [row["audio_seconds"] for row in found["recorded"]] == [18_000]
    assert [row["audio_seconds"] for row in found["files"]] == [540, 3600]
    assert [step["exponent"] for step in found["growth"]["networks"]] == [1.0, 1.0]
    assert [step["exponent"] for step in found["growth"]["ahc"]] == [2.0]
    assert [row["equal"] for row in found["linkage"]] == [True, True]
    assert ("recording", 18_000, found["machine"]["threads"], "auto", "recorded") in measured


def test_dendrograms_that_differ_are_a_failure(measured, monkeypatch, tmp_path):
    hashes = iter(["one", "another"])
    monkeypatch.setattr(scale, "apart", lambda kind, *_: alone(1000) if kind == "clustering" else way(next(hashes)))
    assert run(tmp_path / "bench.json", "--no-recordings", "--embeddings", "1000") == 1


def test_tables_fit_a_terminal():
    found = {
        "clips": [clip(240), clip(18_000)],
        "recorded": [clip(18_000)],
        "files": [clip(3600)],
        "clustering": [alone(1000), alone(25_000)],
        "linkage": [{"embeddings": 25_000, "scipy": way(""), "little_memory": way(""), "equal": True}],
    }
    found["growth"] = scale.growth(found)
    text = Console(file=(written := io.StringIO()), width=100)
    for table in scale.tables(found):
        text.print(table)
    assert "…" not in written.getvalue() and "25,000" in written.getvalue() and "equal" in written.getvalue()

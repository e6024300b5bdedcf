"""One step of `bench.device`, a process of its own: `python -m bench.device_worker STEP …`, JSON on the last line."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from capture.environment import restart_pinned, silence_torchcodec
from parity.audio.reading import load_clip
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder

Found = dict[str, Any]

TIMED = "06_long_mixture"
ROUNDS = 3
WARM_UP_SECONDS = 30


def environment(device: str) -> Found:
    """The card, its driver, and the libraries, before anything else is tried."""
    import torch

    from capture.device import check_present, described
    from capture.snapshots import versions

    check_present(device)
    found = {**described(device), "versions": versions()}
    if device != "cpu":
        free, total = torch.cuda.mem_get_info()
        found |= {"memory_gb": round(total / 2**30, 1), "free_gb": round(free / 2**30, 1)}
    return found


# --- this project ------------------------------------------------------------------------------------------------


def diarize(device: str, precision: str, *names: str) -> Found:
    """Every clip: RTTM against the committed snapshot's, line for line, and how far the embeddings are."""
    from parity.diarize import Diarizer

    diarizer = Diarizer(runtime="torch", device=device, precision=precision)
    diarizer(_of_seconds(WARM_UP_SECONDS))
    found = {fixture.name: _diarized(diarizer, fixture) for fixture in Catalogue.read(default_folder()).select(names)}
    same = sum(row["rttm_same"] and row["exclusive_same"] for row in found.values())
    return {"precision": precision, "batch": diarizer._networks.batch, "same": same, "fixtures": found}


def _diarized(diarizer: Any, fixture: Any) -> Found:
    from parity.fixtures.snapshot import read_snapshot
    from parity.replay.outcome import active_embedding_drift, near_tie_flips

    kept, (samples, sample_rate) = read_snapshot(fixture.snapshot_folder), load_clip(fixture.clip())
    started = time.perf_counter()
    wanted_arrays = ("segmentations", "embeddings")
    made = diarizer(samples, sample_rate=sample_rate, artefacts=wanted_arrays, **fixture.speakers)
    seconds = time.perf_counter() - started
    texts = (made.rttm(fixture.name), made.rttm(fixture.name, exclusive=True))
    wanted = (kept.values["diarization"], kept.values["exclusive_diarization"])
    frames = made.artefacts["segmentations"]
    flips = np.any(frames != kept.values["segmentations"], axis=2)
    tied = near_tie_flips(frames, kept)
    lines = [(set(a.splitlines()), set(b.splitlines())) for a, b in zip(texts, wanted, strict=True)]
    return {
        "rttm_same": texts[0] == wanted[0],
        "exclusive_same": texts[1] == wanted[1],
        "lines": len(wanted[0].splitlines()),
        "lines_new": sum(len(ours - theirs) for ours, theirs in lines),
        "lines_lost": sum(len(theirs - ours) for ours, theirs in lines),
        "embedding_drift": _plain(active_embedding_drift(made.artefacts["embeddings"], kept)),
        "frames_flipped": int(flips.sum()),
        "near_ties": 0 if tied is None else int(tied.sum()),
        "audio_seconds": round(samples.shape[1] / sample_rate, 2),
        "seconds": round(seconds, 3),
    }


# --- speed -------------------------------------------------------------------------------------------------------


def speed(device: str, seconds: str) -> Found:
    """pyannote.audio and this project on one recording in turns, after a warm-up of each."""
    waveform = _of_seconds(int(seconds))
    sides = _sides(device)
    short = waveform[:, : WARM_UP_SECONDS * 16000]
    for side in sides.values():
        side(short)
    rows: dict[str, list[Found]] = {name: [] for name in sides}
    for _ in range(ROUNDS if int(seconds) > 60 else 1):
        for name, side in sides.items():
            rows[name].append(_timed(side, waveform, device))
    wanted = set(rows["pyannote"][0]["rttm"].splitlines())
    for row in (row for side in rows.values() for row in side):
        row["lines"] = len(wanted)
        row["lines_other"] = len(wanted ^ set(row.pop("rttm").splitlines()))
    return {"clip": TIMED, "audio_seconds": int(seconds), "sides": rows}


Side = Callable[[np.ndarray], tuple[str, Mapping[str, float]]]


def _sides(device: str) -> dict[str, Side]:
    """Name -> waveform to RTTM and seconds by stage."""
    from parity.diarize import Diarizer

    sides: dict[str, Side] = {"pyannote": _pyannote(device, tf32=False)}
    precisions = ["float32"]
    if device != "cpu":
        sides["pyannote, TF32 on"] = _pyannote(device, tf32=True)
        precisions += ["tf32", "float16"]
    for precision in precisions:
        diarizer = Diarizer(runtime="torch", device=device, precision=precision)
        sides[f"this project, {precision}"] = _ours(diarizer)
    return sides


def _ours(diarizer: Any) -> Side:
    def side(waveform: np.ndarray) -> tuple[str, Mapping[str, float]]:
        made = diarizer(waveform)
        return made.rttm("clip"), made.seconds

    return side


def _pyannote(device: str, *, tf32: bool) -> Side:
    import torch

    from capture.device import prepared
    from capture.reference import load_reference, returned
    from parity.sources.weights import load_weights

    pipeline = load_reference(load_weights().folder, device)

    def side(waveform: np.ndarray) -> tuple[str, Mapping[str, float]]:
        stages: dict[str, float] = {}
        since = [time.perf_counter()]

        def hook(step: str, artefact: Any, **progress: Any) -> None:
            if artefact is not None and not progress.get("total"):
                now = time.perf_counter()
                stages[step], since[0] = now - since[0], now

        file = {"waveform": torch.from_numpy(waveform), "sample_rate": 16000, "uri": "clip"}
        with prepared(device, tf32):
            torch.backends.cudnn.deterministic = False  # as a user has it; captures ask for the same bits twice
            text = returned(pipeline(file, hook=hook)).speaker_diarization.to_rttm()
        return text, stages | {"rest": time.perf_counter() - since[0]}

    return side


def _timed(side: Side, waveform: np.ndarray, device: str) -> Found:
    import torch

    on_card = device != "cpu"
    if on_card:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    started, cpu = time.perf_counter(), time.process_time()
    text, stages = side(waveform)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return {
        "seconds": round(seconds, 4),
        "seconds_an_hour": round(seconds * 3600 * 16000 / waveform.shape[1], 2),
        "cpu_seconds": round(cpu_seconds, 3),
        "peak_gpu_mb": round(torch.cuda.max_memory_allocated() / 2**20) if on_card else None,
        "stages": {name: round(value, 4) for name, value in stages.items()},
        "rttm": text,
    }


def answers(device: str, seconds: str) -> Found:
    """pyannote.audio and this project on that recording again, NumPy's CPU dispatch at its baseline: lines that differ.

    With its AVX-512 sort, pyannote.audio's own reconstruction orders tied speakers otherwise; captures pin that too.
    """
    waveform = _of_seconds(int(seconds))
    texts = {name: set(side(waveform)[0].splitlines()) for name, side in _sides(device).items()}
    wanted = texts["pyannote"]
    return {"lines": len(wanted), "lines_other": {name: len(wanted ^ lines) for name, lines in texts.items()}}


def profile(device: str, seconds: str) -> Found:
    """How long the card itself is busy, by side, and what the filterbank alone takes."""
    waveform, found = _of_seconds(int(seconds)), {}
    filterbank = _filterbank(waveform)
    for name, side in _sides(device).items():
        side(waveform)
        found[name] = _busy(side, waveform, device)
    return {"audio_seconds": int(seconds), "sides": found, "filterbank": filterbank}


def _filterbank(waveform: np.ndarray) -> Found:
    """Seconds for all chunks by number of threads, the median of three."""
    from parity.community1.audio import hear
    from parity.community1.fbank import fbank_series
    from parity.networks.runtime import available_cores, one_blas_thread
    from parity.networks.side_by_side import side_by_side

    series, taken = fbank_series(hear(waveform, 16000)[1]), {}
    for threads in sorted({1, 4, available_cores()}):
        rounds = []
        for _ in range(3):
            started = time.perf_counter()
            with one_blas_thread():  # as in a run
                count = sum(1 for _ in side_by_side(series.compute, map(int, series.chunks), threads))
            rounds.append(time.perf_counter() - started)
        taken[str(threads)] = round(sorted(rounds)[1], 4)
    return {"chunks": count, "seconds_by_threads": taken}


def _busy(side: Side, waveform: np.ndarray, device: str) -> Found:
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    kinds = [ProfilerActivity.CPU] if device == "cpu" else [ProfilerActivity.CUDA]
    started = time.perf_counter()
    with profiled(activities=kinds) as seen:
        side(waveform)
    seconds = time.perf_counter() - started
    events = [(event.key, event.self_device_time_total / 1e6, event.count) for event in seen.key_averages()]
    top = sorted(events, key=lambda event: -event[1])[:6]
    return {
        "seconds_profiled": round(seconds, 3),
        "device_seconds": round(sum(taken for _, taken, _ in events), 4),
        "kernels": sum(count for _, taken, count in events if taken),
        "top": [[key[:80], round(taken, 4), count] for key, taken, count in top],
    }


# --- comparisons -------------------------------------------------------------------------------------------------


def compare(first: str, second: str) -> Found:
    """Two folders of captures, recording by recording: what moved, from which stage on, in units of the noise floor."""
    from parity.ports.dump.comparison import compare_dumps
    from parity.ports.dump.reading import dumps_below, read_dump
    from parity.report.comparison import comparison_data

    theirs, ours = dumps_below(Path(first)), dumps_below(Path(second))
    found = {}
    for name in (name for name in theirs if name in ours):
        data = comparison_data(compare_dumps(name, read_dump(theirs[name]), read_dump(ours[name])))
        found[name] = {
            "origin": data["origin"],
            "verdict": data["verdict"],
            "first_drift": data["first_drift"],
            "artefacts": {row["name"]: _moved(row) for row in data["artefacts"]},
            "turns": {key: {k: turns[k] for k in _TURNS} for key, turns in data["turns"].items()},
            **_noise(theirs[name], ours[name], default_folder() / name),
        }
    if not found:
        raise InputError(f"{first} and {second} have no recording in common")
    return found


_TURNS = ("der", "only_reference", "only_candidate")


def _moved(row: Mapping[str, Any]) -> Found:
    return {key: row[key] for key in ("stage", "verdict", "max_abs", "mismatches", "compared", "where", "note")}


def _noise(first: Path, second: Path, committed: Path) -> Found:
    """Each artefact's move as the noise floor has it, and as a multiple of that floor; near ties by name."""
    from capture.noise import noise
    from parity.fixtures.noise import read_noise
    from parity.fixtures.snapshot import read_snapshot
    from parity.replay.outcome import near_tie_flips

    kept, other = (read_snapshot(folder, any_version=True) for folder in (first, second))
    floor, moved = read_noise(committed), noise(other.values, kept)
    flips = near_tie_flips(other.values.get("segmentations"), kept)
    every = np.any(other.values["segmentations"] != kept.values["segmentations"], axis=2)
    rows = {
        name: {
            "max_abs": _plain(entry.max_abs),
            "mismatches": entry.mismatches,
            "excused": entry.excused,
            "multiple": None if not floor or entry.max_abs is None else _plain(floor.multiple(name, entry.max_abs)),
        }
        for name, entry in moved.items()
    }
    gap = kept.segmentation_gap
    where = [] if gap is None else [[int(c), int(f), float(gap[c, f])] for c, f in np.argwhere(every)][:40]
    return {
        "noise": rows,
        "frames_flipped": where,
        "flips": int(every.sum()),
        "near_ties": 0 if flips is None else int(flips.sum()),
    }


def verdicts(device: str, path: str) -> Found:
    """What `parity run` said of every fixture, all stages compared."""
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    keys = ("status", "first_drift", "embedding_drift", "near_ties", "error")
    rows = {row["name"]: {key: row[key] for key in keys if key in row} for row in found["fixtures"]}
    return {"device": device, "runtime": found["runtime"], "summary": found["summary"], "fixtures": rows}


# --- common ------------------------------------------------------------------------------------------------------


def _of_seconds(seconds: int) -> np.ndarray:
    """The long mixture, over again until it is long enough: (1, seconds * 16000) float32."""
    (fixture,) = Catalogue.read(default_folder()).select([TIMED])
    waveform, _ = load_clip(fixture.clip())
    wanted = seconds * 16000
    return np.ascontiguousarray(np.tile(waveform, -(-wanted // waveform.shape[1]))[:, :wanted])


def _plain(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


STEPS: dict[str, Callable[..., Found]] = {
    "environment": environment,
    "diarize": diarize,
    "speed": speed,
    "profile": profile,
    "answers": answers,
    "compare": compare,
    "verdicts": verdicts,
}
PINNED_THREADS = 2


def main() -> None:
    """Do one step."""
    step, *words = sys.argv[1:]
    if step in ("compare", "answers"):
        restart_pinned(PINNED_THREADS, "bench.device_worker")
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
    answer = os.fdopen(os.dup(1), "w")  # what libraries print must not get into it
    try:
        with contextlib.redirect_stdout(sys.stderr):
            silence_torchcodec()
            found = STEPS[step](*words)
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(found, allow_nan=False), file=answer, flush=True)


if __name__ == "__main__":
    main()

"""A port as a program, for tests: the project's own stages behind the program contract, faults on request.

    python port_program.py [--rnnt] [--no-serve] [--tensors] [--stages a,b] [--fault NAME] [--declares fa=0.3] REQUEST …

Faults: `greedy` assigns each local speaker the best cluster that is left; `half-up` rounds the count of
speakers half up; `swapped` swaps two speakers of one chunk.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

from parity.community1 import Parameters, community1_pipeline  # noqa: E402
from parity.community1.annotation import to_rttm  # noqa: E402
from parity.community1.networks import without_networks  # noqa: E402
from parity.pipeline.stage import ChunkSeries, Pipeline, Stage  # noqa: E402
from parity.rnnt.stages import advance, choose, transcribe  # noqa: E402
from support.mistakes import greedy_assignment, rounded_half_up, two_swapped  # noqa: E402

STAGES = (
    "audio", "speaker_counting", "masks", "fbank", "filter", "ahc", "vbx", "kmeans", "centroids", "scoring",
    "assignment", "reconstruction", "annotation",
)  # fmt: skip
STEPS = ("choose", "advance", "transcript")
FAULTS = {
    "greedy": ("assignment", greedy_assignment),
    "half-up": ("speaker_counting", rounded_half_up),
    "swapped": ("assignment", two_swapped),
}
OWN = ("threshold", "fa", "fb", "max_iterations", "min_duration_off", "exclude_overlap", "num_speakers",
       "min_speakers", "max_speakers")  # fmt: skip


def steps(parameters: dict) -> list[Stage]:
    """The stages of the recurrent pipeline that need no network."""
    blank = parameters["blank"]
    state = ("step_frame", "step_symbols", "step_token", "step_state")
    return [
        Stage("choose", ("log_probabilities",), ("chosen",), choose),
        Stage("advance", (*state, "predictor_state", "chosen"), tuple(name.replace("step", "next") for name in state),
              partial(advance, blank=blank, max_symbols=parameters["max_symbols"])),
        Stage("transcript", ("step_frame", "chosen"), ("tokens", "token_frames"), partial(transcribe, blank=blank)),
    ]  # fmt: skip


def pipeline(parameters: dict, fault: str | None) -> Pipeline:
    found = community1_pipeline(without_networks(), Parameters(**{name: parameters[name] for name in OWN}))
    return found.replacing(*FAULTS[fault]) if fault else found


def run_stage(asked: argparse.Namespace, name: str, into: Path, out: Path) -> None:
    parameters = json.loads((into / "parameters.json").read_text())
    if parameters["uri"] == asked.dies_on:
        print(f"no memory for {name}", file=sys.stderr, flush=True)
        os._exit(3)
    if asked.rnnt:
        stage = next(stage for stage in steps(parameters) if stage.name == name)
    else:
        stage = pipeline(parameters, parameters.get("fault", asked.fault))[name]
    arrays = {path.stem: np.load(path) for path in into.glob("*.npy")}
    if (into / "arrays.safetensors").exists():
        arrays |= load_file(into / "arrays.safetensors")
    print(f"{name} reads {', '.join(sorted(arrays))}", file=sys.stderr)
    if name == "fbank":
        chunks = arrays["chunk_waveforms"]
        arrays["chunk_waveforms"] = ChunkSeries.recorded(np.arange(len(chunks)), chunks)
    if name == "audio":
        arrays["sample_rate"] = int(arrays["sample_rate"].item())
    results = stage.run(*(arrays.get(read) for read in stage.reads))
    written = dict(zip(stage.writes, results if len(stage.writes) > 1 else (results,), strict=True))
    if name == "fbank":
        written["fbank"] = written["fbank"].take(range(np.diff(parameters["chunks"])[0]))
    if name == "audio":
        written["chunk_waveforms"] = written["chunk_waveforms"].take(range(*parameters["chunks"]))
    for artefact, value in written.items():
        if isinstance(value, list):
            (out / f"{artefact}.rttm").write_text(to_rttm(value, parameters["uri"]))
        elif not asked.tensors:
            np.save(out / f"{artefact}.npy", value)
    if asked.tensors and not any(isinstance(value, list) for value in written.values()):
        save_file({n: np.ascontiguousarray(v) for n, v in written.items()}, out / "arrays.safetensors")


def description(asked: argparse.Namespace) -> dict:
    formats = ["safetensors"] if asked.tensors else ["npy"]
    stages = asked.stages.split(",") if asked.stages else list(STEPS if asked.rnnt else STAGES)
    return {
        "protocol": 1,
        "name": "port_program",
        "version": "1.0",
        "pipeline": "rnnt" if asked.rnnt else "community-1",
        "stages": stages,
        "serve": not asked.no_serve,
        "formats": formats,
        "declares": declared(asked),
        "faults": []
        if asked.rnnt
        else [
            {"name": "greedy", "stage": "assignment", "about": "the best pair first"},
            {"name": "half-up", "stage": "speaker_counting", "about": "halves rounded up"},
            {"name": "swapped", "stage": "assignment", "about": "two speakers of a chunk swapped"},
        ],
    }


def declared(asked: argparse.Namespace) -> dict:
    name, _, value = (asked.declares or "").partition("=")
    return {name: json.loads(value)} if name else {}


def serve(asked: argparse.Namespace) -> None:
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"], "ok": True}
        try:
            if request["request"] == "describe":
                answer["describe"] = description(asked)
            else:
                run_stage(asked, request["stage"], Path(request["in"]), Path(request["out"]))
        except Exception as error:
            answer |= {"ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rnnt", action="store_true")
    parser.add_argument("--no-serve", action="store_true")
    parser.add_argument("--tensors", action="store_true")
    parser.add_argument("--stages")
    parser.add_argument("--declares")
    parser.add_argument("--dies-on", help="a recording by its name")
    parser.add_argument("--fault", choices=sorted(FAULTS))
    parser.add_argument("request", choices=("describe", "stage", "serve"))
    parser.add_argument("rest", nargs="*")
    asked = parser.parse_args()
    if asked.request == "describe":
        print(json.dumps(description(asked)))
    elif asked.request == "serve":
        serve(asked)
    else:
        name, into, out = asked.rest
        run_stage(asked, name, Path(into), Path(out))


if __name__ == "__main__":
    main()

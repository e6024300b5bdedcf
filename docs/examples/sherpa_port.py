"""A whole existing port behind the program contract: sherpa-onnx's diarizer, by its Python API, behind `run`.

usage: python sherpa_port.py [--models FOLDER] [--speakers N] describe | run CLIP OUT

A port that cannot be taken apart has no stages to offer; `run` alone writes a dump with the turns, which the lab
compares like any other. FOLDER holds `segmentation.onnx` (a pyannote segmentation 3.0) and `embedding.onnx` (a speaker
embedding), as sherpa-onnx opens them. sherpa-onnx is imported when a clip is run, so that `describe` answers at once.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import wave
from array import array
from pathlib import Path

RATE = 16000
UNKNOWN = -1  # what sherpa-onnx takes for an unknown number of speakers


def describe() -> dict[str, object]:
    """What this program is, and what it does differently; the version is sherpa-onnx's."""
    try:
        version = importlib.metadata.version("sherpa-onnx")
    except importlib.metadata.PackageNotFoundError:
        version = "not installed"
    return {"protocol": 1, "name": "sherpa-onnx", "version": version, "stages": [], "serve": False, "run": True}


def read_wav(clip: Path) -> list[float]:
    """Samples in [-1, 1) of a 16-bit mono file at 16 kHz, which is what kits hold.

    Raises
    ------
    ValueError : it is something else
    """
    with wave.open(str(clip), "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            raise ValueError(f"{clip}: expected 16-bit mono at {RATE} Hz")
        samples = array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return [sample / 32768 for sample in samples]


def diarize(samples: list[float], models: Path, speakers: int, threads: int) -> list[tuple[float, float, int]]:
    """Start and end in seconds, and speaker, of every turn: nothing dropped and nothing filled, as in the reference."""
    import sherpa_onnx as so

    pyannote = so.OfflineSpeakerSegmentationPyannoteModelConfig(model=str(models / "segmentation.onnx"))
    config = so.OfflineSpeakerDiarizationConfig(
        segmentation=so.OfflineSpeakerSegmentationModelConfig(pyannote=pyannote, num_threads=threads),
        embedding=so.SpeakerEmbeddingExtractorConfig(model=str(models / "embedding.onnx"), num_threads=threads),
        clustering=so.FastClusteringConfig(num_clusters=speakers, threshold=0.5),
        min_duration_on=0.0,
        min_duration_off=0.0,
    )
    if not config.validate():
        raise ValueError(f"sherpa-onnx refuses the models in {models}")
    turns = so.OfflineSpeakerDiarization(config).process(samples).sort_by_start_time()
    return [(turn.start, turn.end, turn.speaker) for turn in turns]


def run(clip: Path, out: Path, models: Path, speakers: int, threads: int) -> None:
    """The whole pipeline into a dump: its turns."""
    turns = diarize(read_wav(clip), models, speakers, threads)
    lines = [
        f"SPEAKER {clip.stem} 1 {start:.3f} {end - start:.3f} <NA> <NA> SPEAKER_{speaker:02d} <NA> <NA>\n"
        for start, end, speaker in turns
    ]
    out.mkdir(parents=True, exist_ok=True)
    (out / "diarization.rttm").write_text("".join(lines), encoding="utf-8")


def main() -> int:
    """Do what the command line asks; the exit status."""
    parser = argparse.ArgumentParser(description="sherpa-onnx behind the program contract")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--speakers", type=int, default=UNKNOWN, help="where the number is known")
    parser.add_argument("--threads", type=int, default=1)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("describe")
    one = commands.add_parser("run")
    one.add_argument("clip", type=Path)
    one.add_argument("out", type=Path)
    asked = parser.parse_args()
    if asked.command == "describe":
        print(json.dumps(describe()))
        return 0
    try:
        run(asked.clip, asked.out, asked.models, asked.speakers, asked.threads)
    except (OSError, EOFError, ValueError, ImportError, wave.Error) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

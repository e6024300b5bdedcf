"""A made corpus as a folder: `audio/`, `rttm/`, `manifest.csv`, and `corpus.json`, which says what it is.

Convention: everything follows from the seed, the number of seconds and the pinned sources; recording 7 of a hundred
is recording 7 of a thousand. Written whole or not at all.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from parity.audio.reading import SAMPLE_RATE, wav_bytes
from parity.corpus.made.conversation import Conversation, converse
from parity.corpus.made.mixing import mixed, overlapping, rttm_of
from parity.corpus.made.voices import Voice, voices
from parity.corpus.manifest import COLUMNS
from parity.errors import InputError
from parity.files.whole import sha256_bytes, writing_folder

MANIFEST, ABOUT = "manifest.csv", "corpus.json"
DATASET = "made"
SHORTEST, LONGEST = 3, 3_600
MOST = 100_000

WHAT = (
    "Synthetic mixtures of the pinned sources' voices: good for telling whether two implementations answer alike, not "
    "for saying how accurate one is on real recordings."
)
ATTRIBUTION = (
    "Excerpts of the AMI Meeting Corpus (CC-BY-4.0), sample.wav of pyannote.audio (MIT) and two_cities.wav (public "
    "domain), cut, mixed, resampled, echoed and covered with noise."
)


def make(
    folder: Path, recordings: int, seconds: int, seed: int, tell: Callable[[str], None] = lambda said: None
) -> str:
    """Make a corpus.

    Parameters
    ----------
    folder : which does not exist yet
    recordings, seconds : how many, and of what length each
    seed : of all chance
    tell : called with a line for each recording

    Returns
    -------
    sha256 : of its manifest, which pins every recording and its RTTM

    Raises
    ------
    InputError : numbers that cannot be meant, the folder exists, the disk is full, or a source cannot be had
    """
    _check(recordings, seconds)
    with writing_folder(folder) as temporary:
        for part in ("audio", "rttm"):
            (temporary / part).mkdir()
        rows, about = [], []
        for number in range(recordings):
            name = f"made_{number:05d}"
            tell(f"{number + 1} of {recordings} recordings")
            talk = _talk(name, seed, seconds, voices())
            audio, rttm = wav_bytes(mixed(talk, voices()), talk.rate), rttm_of(talk, voices()).encode()
            (temporary / "audio" / f"{name}.wav").write_bytes(audio)
            (temporary / "rttm" / f"{name}.rttm").write_bytes(rttm)
            rows.append({
                "recording": name, "audio": f"audio/{name}.wav", "human_rttm": f"rttm/{name}.rttm",
                "dataset": DATASET, "sha256": sha256_bytes(audio),
            })  # fmt: skip
            about.append({"recording": name, **described(talk, voices()), "rttm_sha256": sha256_bytes(rttm)})
        manifest = _csv(rows)
        (temporary / MANIFEST).write_bytes(manifest)
        head = {
            "what": WHAT, "attribution": ATTRIBUTION, "seed": seed, "seconds": seconds,
            "manifest_sha256": sha256_bytes(manifest), "recordings": about,
        }  # fmt: skip
        (temporary / ABOUT).write_text(json.dumps(head, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return sha256_bytes(manifest)


def _check(recordings: int, seconds: int) -> None:
    if not 1 <= recordings <= MOST:
        raise InputError(f"--recordings {recordings}: expected 1 to {MOST:,}")
    if not SHORTEST <= seconds <= LONGEST:
        raise InputError(f"--seconds {seconds}: expected {SHORTEST} to {LONGEST:,} whole seconds")


def _talk(name: str, seed: int, seconds: int, among: Sequence[Voice]) -> Conversation:
    lengths = [[len(stretch) for stretch in voice.stretches] for voice in among]
    return converse(name, f"{seed}/{seconds}/{name}", seconds, lengths)


def described(talk: Conversation, among: Sequence[Voice]) -> dict[str, Any]:
    """What chance decided, as far as it may matter to who looks at results."""
    return {
        "speakers": [among[voice].name for voice in talk.gains],
        "turns": len(talk.pieces),
        "speech_seconds": sum(piece.length for piece in talk.pieces) / SAMPLE_RATE,
        "overlap_seconds": overlapping(talk.pieces) / SAMPLE_RATE,
        "sample_rate": talk.rate,
        "layout": talk.layout,
        "room": talk.room,
        "noise_db": -talk.noise / 10,
    }


def _csv(rows: Sequence[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, [name for name in COLUMNS if name in rows[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()

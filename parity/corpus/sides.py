"""Who answers: what a side is called on the command line, what tells it apart from others, and how it answers.

Forms: `native` and `native:RUNTIME` are this project's pipeline, `exec:"./my_port --flags"` a program's stages in it,
`module:object` somebody's Python functions in it; `rttm:DIR` are answers that are there already (one RTTM file for
each recording, or what `python -m capture --corpus` kept), `snapshots:DIR` captures with every stage, one folder for
each recording, and `manifest` the manifest's own column `reference_rttm`.
`NAME=` before any of them calls it something shorter.

Convention: a side's *identity* is plain data, and all that its answers depend on; its key is the identity's hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from parity.corpus.hypothesis import SIDE, Hypothesis, read_hypothesis
from parity.corpus.manifest import Entry
from parity.errors import InputError, one_line
from parity.files.documents import read_json, read_text
from parity.files.whole import sha256_bytes
from parity.measure.score import count

NATIVE, RTTM, SNAPSHOTS, MANIFEST = "native", "rttm:", "snapshots:", "manifest"
CODE = ("parity.diarize",)
NAME = re.compile(r"([A-Za-z0-9_.+-]{1,40})=(.+)", re.S)

Answer = Callable[[np.ndarray, int, str, int | None], tuple[str, str]]
"""Samples (channels, n) float32, Hz, the recording's name and number of speakers -> RTTM, plain and exclusive."""


@dataclass(frozen=True)
class Side:
    """A side as it was asked for.

    Attributes
    ----------
    name : in tables
    form : one of those above
    """

    name: str
    form: str

    @property
    def is_recorded(self) -> bool:
        """Whether its answers are there already, and nothing is run."""
        return self.form == MANIFEST or self.form.startswith((RTTM, SNAPSHOTS))

    @property
    def runtime(self) -> str | None:
        """The runtime of the native pipeline; None of another side."""
        first, _, runtime = self.form.partition(":")
        return (runtime or "auto") if first == NATIVE else None


@dataclass(frozen=True)
class Setup:
    """What all sides that run are run with.

    Attributes
    ----------
    weights : as `parity.sources.weights.load_weights` takes it
    threads : of the networks, on each worker
    stage_timeout : seconds that a program may take for one request; None: the default
    """

    weights: str
    threads: int = 1
    stage_timeout: float | None = None

    def timeout_of(self, side: Side) -> float | None:
        """What of `stage_timeout` is a side's: only programs have one."""
        return self.stage_timeout if side.form.startswith("exec:") else None


def parse_sides(asked: Sequence[str]) -> tuple[Side, ...]:
    """Sides of the command line.

    Raises
    ------
    InputError : two of one name
    """
    sides = []
    for words in asked:
        named = NAME.fullmatch(words)
        sides.append(Side(named[1], named[2]) if named else Side(words, words))
    names = [side.name for side in sides]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"--side {twice[0]}: there are two of that name; NAME={twice[0]} gives one another")
    return tuple(sides)


def key_of(identity: Mapping[str, Any]) -> str:
    """By which a side's answers are kept: sixteen hexadecimal digits of its identity's hash."""
    return sha256_bytes(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode())[:16]


# --- sides that run ------------------------------------------------------------------------------------------------


def identity_of(side: Side, setup: Setup) -> dict[str, Any]:
    """All that the answers of a side that runs depend on.

    Raises
    ------
    InputError : there is no such side, runtime, program or object, or the weights cannot be had
    """
    from parity.kept.code import code_key
    from parity.networks.placement import Placement
    from parity.networks.wespeaker.choice import check_choice, choose_runtime
    from parity.networks.wespeaker.runtime import runtime_version
    from parity.ports.identity import implementation_made_of
    from parity.ports.python import load_implementation
    from parity.sources.weights import load_weights

    weights = load_weights(setup.weights)
    wanted = side.runtime
    runtime = choose_runtime(check_choice(wanted or "auto", Placement()), weights.embedding, Placement())
    versions = {"numpy": np.__version__, "runtime": runtime_version(runtime)}
    shared = {"weights": weights.sha256, "runtime": runtime, "versions": versions, "code": code_key(CODE)}
    if wanted is not None:
        return {"side": NATIVE, **shared}
    with load_implementation(side.form, setup.timeout_of(side)) as under_test:
        return {"side": side.form, **shared, "made_of": implementation_made_of(under_test)}


def answerer(side: Side, setup: Setup) -> Answer:
    """What answers, with its networks loaded; same errors as `identity_of`."""
    runtime = side.runtime
    return _native(runtime, setup) if runtime is not None else _under_test(side, setup)


def _native(runtime: str, setup: Setup) -> Answer:
    from parity.diarize import Diarizer

    diarizer = Diarizer(setup.weights, threads=setup.threads, runtime=runtime)

    def answer(samples: np.ndarray, rate: int, uri: str, num_speakers: int | None) -> tuple[str, str]:
        made = diarizer(samples, sample_rate=rate, num_speakers=num_speakers)
        return made.rttm(uri), made.rttm(uri, exclusive=True)

    return answer


def _under_test(side: Side, setup: Setup) -> Answer:
    from parity.community1 import Parameters, community1_pipeline
    from parity.community1.annotation import to_rttm
    from parity.community1.networks import build_networks
    from parity.networks.placement import Placement
    from parity.networks.runtime import one_blas_thread
    from parity.networks.wespeaker.choice import choose_runtime
    from parity.ports.python import load_implementation
    from parity.sources.weights import load_weights

    weights = load_weights(setup.weights)
    runtime = choose_runtime("auto", weights.embedding, Placement())
    networks = build_networks(weights.segmentation, weights.embedding, weights.plda, setup.threads, runtime)
    under_test = load_implementation(side.form, setup.timeout_of(side))  # its program ends with the worker

    def answer(samples: np.ndarray, rate: int, uri: str, num_speakers: int | None) -> tuple[str, str]:
        parameters = Parameters(**weights.parameters, num_speakers=num_speakers)
        pipeline = under_test(community1_pipeline(networks, parameters))
        with one_blas_thread():
            made = pipeline.run({"samples": samples, "sample_rate": rate})
        return to_rttm(made["diarization"], uri), to_rttm(made["exclusive_diarization"], uri)

    return answer


# --- sides that were recorded ----------------------------------------------------------------------------------------


def side_of(name: str, identity: Mapping[str, Any]) -> Side:
    """A side of a store as it was asked for; of native ones with the runtime that was chosen."""
    form = f"{NATIVE}:{identity['runtime']}" if identity["side"] == NATIVE else str(identity["side"])
    return Side(name, form)


def recorded(side: Side, entries: Sequence[Entry]) -> tuple[dict[str, Any], list[Hypothesis]]:
    """A recorded side's identity, and its answers; a recording that it has no answer to is a row that says so.

    Raises
    ------
    InputError : there is no such folder, or it has no answer to any of the recordings
    """
    if side.form == MANIFEST:
        rows = [_of_file(entry, entry.reference_rttm) for entry in entries]
        identity: dict[str, Any] = {"side": MANIFEST}
    elif side.form.startswith(SNAPSHOTS):
        folder = _folder(side, SNAPSHOTS, "one folder with a snapshot for each recording")
        rows = [_snapped(entry, folder / entry.recording) for entry in entries]
        identity = {"side": SNAPSHOTS.rstrip(":")}
    else:
        folder = _folder(side, RTTM, "one RTTM file for each recording")
        captured = (folder / SIDE).is_file()
        rows = [_captured(entry, folder) if captured else _of_file(entry, _rttm_in(folder, entry)) for entry in entries]
        identity = _said_by(folder) if captured else {"side": RTTM.rstrip(":")}
    if all(row.error is not None for row in rows):
        raise InputError(f"--side {side.name}: has no answer to any recording of the manifest ({rows[0].error})")
    answers = [[row.recording, row.rttm, row.error] for row in rows]
    return {**identity, "answers": sha256_bytes(json.dumps(answers, ensure_ascii=False).encode())}, rows


def _folder(side: Side, prefix: str, expected: str) -> Path:
    folder = Path(side.form.removeprefix(prefix))
    if not folder.is_dir():
        raise InputError(f"--side {side.name}: {folder} is not a folder; expected {expected}")
    return folder


def _snapped(entry: Entry, folder: Path) -> Hypothesis:
    """What a capture answered; its clip has to be the recording."""
    from parity.fixtures.snapshot import read_snapshot

    if not folder.is_dir():
        return _missing(entry, f"{folder}: no snapshot of it")
    try:
        found = read_snapshot(folder)
    except InputError as error:
        return _missing(entry, one_line(error, 200))
    if entry.sha256 not in (None, found.clip_sha256):
        return _missing(entry, f"{folder}: captured from other audio")
    rttm, exclusive = (found.values.get(name) for name in ("diarization", "exclusive_diarization"))
    if rttm is None:
        return _missing(entry, f"{folder}: it holds no reference.rttm")
    speakers, segments = count(rttm)
    return Hypothesis(entry.recording, found.clip_sha256, entry.num_speakers, rttm, exclusive, speakers=speakers,
                      segments=segments)  # fmt: skip


def _said_by(folder: Path) -> dict[str, Any]:
    try:
        return dict(read_json(folder / SIDE))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder / SIDE}: cannot be read ({one_line(error)})") from error


def _rttm_in(folder: Path, entry: Entry) -> Path | None:
    path = folder / f"{entry.recording}.rttm"
    return path if path.is_file() else None


def _captured(entry: Entry, folder: Path) -> Hypothesis:
    kept = read_hypothesis(folder, entry.recording)
    if kept is None:
        return _missing(entry, f"{folder}: no answer to it")
    if entry.sha256 not in (None, kept.audio_sha256) or entry.num_speakers != kept.num_speakers:
        return _missing(entry, f"{folder}: its answer is to other audio, or another number of speakers")
    return kept


def _of_file(entry: Entry, path: Path | None) -> Hypothesis:
    if path is None:
        return _missing(entry, "no RTTM of it")
    try:
        text = rttm_of(path, entry.recording)
        speakers, segments = count(text)
    except (InputError, OSError, ValueError) as error:
        return _missing(entry, f"{path}: {one_line(error, 200)}")
    return Hypothesis(
        entry.recording, entry.sha256 or "", entry.num_speakers, rttm=text, speakers=speakers, segments=segments
    )


def _missing(entry: Entry, why: str) -> Hypothesis:
    return Hypothesis(entry.recording, entry.sha256 or "", entry.num_speakers, error=why)


def rttm_of(path: Path, recording: str) -> str:
    """The speaker lines of one recording in an RTTM file; all of them where no line names the recording.

    Lines of other types and comments are left out.

    Raises
    ------
    OSError, ValueError : the file cannot be read
    """
    lines = [line for line in read_text(path, encoding="utf-8-sig").splitlines() if line.split()[:1] == ["SPEAKER"]]
    own = [line for line in lines if line.split()[1:2] == [recording]]
    if not own and len({line.split()[1] for line in lines if len(line.split()) > 1}) > 1:
        raise ValueError(f"lines of several recordings, and none of {recording}")
    return "".join(f"{line}\n" for line in own or lines)

"""`python -m bench.corpus overhead|workers|scoring`: what running and scoring a corpus costs beside the work itself.

Everything runs as a user runs it: `python -m parity corpus …`, a process of its own, an empty store each time. Beside
the work: one worker answers half of the recordings, and all of them, in turns; what all took more than half of them,
less what the answers themselves took, is the cost of a recording, and what is left is start-up. Workers: one and two
answer the same recordings, in turns. Scoring: made RTTM pairs of 60 s, no audio; the client's peak memory is told.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bench.memory import forget_peak, peak_mb
from parity.console import run_and_exit, stdout
from parity.corpus.cluster import Workers, tasks_on
from parity.corpus.hypothesis import Hypothesis
from parity.corpus.manifest import Entry, read_manifest
from parity.corpus.scoring import score_store
from parity.corpus.sides import key_of
from parity.corpus.store import Store
from parity.corpus.summary import summarise
from parity.errors import InputError

SECONDS = 60.0
SPEAKERS = "abcd"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

MANIFEST = typer.Argument(help="Of recordings, such as `parity corpus make DIR --recordings 8 --seconds 60` makes.")
Rounds = Annotated[int, typer.Option(min=1, help="Each side once in every round.")]
SideOption = Annotated[str, typer.Option(help="Who answers, as `parity corpus run --side` takes it.")]


@app.command()
def overhead(manifest: Annotated[Path, MANIFEST], rounds: Rounds = 3, side: SideOption = "native:onnx") -> None:
    """What a recording costs beside its own work, with one worker of one thread; and what a run costs that starts."""
    names = [entry.recording for entry in read_manifest(manifest)]
    if len(names) < 2:
        raise InputError(f"{manifest}: one recording; it takes two to tell a recording's cost from a run's")
    found = []
    for number in range(rounds):
        half, whole = (_run(manifest, names[:count], 1, side) for count in (len(names) // 2, len(names)))
        share, start = beside(half, whole)
        found.append((share, start))
        stdout.print(f"round {number + 1}: {share:+.2%} beside the work, {start:.1f} s of start-up", soft_wrap=True)
    shares, starts = zip(*found, strict=True)
    stdout.print(
        f"beside the work: median {statistics.median(shares):+.2%} ({min(shares):+.2%} to {max(shares):+.2%}); "
        f"start-up {statistics.median(starts):.1f} s; {len(names)} recordings, {side}",
        soft_wrap=True,
    )


def beside(half: tuple[float, float], whole: tuple[float, float]) -> tuple[float, float]:
    """Seconds by the wall, and of the answers, of two runs -> the share beside the answers, and what starting takes."""
    (wall, work), (more_wall, more_work) = half, whole
    share = (more_wall - wall) / (more_work - work) - 1
    return share, wall - work * (1 + share)


@app.command()
def workers(manifest: Annotated[Path, MANIFEST], rounds: Rounds = 3, side: SideOption = "native:onnx") -> None:
    """How many times as fast two workers of one thread each are as one, start-up included."""
    names = [entry.recording for entry in read_manifest(manifest)]
    ratios = []
    for number in range(rounds):
        one, two = (_run(manifest, names, count, side)[0] for count in (1, 2))
        ratios.append(one / two)
        stdout.print(f"round {number + 1}: one {one:.1f} s, two {two:.1f} s, {one / two:.2f} times")
    median = statistics.median(ratios)
    stdout.print(f"two workers: median {median:.2f} times ({min(ratios):.2f} to {max(ratios):.2f}); {side}")


def _run(manifest: Path, names: list[str], count: int, side: str) -> tuple[float, float]:
    """A run over some recordings: seconds by the wall, and those that the answers took."""
    with _folder() as folder:
        some = _some(manifest, names, folder)
        words = ["corpus", "run", str(some), "--store", str(folder / "store"), "--side", side, "--workers", str(count)]
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "parity", *words], capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        wall = time.perf_counter() - started
        if done.returncode:
            raise InputError(f"parity {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        store = Store(folder / "store")
        return wall, sum(store.answers(next(iter(store.sides.values()))).seconds.values())


def _some(manifest: Path, names: list[str], folder: Path) -> Path:
    """A manifest of some of the recordings."""
    rows = [f"{one.recording},{one.audio.resolve()}" for one in read_manifest(manifest) if one.recording in names]
    (folder / "some.csv").write_text("recording,audio\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return folder / "some.csv"


# --- scoring ---------------------------------------------------------------------------------------------------------


@app.command()
def scoring(
    pairs: Annotated[list[int], typer.Argument(min=1, help="How many, such as 1000 10000.")],
    count: Annotated[int, typer.Option("--workers", min=0, help="Processes.")] = 2,
) -> None:
    """Seconds and the client's peak memory of scoring so many made pairs, and of the summary with its intervals."""
    for number in pairs:
        with _folder() as folder:
            make_store(folder / "store", number)
            done = subprocess.run(
                [sys.executable, "-m", "bench.corpus", "score-here", str(folder / "store"), str(count)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise InputError(f"scoring {number} pairs: {done.stderr.strip()}")
            stdout.print(f"{number} pairs: {done.stdout.strip()}", soft_wrap=True)


@app.command("score-here", hidden=True)
def score_here(store: Path, count: int) -> None:
    """Score a store in this process, whose memory is told."""
    kept = Store(store)
    forget_peak()
    started = time.perf_counter()
    with tasks_on(Workers(count)) as tasks:
        score_store(kept, tasks)
    scored = time.perf_counter()
    summarise(kept)
    ended = time.perf_counter()
    stdout.print(
        f"scored in {scored - started:.1f} s with {count} workers, summary {ended - scored:.1f} s; "
        f"client at most {peak_mb():.0f} MB",
        soft_wrap=True,
    )


def make_store(folder: Path, pairs: int, seed: int = 1) -> Store:
    """A store of two sides that answered so many recordings of 60 s: turns of four speakers, slightly off."""
    chance, store = random.Random(seed), Store(folder)
    answers: dict[str, list[Hypothesis]] = {"reference": [], "candidate": []}
    entries = []
    for number in range(pairs):
        name = f"r{number:06d}"
        entries.append(Entry(name, Path("none.wav"), dataset="ab"[number % 2]))
        for side, rttm in zip(answers, _talk(name, chance), strict=True):
            rows = rttm.splitlines()
            known = {"audio_seconds": SECONDS, "speakers": len({row.split()[7] for row in rows}), "segments": len(rows)}
            answers[side].append(Hypothesis(name, "", rttm=rttm, exclusive=rttm, **known))
    identities = {side: {"side": side, "answers": f"made, seed {seed}"} for side in answers}
    keys = {side: key_of(identity) for side, identity in identities.items()}
    for side, rows_of in answers.items():
        kept = store.answers(keys[side])
        kept.identify(identities[side])
        for row in rows_of:
            kept.add(row)
        kept.close()
    store.describe(keys, "reference", entries)
    return store


def _talk(name: str, chance: random.Random) -> tuple[str, str]:
    """Somebody's turns, and what another one hears of them."""
    at, right, heard = 0.0, [], []
    while at < SECONDS - 2:
        length, speaker = chance.uniform(0.5, 5), chance.choice(SPEAKERS)
        right.append(_line(name, at, length, speaker))
        other = speaker if chance.random() < 0.95 else "x"
        heard.append(_line(name, max(0.0, at + chance.uniform(-0.1, 0.1)), length, other))
        at = max(0.0, at + length + chance.uniform(-0.3, 0.5))
    return "".join(right), "".join(heard)


def _line(name: str, start: float, length: float, speaker: str) -> str:
    return f"SPEAKER {name} 1 {start:.3f} {length:.3f} <NA> <NA> {speaker} <NA> <NA>\n"


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bench-corpus-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_and_exit(app)

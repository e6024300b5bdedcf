"""`python -m bench.corpus overhead|tasks|workers|scoring`: what a corpus costs beside the work itself.

Overhead and tasks are counted in processor seconds (`bench.corpus_overhead`). Workers: one and two answer the same
recordings, in turns, as a user runs it: `python -m parity corpus …`, a process of its own, an empty store each time.
Scoring: made RTTM pairs of 60 s, no audio; the client's peak memory is told.
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

from bench.corpus_overhead import Round, made_up, measured, nothing, told, told_of_tasks
from bench.memory import forget_peak, peak_mb
from parity.commands.options import WeightsOption
from parity.console import run_and_exit, stdout
from parity.corpus.cluster import Workers, tasks_on
from parity.corpus.hypothesis import Hypothesis
from parity.corpus.manifest import Entry, read_manifest
from parity.corpus.scoring import score_store
from parity.corpus.sides import Setup, Side, key_of, parse_sides
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
def overhead(
    manifest: Annotated[Path, MANIFEST],
    rounds: Rounds = 3,
    side: SideOption = "native:onnx",
    recordings: Annotated[int, typer.Option(min=1, help="Of the manifest, the first so many.")] = 2,
    weights: WeightsOption = "wheels",
) -> None:
    """What a recording costs beside its own work, with one worker of one thread; and what starting costs."""
    entries = read_manifest(manifest)[:recordings]

    def watch(number: int, found: Round) -> None:
        stdout.print(f"round {number}: {found.share:+.2%}; {found}", soft_wrap=True)

    with _folder() as folder:
        start_up, found = measured(folder, entries, *parse_sides([side]), Setup(weights), rounds, watch=watch)
    for line in told(start_up, found):
        stdout.print(f"{line}; {len(entries)} recordings, {side}", soft_wrap=True)


@app.command()
def tasks(
    count: Annotated[int, typer.Argument(min=1, help="How many.")] = 500,
    rounds: Rounds = 5,
) -> None:
    """What a recording costs the runner where answering it costs nothing."""
    with _folder() as folder:
        _, found = measured(folder, made_up(count), Side("none", "native"), Setup("wheels"), rounds, nothing)
    stdout.print(f"{told_of_tasks(count, found)}; {count} tasks, {rounds} rounds", soft_wrap=True)


@app.command()
def workers(manifest: Annotated[Path, MANIFEST], rounds: Rounds = 3, side: SideOption = "native:onnx") -> None:
    """How many times as fast two workers of one thread each are as one, start-up included."""
    names = [entry.recording for entry in read_manifest(manifest)]
    ratios = []
    for number in range(rounds):
        one, two = (_run(manifest, names, count, side) for count in (1, 2))
        ratios.append(one / two)
        stdout.print(f"round {number + 1}: one {one:.1f} s, two {two:.1f} s, {one / two:.2f} times")
    median = statistics.median(ratios)
    stdout.print(f"two workers: median {median:.2f} times ({min(ratios):.2f} to {max(ratios):.2f}); {side}")


def _run(manifest: Path, names: list[str], count: int, side: str) -> float:
    """Seconds by the wall of a run over some recordings."""
    with _folder() as folder:
        some = _some(manifest, names, folder)
        words = ["corpus", "run", str(some), "--store", str(folder / "store"), "--side", side, "--workers", str(count)]
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "parity", *words], capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        if done.returncode:
            raise InputError(f"parity {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return time.perf_counter() - started


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
    with tasks_on(Workers(count)) as those:
        score_store(kept, those)
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

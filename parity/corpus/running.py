"""Every side answers every recording of a corpus, and the answers go into its store.

What is there already is not asked again: an answer is known by the recording's name, the hash of its audio, the
number of speakers that was told, and the side's identity. So a run that was stopped, anywhere, goes on; a recording
that failed is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from parity.corpus.cluster import Tasks
from parity.corpus.hypothesis import Hypothesis, of_failure
from parity.corpus.manifest import Entry
from parity.corpus.sides import Setup, Side, identity_of, key_of, recorded
from parity.corpus.store import Answers, Store
from parity.corpus.work import answer_one


@dataclass
class State:
    """How far one side is.

    Attributes
    ----------
    name : of the side
    total, kept : recordings; how many of them had been answered before
    done, failed : in this run
    audio_seconds : of what was answered in this run
    started, ended : by the monotonic clock
    """

    name: str
    total: int
    kept: int = 0
    done: int = 0
    failed: int = 0
    audio_seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None

    @property
    def left(self) -> int:
        """Recordings that are still to be answered."""
        return self.total - self.kept - self.done - self.failed

    @property
    def speed(self) -> float:
        """Hours of audio an hour."""
        return self.audio_seconds / max(1e-9, (self.ended or time.monotonic()) - self.started)


Watch = Callable[[State], None]


def run_sides(
    store: Store,
    entries: Sequence[Entry],
    sides: Sequence[Side],
    setup: Setup,
    tasks: Tasks,
    reference: str | None = None,
    watch: Watch = lambda state: None,
) -> list[State]:
    """Have every side answer what it has not answered.

    Parameters
    ----------
    store : which nobody else writes
    sides : that are asked, in this order
    setup : of those that run
    reference : name of the side that the others are compared with
    watch : called whenever a state changes

    Returns
    -------
    states : of each side, at the end

    Raises
    ------
    InputError : a side that there is not; the scheduler is gone
    """
    identities, rows = {}, {}
    for side in sides:  # what is wrong with one of them is said before any is run
        if side.is_recorded:
            identities[side.name], rows[side.name] = recorded(side, entries)
        else:
            identities[side.name] = identity_of(side, setup)
    keys = {name: key_of(identity) for name, identity in identities.items()}
    for name, key in keys.items():
        store.answers(key).identify(identities[name])
    store.describe(keys, reference, entries)
    states = []
    for side in sides:
        answers = store.answers(keys[side.name])
        state = State(side.name, len(entries))
        try:
            if side.is_recorded:
                _take(rows[side.name], answers, state)
            else:
                _ask(side, setup, entries, answers, tasks, state, watch)
        finally:
            answers.flush()
        answers.close()
        state.ended = time.monotonic()
        watch(state)
        states.append(state)
    return states


def _take(rows: Sequence[Hypothesis], answers: Answers, state: State) -> None:
    for row in rows:
        if answers.rows.get(row.recording) != row:
            answers.add(row)
        state.done += row.error is None
        state.failed += row.error is not None


def _ask(
    side: Side, setup: Setup, entries: Sequence[Entry], answers: Answers, tasks: Tasks, state: State, watch: Watch
) -> None:
    asked = []
    for entry in entries:
        kept = answers.rows.get(entry.recording)
        known = kept.audio_sha256 if kept and kept.answers(kept.audio_sha256, entry.num_speakers) else None
        if known is not None and known == entry.sha256:  # the manifest pins what was heard: no need to read it again
            state.kept += 1
        else:
            asked.append((entry, side, setup, known))
    watch(state)
    for number, found, error in tasks.each(answer_one, asked):
        entry = asked[number][0]
        if error is not None:
            found = of_failure(error, recording=entry.recording, audio_sha256="", num_speakers=entry.num_speakers)
        if found is None:
            state.kept += 1
        else:
            answers.add(found)
            state.done += found.error is None
            state.failed += found.error is not None
            state.audio_seconds += found.audio_seconds
        watch(state)

"""Sides run over a corpus: what is kept, what is asked again, and what a death in the middle costs."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time

import pytest
from support import ROOT
from support.corpora import DEADLY, corpus, stand_in
from support.synthetic import automatic, captured

import parity.corpus.rows
import parity.corpus.running
from parity.corpus.cluster import AHEAD_OF_EACH, Tasks, Workers, tasks_on
from parity.corpus.hypothesis import Hypothesis
from parity.corpus.running import run_sides
from parity.corpus.sides import Setup, Side, parse_sides, recorded
from parity.corpus.store import Store
from parity.errors import InputError

SIDE, SETUP = Side("x", "native:x"), Setup("wheels")


@pytest.fixture(autouse=True)
def no_networks(monkeypatch):
    monkeypatch.setattr(parity.corpus.running, "answer_one", stand_in)
    monkeypatch.setattr(parity.corpus.running, "identity_of", lambda side, setup: {"side": side.form})


def bytes_of(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files if "seconds" not in path.name}


def run(folder, entries, tasks=None):
    store = Store(folder)
    (state,) = run_sides(store, entries, [SIDE], SETUP, tasks or Tasks(), None)
    return state


def test_what_is_answered_is_not_asked_again_until_its_audio_changes(tmp_path):
    entries = corpus(tmp_path, 4)
    assert (run(tmp_path / "store", entries).done, run(tmp_path / "store", entries).kept) == (4, 4)
    entries[2].audio.write_bytes(b"other")
    state = run(tmp_path / "store", entries)
    assert (state.kept, state.done, state.failed, state.left) == (3, 1, 0, 0)


class Dying(Tasks):
    """Tasks whose client dies after some of them."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def each(self, task, arguments):
        for number, found in enumerate(super().each(task, arguments)):
            if number == self.after:
                raise KeyboardInterrupt
            yield found


@pytest.mark.parametrize("after", [0, 3])
def test_a_run_that_was_stopped_goes_on_and_gives_the_same_bytes(tmp_path, after, monkeypatch):
    monkeypatch.setattr(parity.corpus.rows, "ROWS", 2)
    entries = corpus(tmp_path, 5)
    run(tmp_path / "whole", entries)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", entries, Dying(after))
    assert run(tmp_path / "stopped", entries).kept == after
    assert bytes_of(tmp_path / "stopped") == bytes_of(tmp_path / "whole")


def test_a_recording_that_fails_is_a_row_and_is_tried_again(tmp_path, monkeypatch):
    entries = corpus(tmp_path, 2)
    failing = Hypothesis("r001", "", error="no")

    def first_time(entry, *rest):
        return failing if entry.recording == "r001" else stand_in(entry, *rest)

    monkeypatch.setattr(parity.corpus.running, "answer_one", first_time)
    assert run(tmp_path / "store", entries).failed == 1
    monkeypatch.setattr(parity.corpus.running, "answer_one", stand_in)
    state = run(tmp_path / "store", entries)
    assert (state.kept, state.done, state.failed) == (1, 1, 0)


def test_one_process_writes_a_store(tmp_path):
    with (
        Store(tmp_path / "s").writing(),
        pytest.raises(InputError, match="another run is writing it"),
        Store(tmp_path / "s").writing(),
    ):
        pass


def test_what_is_no_store_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match="something else"):
        Store(tmp_path)
    (tmp_path / "corpus.json").write_text('{"schema": 9}')
    with pytest.raises(InputError, match="schema 9"):
        Store(tmp_path)


@contextlib.contextmanager
def started(*words, **kwargs):
    process = subprocess.Popen([sys.executable, "-m", *words], stderr=subprocess.DEVNULL, **kwargs)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_scheduler_that_runs_already_serves_a_run_though_a_worker_is_killed(tmp_path):
    """Two workers by hand on loopback; one of them is killed by its first recording, which the other one answers."""
    pytest.importorskip("distributed")
    entries, place = corpus(tmp_path, 6), tmp_path / "scheduler.json"
    run(tmp_path / "alone", entries)
    shared = ["--scheduler-file", str(place), "--no-dashboard"]
    here = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}}
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *shared]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *shared]
    with contextlib.ExitStack() as stack:
        stack.enter_context(started(*scheduler, **here))
        workers = [stack.enter_context(started(*worker, **here)) for _ in range(2)]
        address = address_in(place)
        (tmp_path / DEADLY).write_text("")
        with tasks_on(Workers(scheduler=address)) as tasks:
            state = run(tmp_path / "served", entries, tasks)
            taken = []
            ahead = [len(taken) - done for done, _ in enumerate(tasks.each(abs, seen(range(30), taken), few=True))]
        assert len(taken) == 30 and max(ahead) <= 2 * AHEAD_OF_EACH + 1  # arguments are taken as they are needed
        assert sum(worker.poll() is not None for worker in workers) == 1
    assert (state.done, state.failed) == (6, 0)
    assert bytes_of(tmp_path / "served") == bytes_of(tmp_path / "alone")


def test_a_worker_keeps_its_memory_and_is_not_watched_a_hundred_times_a_second():
    """Both cost a tenth of a recording's own work."""
    dask = pytest.importorskip("dask")
    pytest.importorskip("distributed")
    names = ["MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX"]
    with tasks_on(Workers(1)) as tasks:
        found = sorted(tasks.each(os.getenv, [(name,) for name in names]))
        assert found == [(0, None, None), (1, "1", None)]
        assert dask.config.get("distributed.worker.profile.enabled") is False
    assert dask.config.get("distributed.worker.profile.enabled") is True


def seen(values, taken):
    for value in values:
        taken.append(value)
        yield (value,)


def address_in(place, patience=60):
    for _ in range(patience * 10):
        if place.exists():
            with contextlib.suppress(ValueError):
                return json.loads(place.read_text())["address"]
        time.sleep(0.1)
    raise AssertionError("the scheduler did not start")


@pytest.mark.parametrize(
    "workers, said",
    [
        (Workers(count=-1), "--workers -1"),
        (Workers(memory_limit="much"), "--memory-limit 'much'"),
        (Workers(scheduler="127.0.0.1"), "expected an address such as tcp://"),
    ],
)
def test_workers_that_cannot_be_meant_are_refused(workers, said):
    with pytest.raises(InputError, match=said):
        workers.check()


# sides


def test_sides_have_names(tmp_path):
    assert parse_sides(["native", "mine=exec:./a --b=c"]) == (Side("native", "native"), Side("mine", "exec:./a --b=c"))
    with pytest.raises(InputError, match="two of that name"):
        parse_sides(["native", "native=native:onnx"])


def test_recorded_sides_are_rttm_files_or_what_capture_kept(tmp_path):
    entries = corpus(tmp_path, 3)
    entries[1].human_rttm.unlink()
    identity, rows = recorded(Side("h", f"rttm:{tmp_path}"), entries)
    assert [row.error for row in rows] == [None, "no RTTM of it", None] and rows[0].speakers == 2
    (tmp_path / "r000.rttm").write_text("")
    other, _ = recorded(Side("h", f"rttm:{tmp_path}"), entries)
    assert identity != other
    with pytest.raises(InputError, match="no answer to any recording"):
        recorded(Side("m", "manifest"), entries)
    with pytest.raises(InputError, match="not a folder"):
        recorded(Side("m", "rttm:nowhere"), entries)


def test_a_folder_of_captures_is_a_side(tmp_path):
    captured(automatic(), tmp_path / "captures" / "r000")
    entries = corpus(tmp_path, 2)
    identity, (first, second) = recorded(Side("theirs", f"snapshots:{tmp_path / 'captures'}"), entries)
    assert identity["side"] == "snapshots" and "answers" in identity
    assert (first.error, first.speakers) == (None, 2) and first.exclusive is not None
    assert second.error.endswith("r001: no snapshot of it")
    pinned = [dataclasses.replace(entries[0], sha256="1" * 64)]
    with pytest.raises(InputError, match="captured from other audio"):
        recorded(Side("theirs", f"snapshots:{tmp_path / 'captures'}"), pinned)

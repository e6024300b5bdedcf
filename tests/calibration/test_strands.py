"""Parts that share what they compute stay with the process that began them, and nobody stands idle beside many."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from parity.calibration import strands
from parity.calibration.in_processes import Plan
from parity.calibration.strands import JOINED, in_strands
from parity.errors import InputError

PLAN = Plan("wheels", ("parity.faults.known",), 1, cached=True)


class Process(Executor):
    """Stands for one process: keeps its parts, and is done with one when it is told so."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.at: Future = Future()

    def submit(self, work, /, plan, part):
        self.parts.append(part)
        self.at = Future()
        return self.at


class Machine:
    """So many processes, of which all that have a part are done with it in every turn, in order."""

    def __init__(self, monkeypatch) -> None:
        self.processes: list[Process] = []
        monkeypatch.setattr(strands, "wait", self.wait)

    def start(self, count: int) -> Process:
        assert count == 1
        self.processes.append(Process())
        return self.processes[-1]

    def wait(self, running, return_when):
        futures = [process.at for process in self.processes if process.at in running]
        for future in futures:
            future.set_result("found")
        return type("Done", (), {"done": futures})


@pytest.fixture
def machine(monkeypatch):
    return Machine(monkeypatch)


def named(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def test_every_part_is_done_once_and_a_strand_stays_where_it_began(machine):
    done: list[str] = []
    todo = [named("a", 3), named("b", 2), [], named("c", 3)]
    in_strands(2, lambda plan, part: "", PLAN, todo, lambda part, found: done.append(part), machine.start)
    assert sorted(done) == sorted(part for strand in todo for part in strand)
    assert [process.parts for process in machine.processes] == [named("a", 3), [*named("b", 2), *named("c", 3)]]


def test_a_process_with_nothing_to_do_joins_where_most_is_left_and_only_where_much_is(machine):
    todo = [named("a", 10 * JOINED), named("b", JOINED)]
    in_strands(4, lambda plan, part: "", PLAN, todo, lambda part, found: None, machine.start)
    ways = ["".join(dict.fromkeys(part[0] for part in process.parts)) for process in machine.processes]
    assert ways == ["a", "ba", "a", "a"]


def test_what_is_little_is_left_to_the_process_that_is_at_it(machine):
    in_strands(4, lambda plan, part: "", PLAN, [named("a", JOINED)], lambda part, found: None, machine.start)
    assert [len(process.parts) for process in machine.processes if process.parts] == [JOINED]


def test_a_process_that_is_killed_is_said_in_one_line(monkeypatch):
    class Killed(Process):
        def submit(self, work, /, plan, part):
            future: Future = Future()
            future.set_exception(BrokenProcessPool())
            return future

    with pytest.raises(InputError, match="--resume"):
        in_strands(2, lambda plan, part: "", PLAN, [["a"]], lambda part, found: None, lambda count: Killed())

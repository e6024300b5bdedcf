"""`python -m bench.programs`: sides in alternation, requests counted, what a program answered forgotten each round."""

from __future__ import annotations

from types import SimpleNamespace

from support.schemas import valid

from bench.programs import CALLED, NATIVELY, SERVED, _table, measure


class Counting:
    """A program that counts what is asked of it."""

    def __init__(self) -> None:
        self.forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1

    def settle(self) -> SimpleNamespace:
        return SimpleNamespace(costs={"vbx": SimpleNamespace(calls=3), "ahc": SimpleNamespace(calls=4)})


def test_sides_take_turns_and_the_first_round_does_not_count():
    sides = {NATIVELY: SimpleNamespace(program=None, name="n")} | {
        name: SimpleNamespace(program=Counting(), name=name) for name in (SERVED, CALLED)
    }
    order: list[str] = []

    def replayed(side: SimpleNamespace) -> bool:
        order.append(side.name)
        return True

    report = valid(measure(sides, replayed, rounds=2), "programs_schema.json")  # type: ignore[arg-type]
    assert order == ["n", SERVED, CALLED] * 3
    assert {name: len(took) for name, took in report["seconds"].items()} == dict.fromkeys(sides, 2)
    assert report["requests"] == {NATIVELY: 0, SERVED: 7, CALLED: 7} and report["at_parity"]
    assert sides[SERVED].program.forgotten == 3
    assert _table(report | {"fixtures": ["a"], "program": "p"}).columns[0].header == "side"


def test_a_side_that_is_not_at_parity_is_said():
    sides = {NATIVELY: SimpleNamespace(program=None)}
    assert not measure(sides, lambda side: False, rounds=1)["at_parity"]  # type: ignore[arg-type]

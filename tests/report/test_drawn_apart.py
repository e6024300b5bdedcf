"""Plots drawn apart: the page is the same, and what is not there, or of other data, the page draws itself."""

from __future__ import annotations

import copy
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest
from report.test_html import example

from parity.report import drawn_apart
from parity.report.drawn_apart import Drawer
from parity.report.html import PLOTS, page


class Killed(Executor):
    """A process that is killed over the second thing it is given."""

    def __init__(self, count: int) -> None:
        self.asked = 0

    def submit(self, work, /, *args, **kwargs):
        future: Future = Future()
        self.asked += 1
        if self.asked > 2:
            raise BrokenProcessPool("killed")
        if self.asked > 1:
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result(work(*args, **kwargs))
        return future


def drawer_in(monkeypatch, start) -> Drawer:
    monkeypatch.setattr(drawn_apart, "spawned", start)
    return Drawer(apart=True)


@pytest.mark.parametrize("start", [ThreadPoolExecutor, Killed])
def test_the_page_is_the_same_wherever_its_plots_were_drawn(monkeypatch, start):
    document = example()
    with drawer_in(monkeypatch, start) as drawer:
        for number, fixture in enumerate(document["fixtures"], 1):
            drawer.draw(number, fixture)
    assert len(drawer.drawn()) == (1 if start is Killed else len(document["fixtures"])) > 0
    assert page(document, drawer.drawn()) == page(document)


def test_what_was_changed_since_is_drawn_again(monkeypatch):
    document = example()
    with drawer_in(monkeypatch, ThreadPoolExecutor) as drawer:
        drawer.draw(1, copy.deepcopy(document["fixtures"][0]))
    ((number, data),) = drawer.drawn()
    document["fixtures"][0]["seconds"] += 1
    lying = {
        (number, data): {key: text and "<svg>of before</svg>" for key, text in drawer.drawn()[number, data].items()}
    }
    assert "of before" not in page(document, lying) and "of before" in page(example(), lying)


def test_nothing_is_started_where_it_does_not_pay(monkeypatch):
    monkeypatch.setattr(drawn_apart, "spawned", lambda count: pytest.fail("a process was started"))
    with Drawer(apart=False) as drawer:
        drawer.draw(1, example()["fixtures"][0])
    assert drawer.drawn() == {}


def test_a_real_process_draws():
    with Drawer(apart=True) as drawer:
        drawer.draw(1, example()["fixtures"][0])
    assert [sorted(plots) for plots in drawer.drawn().values()] == [sorted(PLOTS)]

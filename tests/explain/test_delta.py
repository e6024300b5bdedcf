"""Delta debugging on sets whose smallest part is known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parity.explain.delta import NO, UNRESOLVED, YES, ddmin


def needs(wanted: set[int]):
    return lambda subset: YES if wanted <= set(subset) else NO


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1), min_size=1))))
def test_exactly_what_is_needed_is_found(case):
    size, wanted = case
    found = ddmin(range(size), needs(wanted), budget=10_000)
    assert set(found.chosen) == wanted
    assert found.minimal


def test_a_single_element_takes_a_logarithm_of_runs():
    found = ddmin(range(4096), needs({1234}), budget=100)
    assert found.chosen == (1234,)
    assert found.runs <= 24


def test_a_budget_that_ends_early_is_said_and_what_was_found_still_passes():
    wanted = {3, 50, 97}
    found = ddmin(range(100), needs(wanted), budget=5)
    assert not found.minimal
    assert found.runs == 5
    assert wanted <= set(found.chosen)


def test_no_subset_is_tested_twice():
    seen = []

    def test(subset):
        seen.append(tuple(subset))
        return YES if {1, 6} <= set(subset) else NO

    ddmin(range(8), test, budget=1000)
    assert len(seen) == len(set(seen))


def test_another_failure_is_no_success_and_is_counted():
    def test(subset):
        if {2, 5} <= set(subset):
            return YES
        return UNRESOLVED if 2 in subset else NO

    found = ddmin(range(8), test, budget=1000)
    assert found.chosen == (2, 5)
    assert found.unresolved > 0


def test_any_one_of_several_will_do():
    found = ddmin(range(10), lambda subset: YES if len(subset) >= 3 else NO, budget=1000)
    assert len(found.chosen) == 3

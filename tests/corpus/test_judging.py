"""Intervals, paired differences, verdicts, power: against what is known of them."""

import numpy as np
import pytest

from parity.corpus.judging import DRAWS, FEWEST, _draws, interval, non_inferiority, paired, share


def rows(errors, total=100.0, dataset="d"):
    return {
        f"r{number:04d}": {
            "recording": f"r{number:04d}",
            "dataset": dataset,
            "der_errors": float(value),
            "der_total": total,
        }
        for number, value in enumerate(errors)
    }


def test_a_corpus_value_is_the_sum_of_errors_over_the_sum_of_totals_and_its_interval_is_seeded():
    some = [*rows([1, 2, 3]).values(), *rows([10], total=700.0).values()]
    assert interval(some, "der").value == pytest.approx(16 / 1000)
    many = list(rows(np.random.default_rng(0).normal(20, 5, 50)).values())
    assert interval(many, "der", seed=3) == interval(many, "der", seed=3) != interval(many, "der", seed=4)
    assert interval([], "der").value is None
    assert interval(list(rows([0, 0], total=0.0).values()), "der").value is None


def test_an_interval_is_as_wide_as_theory_has_it():
    errors = np.random.default_rng(0).normal(20, 5, 400)
    found = interval(list(rows(errors).values()), "der")
    assert found.high - found.low == pytest.approx(2 * 1.96 * errors.std() / 20 / 100, rel=0.1)


def test_within_each_dataset_as_many_are_drawn_as_it_has():
    drawn = np.concatenate(list(_draws(["a", "b", "b", "a", "c"], 1)))
    assert drawn.shape == (DRAWS, 5)
    assert (drawn[:, [0, 3]].sum(axis=1) == 2).all() and (drawn[:, 4] == 1).all()


def test_a_difference_is_paired_so_what_both_share_does_not_widen_it():
    shared = np.random.default_rng(1).normal(20, 5, 200)
    found = paired(rows(shared + 1), rows(shared), "der")
    assert found.value == pytest.approx(0.01) and found.high - found.low < 1e-9


@pytest.mark.parametrize(
    "excess, margin, said",
    [(0.0, 0.005, "non-inferior"), (1.0, 0.005, "inferior"), (0.5, 0.005, "inconclusive"), (-9.0, 0.0, "non-inferior")],
)
def test_verdicts_follow_the_interval(excess, margin, said):
    noise = np.random.default_rng(2).normal(0, 1, 400)
    noise -= noise.mean()
    found = non_inferiority(rows(20 + noise + excess), rows(np.full(400, 20.0)), margin)
    assert found.verdict == said


def test_a_handful_concludes_nothing_and_no_variance_needs_no_number():
    found = non_inferiority(rows(np.ones(FEWEST - 1)), rows(np.ones(FEWEST - 1)), 0.01)
    assert found.verdict == "inconclusive" and found.needed is None
    assert non_inferiority(rows(np.ones(FEWEST)), rows(np.ones(FEWEST)), 0.01).verdict == "non-inferior"


def test_the_number_needed_finds_the_verdict_four_times_in_five():
    generator = np.random.default_rng(3)
    seen = generator.normal(0, 4, 1000)
    needed = non_inferiority(rows(20 + seen), rows(np.full(1000, 20.0)), 0.01 + seen.mean() / 100).needed
    assert needed == pytest.approx((2.8 * 4) ** 2, rel=0.1)
    found = [
        non_inferiority(rows(20 + generator.normal(0, 4, needed)), rows(np.full(needed, 20.0)), 0.01).verdict
        for _ in range(30)
    ]
    assert found.count("non-inferior") / 30 == pytest.approx(0.8, abs=0.2)


def test_a_share_of_none_has_an_interval_too():
    assert share(0, 100).low == 0 and share(0, 100).high == pytest.approx(0.037, abs=5e-4)
    assert share(0, 0).value is None

"""An explanation in words: what a person reads in the terminal, in Markdown and on the page."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from rich.console import Console
from support.report_examples import explanation

from parity.explain.explanation import Element, LayerDrift
from parity.measure.verdicts import DRIFT
from parity.report.document import explanation_data, finite
from parity.report.explanation import explanation_table, in_words, listed, size, times, verdict
from parity.report.headline import of_explanation
from parity.report.wording import inert


def element(frame: int, *, speakers: tuple[str, ...] = (), drift: float = 1.0) -> dict:
    start = 20.0 + frame * 0.016875
    where = f"output frame {frame}, at {start:.1f} s"
    return finite(asdict(Element((frame,), where, start, start + 0.016875, speakers, drift)))


def test_a_backslash_of_text_from_outside_does_not_undo_what_makes_it_inert():
    assert inert("[x](http://a) | b") == r"\[x\](http://a) \| b"
    assert inert(r"\[x\](http://a) \| b") == r"\\\[x\\\](http://a) \\\| b"


def test_neighbouring_elements_are_said_together_with_the_worst_drift():
    lines = listed([element(7), element(8, drift=3.0), element(9), element(30)])
    assert lines == [
        "output frame 7 to 9, 20.12 to 20.17 s (drift 3.0e+00)",
        "output frame 30, 20.51 to 20.52 s (drift 1.0e+00)",
    ]


def test_neighbours_of_other_speakers_are_not_joined():
    assert len(listed([element(7, speakers=("A",)), element(8, speakers=("B",))])) == 2


def test_many_groups_are_cut_short_and_the_rest_counted():
    lines = listed([element(3 * index) for index in range(12)])
    assert len(lines) == 9 and lines[-1] == "and 4 more"


@pytest.mark.parametrize(
    ("value", "ratio", "said"),
    [(None, None, "—"), (19.0, "inf", "19≠"), (0.25, 25.0, "2.5e-01"), (0.0, 0.0, "0"), ("inf", "inf", "inf")],
)
def test_counts_and_sizes_are_told_apart(value, ratio, said):
    assert size(value, ratio) == said


def test_the_worse_of_the_two_drifts_is_given_in_units_of_its_limit():
    assert times({"isolated_ratio": 0.25, "cascaded_ratio": 3.0}) == "3"
    assert times({"isolated_ratio": "inf", "cascaded_ratio": None}) == "∞"
    assert times({"isolated_ratio": None, "cascaded_ratio": None}) == ""


def test_an_answer_that_did_not_change_has_no_decisive_stage():
    found = explanation_data(replace(explanation(), answer_changed=False))
    assert verdict(found)[1].startswith("The answer is the reference's")


def test_an_interaction_and_a_change_that_nothing_restores_are_said_as_such():
    both = explanation_data(replace(explanation(), decisive=None, interaction=("fbank", "ahc")))
    assert verdict(both)[1] == "No stage alone restores the answer; together fbank and ahc do."
    none = explanation_data(replace(explanation(), decisive=None, interaction=()))
    assert verdict(none)[1] == "The answer changed, and no patch that was tried restores it."


def test_the_first_layer_out_of_tolerance_is_named():
    layers = (
        LayerDrift("embedding", "conv1", 1e-6, 1e-4, True),
        LayerDrift("embedding", "layer1.0.conv1", 2e-3, 1e-4, False),
        LayerDrift("embedding", "layer1.0.out", 5e-3, 1e-4, False),
    )
    lines = in_words(explanation_data(replace(explanation(), layers=layers)))
    assert any("embedding/layer1.0.conv1: off by 2.0e-03" in line for line in lines)


def test_the_table_fits_eighty_columns_with_every_stage_whole():
    console = Console(width=80, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    found = explanation_data(explanation())
    console.print(explanation_table(found))
    console.file.close()
    text = console.export_text()
    assert all(stage["stage"] in text for stage in found["stages"])
    assert "…" not in text


def test_a_file_out_of_form_is_said_as_such_and_not_as_an_artefact():
    found = {"named": [], "notes": ["not in form: mine/count.npy: is float64"], "declaration": None}
    said = of_explanation(found, DRIFT)
    assert said == "DRIFT. Not in form: mine/count.npy: is float64. All of it: parity validate."

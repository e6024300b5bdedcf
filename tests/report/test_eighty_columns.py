"""Every table of the terminal at eighty columns, with the longest names and the worst of states: nothing is cut."""

from __future__ import annotations

import io

import pytest
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from support.report_examples import example, explanation

from parity.commands.fixtures import fixtures_table
from parity.fixtures.catalogue import Catalogue, Fixture, default_folder
from parity.fixtures.stability import Perturbed, Stability
from parity.margins.margin import Margin
from parity.report import (
    calibration,
    comparison,
    grid,
    layers,
    runtimes,
    stability,
    steps,
    terminal,
    tree,
    verification,
)
from parity.report import explanation as words
from parity.report.document import explanation_data

NAME = "14_mrbeast_strongman_robot"  # the longest of the fourteen that the bench is about
LONG = "a_recording_of_somebodys_own_whose_name_has_sixty_four_letters_x"
STAGE = "speaker_counting"
ARTEFACT = "exclusive_discrete_diarization"
FAULT = "centroids_of_normalised_embeddings"
SIZE = "123456≠"


def run() -> dict:
    document = example()
    for fixture in document["fixtures"]:
        fixture["name"] = NAME
        if fixture["status"] == "drift":
            fixture |= {"speakers": 12, "reference_speakers": 15, "segments": 448, "reference_segments": 450}
            fixture |= {"der": 0.1234, "der_exclusive": 0.2345, "embedding_drift": 1.2e-1}
            fixture["first_drift"] = {**fixture["first_drift"], "artefact": ARTEFACT}
    return document


def margin(**changed) -> Margin:
    values = {"stage": STAGE, "decision": "merge above or below the cut", "where": "merge 1234 of clusters 12 and 345"}
    values |= {"smallest": 1.2e-5, "unit": "distance", "decisions": 123456, "ties": 1234, "ambiguous": True, **changed}
    return Margin(**values)


def explained() -> dict:
    found = explanation_data(explanation(NAME))
    for stage in found["stages"]:
        stage |= {"stage": STAGE, "isolated": 1.2e-1, "cascaded": 1.2e-1, "noise_ratio": 1.2e5}
    return found


def trial(**changed) -> dict:
    return {"fixture": NAME, "moved": [True], "answer_changed": True, "restored": False, **changed}


def faults() -> dict:
    row = {"name": FAULT, "stage": STAGE, "moving": True, "detected": False, "named": STAGE, "named_rightly": False}
    row |= {"restored": False, "answer_changed": True, "fixtures": [trial()] * 14}
    confusion = [
        {"stage": stage, "named": named, "trials": 123}
        for stage in calibration.STAGES
        for named in ([*calibration.STAGES, "nothing"])
    ]
    return {"faults": [row], "confusion": confusion}


def compared() -> dict:
    artefact = {"name": ARTEFACT, "stage": "reconstruction", "verdict": "different", "by": ["permutation"]}
    artefact |= {
        "max_abs": 0.0,
        "tolerance": 0,
        "mismatches": 123456,
        "compared": 1234567,
        "note": "",
        "looks_like": "",
    }
    artefact |= {"where": "frame 12345, speaker 12, at 1234.567 s: got 1, want 0", "first": True}
    turns = {"der": 0.1234, "only_reference": [1] * 123, "only_candidate": [1] * 123}
    call = {"decision": "best powerset class", "smallest": 1e-5, "drift": 1e-5, "headroom": 0.12, "where": "chunk 1"}
    call |= {"least_headroom": 0.01, "least_where": "chunk 1234, frame 588, at 1234.567 s"}
    embeddings = {**artefact, "name": "embeddings"}
    labels = {**artefact, "name": "hard_clusters"}
    return {
        "name": NAME,
        "artefacts": [artefact, embeddings, labels],
        "first_drift": ARTEFACT,
        "turns": {"diarization": turns, "exclusive_diarization": turns},
        "margins": [call],
    }


def proof() -> dict:
    row = {"layer": "layer4.2.shortcut", "max_abs": 1.2e-3, "relative": "inf", "limit": 1e-5, "limit_of": "max_abs"}
    row |= {"chunk": 1234, "within": False}
    fixture = {"name": NAME, "chunks": [0], "sampled": True, "layers": [row]}
    other = {**fixture, "name": "03_sparse_speech", "layers": [{**row, "max_abs": 1e-9}]}
    return {
        "runtime": {"name": "onnx-int8-per-channel", "version": "1.20.1"},
        "weights": "x",
        "fixtures": [fixture, other],
    }


def costs() -> dict:
    fixture = {"fixture": NAME, "rttm_equal": False, "drift": 1.2e-1, "headroom": 0.00123, "der": 0.1234}
    fixture |= {"exclusive_der": 0.2345, "chunks": None}
    speed = {"seconds": 12.34, "ratio": 12.34, "low": 11.0, "high": 13.0}
    row = {"name": "onnx-int8-per-channel", "bytes": 26e6, "runs_on": "onnxruntime 1.20", "speed": speed}
    return {"runtimes": [{**row, "fixtures": [fixture] * 14}]}


def verified() -> dict:
    row = {"runtime": {"name": "onnx-int8-per-channel", "version": "1.20.1"}, "equal_error_rate": 0.1234}
    return {
        "weights": "x",
        "runtimes": [
            {
                **row,
                "same": {"pairs": 12345, "mean": 0.1},
                "different": row["runtime"] and {"pairs": 123456, "mean": -0.1},
            }
        ],
    }


def decoded() -> dict:
    row = {
        "name": "minute_two_layers_1025",
        "steps": 12345,
        "tokens": 1234,
        "at_parity": False,
        "amplification": 1234.5,
    }
    sides = {"cascaded": 1.2e-1}
    row |= {"drift": {"log_probabilities": sides, "predictor_state": {"cascaded": "shape"}}, "problems": []}
    row["first_difference"] = {"step": 1234, "got": 1024, "want": 1023, "margin": 1.2e-5}
    return {"implementation": "fault blank_row_not_zero", "weights": "seeded heads", "fixtures": [row]}


def perturbed() -> list[Stability]:
    values = dict.fromkeys(Stability.__dataclass_fields__)
    sizes = Perturbed(20, (1e-5,), (0.6,))
    values |= {"fixture": NAME, "embeddings": sizes, "fbank": sizes, "rounding_noise": {"segmentation_logits": 1.2e-5}}
    return [Stability(**values)]


def listed() -> list[Fixture]:
    return [Fixture(NAME, "telephone_and_noise", "overlap in a far field", "0" * 64, default_folder(), min_speakers=12)]


TABLES = {
    "run": (lambda: terminal.table(run()), [NAME, "drift", "error", "parity", "12≠15", "448≠450", "0.1234", "0.2345"]),
    "margins": (lambda: terminal.margins_table({NAME: [margin()]}), [NAME, "1.2e-05", "1234*"]),
    "headroom": (lambda: terminal.headroom_table(headrooms(), {NAME: "> 1e-02"}), [NAME, STAGE, "0.12", "> 1e-02"]),
    "stability": (lambda: stability.stability_table(perturbed()), [NAME, "1e-05 (12/20)"]),
    "layers": (lambda: layers.proof_table(proof()), [NAME, "layer4.2.shortcut", "out", "inf"]),
    "faults": (lambda: calibration.faults_table(faults()), [FAULT, STAGE, "14/14"]),
    "confusion": (lambda: calibration.confusion_table(faults()), [STAGE, "123"]),
    "explain": (lambda: words.explanation_table(explained()), [NAME, STAGE, "born", "1.2e+05"]),
    "compare": (lambda: comparison.comparison_table(compared()), [NAME, ARTEFACT, "different", SIZE]),
    "calls": (lambda: comparison.headroom_table(compared()), ["0.12", "0.01", "1.0e-05"]),
    "tree": (lambda: tree.tree_table([compared()] * 2), [NAME, ARTEFACT, "0/0/3", "0.1234", "+246"]),
    "verification": (lambda: verification.verification_table(verified()), ["0.1234", "123456"]),
    "runtimes": (lambda: runtimes.costs_table(costs()), ["onnx-int8-per-channel", "0.2345", "0/14", "0.00123"]),
    "rnnt": (lambda: steps.steps_table(decoded()), ["minute_two_layers_1025", "1.2e-01", "shape", "1024"]),
    "fixtures": (lambda: fixtures_table(listed()), [NAME, "min_speakers"]),
}


def headrooms() -> dict:
    document = run()
    for fixture in document["fixtures"]:
        for found in fixture.get("margins") or []:
            found |= {"stage": STAGE, "least_headroom": 0.12, "least_where": "merge 1234 of clusters 12 and 345"}
    return document


def shown(table: Table) -> str:
    console = Console(width=80, record=True, file=io.StringIO(), markup=False, emoji=False)
    console.print(table)
    text = console.export_text()
    assert "…" not in text and max(map(len, text.splitlines())) <= 80
    return text


@pytest.mark.parametrize("name", TABLES)
def test_nothing_that_matters_is_cut_or_folded(name):
    table, whole = TABLES[name]
    text = shown(table())
    assert [word for word in whole if word not in text] == []


@pytest.mark.parametrize("name", TABLES)
def test_a_name_of_sixty_four_letters_is_folded_and_not_cut(name, monkeypatch):
    monkeypatch.setitem(globals(), "NAME", LONG)
    table, whole = TABLES[name]
    text = shown(table())
    if NAME in whole:
        assert_folded(text, LONG)


def assert_folded(text: str, name: str) -> None:
    """All letters of a name in their order, going down the column that it stands in."""
    left = name
    for line in text.splitlines():
        piece = max((word for word in line.split() if left.startswith(word)), key=len, default="")
        left = left[len(piece) :]
    assert not left, text


def test_the_catalogue_is_shown_whole():
    text = shown(fixtures_table(Catalogue.read(default_folder()).fixtures))
    assert all(name in text for name in Catalogue.read(default_folder()).names)


def test_columns_give_way_in_order_and_the_first_one_last():
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for heading, stiff in (("name", True), ("number", True), ("where", False)):
        table.add_column(heading, no_wrap=stiff)
    table.add_row("x" * 40, "1.2e-05 abs", "a sentence of several words")
    assert grid.natural(grid.uncut(table, 80)) == 80 and table.columns[0].width is None
    widths = [column.width for column in grid.uncut(table, 66).columns]
    assert widths == [40, 11, 13]
    widths = [column.width for column in grid.uncut(table, 57).columns]
    assert widths[0] == 40 and widths[1] < 11 and widths[2] == len("sentence")
    assert grid.uncut(table, 30).columns[0].width < 40

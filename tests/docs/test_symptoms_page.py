"""`docs/symptoms.md` is made of what was measured of each known mistake, and keeps what people saw in public."""

from __future__ import annotations

import importlib.util
import json

import pytest
from support import ROOT

from parity.faults.fault import load_faults
from parity.pipeline.artefact import ARTEFACTS

DOCS = ROOT / "docs"


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def maker():
    return script("make_symptoms")


def test_the_page_is_what_is_made_of_the_measured_signatures(maker):
    assert maker.PAGE.read_text(encoding="utf-8") == maker.page()


def test_every_known_mistake_is_measured_or_left_out_with_a_reason():
    found = json.loads((DOCS / "measured" / "signatures.json").read_text(encoding="utf-8"))
    names = {fault.name for fault in load_faults()}
    assert found["faults"].keys() | found["left_out"].keys() == names
    assert not found["faults"].keys() & found["left_out"].keys()
    assert all(found["left_out"].values())


def test_what_a_mistake_moves_is_of_its_stage_or_behind_it():
    """What is measured is no accident of the measuring: nothing before the stage at fault leaves tolerance."""
    found = json.loads((DOCS / "measured" / "signatures.json").read_text(encoding="utf-8"))["faults"]
    stages = list(dict.fromkeys(artefact.stage for artefact in ARTEFACTS.values()))
    for fault in load_faults():
        moves = found[fault.name]["moves"] if fault.name in found else []
        for row in moves:
            assert stages.index(ARTEFACTS[row["artefact"]].stage) >= stages.index(fault.stage), (fault.name, row)


def test_a_row_says_what_is_seen_what_it_was_and_what_became_of_the_answer(maker):
    page = maker.page()
    (row,) = (line for line in page.splitlines() if "`ahc_single_linkage`" in line)
    assert row.startswith("| `dendrogram` ") and "DER " in row and "speakers, " in row
    (row,) = (line for line in page.splitlines() if line.endswith("| `plda_as_stored` |"))
    assert row.startswith("| nothing | DER 0, 2 speakers, 13 turns |")
    for kept in ("LSTM gates in another order", "centroids' cosine 1.0000", "three lessons about looking"):
        assert kept in page


@pytest.mark.models
def test_measured_again_a_mistake_of_each_kind_has_the_signature_that_is_kept():
    from parity.calibration.trials import bench_of
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.prepare import load_networks, prepare
    from parity.kept import results_where
    from parity.networks.runtime import one_blas_thread
    from parity.sources.weights import load_weights

    made = script("signatures")
    (fixture,) = Catalogue.read(default_folder()).select([made.FIXTURE])
    weights = load_weights()
    networks = load_networks(weights, kept=results_where(None, tested=True))
    kept = json.loads(made.FILE.read_text(encoding="utf-8"))["faults"]
    with one_blas_thread():
        bench = bench_of(prepare(fixture, fixture.snapshot_folder, weights), networks, weights)
        for name in ("ahc_single_linkage", "count_half_up", "fbank_hann_window"):
            (fault,) = (fault for fault in load_faults() if fault.name == name)
            again = made.signature(fault, bench)
            assert [row["artefact"] for row in again["moves"]] == [row["artefact"] for row in kept[name]["moves"]]
            assert again["answer"] == kept[name]["answer"], name
            assert again["moves"] and again["moves"][0]["differ"] == kept[name]["moves"][0]["differ"], name

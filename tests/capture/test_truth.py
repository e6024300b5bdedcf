"""Truths of several fixtures in one call: what fails is a line, what is there is kept, what is another is said."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")

NAMES = ("13_no_speech", "14_partial_tail")


def truth_of(snapshot, chunks=(0,), total=3, error=1e-6):
    """What `measure_truth` gives, made up: one artefact, an `error` from the snapshot's."""
    from capture.truth import Measured
    from parity.fixtures.beside import snapshot_sha256
    from parity.fixtures.snapshot import read_snapshot
    from parity.fixtures.truth import distance, measured

    name, values = "segmentation_logits", read_snapshot(snapshot).values["segmentation_logits"]
    true = values.astype(np.float64) + error * np.random.default_rng(0).standard_normal(values.shape)
    said = {
        **{
            "fixture": snapshot.name,
            "snapshot_sha256": snapshot_sha256(snapshot),
            "weights_sha256": "w",
            "seconds": 0.5,
        },
        **{"chunks": list(chunks), "chunks_in_all": total, "machine": {"device": "cpu"}},
    }
    return Measured(said, {name: measured(name, true, values)}, {}, {name: distance(name, true, values)})


@pytest.fixture
def lab(monkeypatch, tmp_path):
    """`record` of both fixtures into a folder; `lab.broken` raises, `lab.error` is of the truth, `lab.asked` counts."""
    from capture import truths
    from capture.settings import Settings
    from parity.fixtures.catalogue import Catalogue, default_folder

    lab = SimpleNamespace(broken={}, error=1e-6, asked=[], out=tmp_path)

    def measure(snapshot, pipeline, fixture, weights, *, device, every_chunk):
        lab.asked.append(fixture.name)
        if fixture.name in lab.broken:
            raise lab.broken[fixture.name]
        return truth_of(snapshot, range(3) if every_chunk else (0,), error=lab.error)

    monkeypatch.setattr(truths, "measure_truth", measure)
    monkeypatch.setattr(truths, "load_double", lambda weights, device: None)
    fixtures, weights = Catalogue.read(default_folder()).select(NAMES), SimpleNamespace(sha256="w")
    lab.record = lambda **options: truths.record_all(fixtures, weights, Settings(out=tmp_path), **options)
    return lab


def test_one_that_fails_is_a_line_and_the_others_go_on(lab, capsys):
    lab.broken = {NAMES[0]: torch.OutOfMemoryError("CUDA out of memory\nTried to allocate")}
    assert lab.record() == ([NAMES[0]], [])
    assert lab.asked == list(NAMES)
    assert (lab.out / NAMES[1] / "truth.json").exists() and not (lab.out / NAMES[0] / "truth.json").exists()
    said = capsys.readouterr().err
    assert "[1/2] 13_no_speech: not measured: OutOfMemoryError: CUDA out of memory" in said


def test_what_is_there_is_kept_and_the_rest_is_measured(lab, capsys):
    lab.broken = {NAMES[1]: RuntimeError("stopped here")}
    assert lab.record() == ([NAMES[1]], [])
    lab.broken, lab.asked = {}, []
    assert lab.record(resume=True) == ([], [])
    assert lab.asked == [NAMES[1]]
    assert "[1/2] 13_no_speech: kept, measured before on cpu, 1 of 3 chunks" in capsys.readouterr().err
    lab.asked = []
    lab.record(resume=True, every_chunk=True)
    assert lab.asked == list(NAMES)  # all chunks were asked for, and only some are there
    (lab.out / NAMES[0] / "truth.npz").write_bytes(b"half")
    lab.asked = []
    lab.record(resume=True)
    assert lab.asked == [NAMES[0]]


def test_a_truth_measured_again_is_the_one_kept_but_for_rounding_or_said_to_be_another(lab, capsys):
    lab.record()
    before = (lab.out / NAMES[0] / "truth.json").read_bytes()
    assert lab.record(check_only=True) == ([], [])
    lab.error = 1.01e-6
    assert lab.record(check_only=True) == ([], list(NAMES))
    assert "segmentation_logits: " in capsys.readouterr().err
    assert (lab.out / NAMES[0] / "truth.json").read_bytes() == before
    (lab.out / NAMES[1] / "truth.json").unlink()
    assert lab.record(check_only=True) == ([NAMES[1]], [NAMES[0]])


def test_other_chunks_artefacts_and_labels_are_another_truth(lab):
    from capture.truths import apart, kept_truth
    from parity.fixtures.catalogue import default_folder

    lab.record()
    snapshot = default_folder() / NAMES[0]
    kept, again = kept_truth(lab.out / NAMES[0], snapshot), truth_of(snapshot)
    assert [differs for _, differs in apart(kept, again)] == [False]
    (name,) = again.artefacts
    changed = {
        "chunks": replace(again, said={**again.said, "chunks": [1]}),
        "artefacts": replace(again, artefacts={}),
        "labels": replace(again, artefacts={name: replace(again.artefacts[name], mismatches=1)}),
        "numbers": replace(again, artefacts={name: replace(again.artefacts[name], max_abs=None)}),
    }
    for what, other in changed.items():
        assert any(differs for _, differs in apart(kept, other)), what


def test_networks_are_given_what_lies_where_their_weights_are(monkeypatch):
    """A card is stood in for by torch's `meta` device, which holds shapes and computes nothing."""
    from capture import truth

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1, device="meta"))

        def forward(self, samples, weights):
            assert samples.device.type == weights.device.type == "meta"
            return torch.zeros(2, dtype=torch.float64), torch.ones(3, dtype=torch.float64)

    first, second = truth._run(Network(), torch.zeros(4), weights=torch.zeros(4))
    assert isinstance(first, np.ndarray) and second.dtype == np.float64


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--truth", "--device", "mps"], "--truth --device mps: Apple's GPU has no float64"),
        (["--truth", "--resume", "--check"], "--resume keeps a truth unseen, --check measures it again"),
        (["--truth", "--accept"], "--truth goes with --fixture, --weights, --out, --device, --every-chunk, --resume"),
        (["--truth", "--tf32", "--device", "cuda"], "--truth goes with"),
        (["--truth", "--layer-samples"], "--layer-samples goes with --fixture, --weights, --out and --threads only"),
        (["--layer-samples", "--resume"], "--layer-samples goes with"),
        (["--layer-samples", "--device", "cuda"], "--layer-samples goes with"),
        (["--every-chunk"], "--every-chunk goes with --truth"),
        (["--truth", "--fixture", "nobody"], "unknown fixture 'nobody'"),
    ],
)
def test_a_mistake_on_the_command_line_is_said_before_anything_runs(arguments, said):
    from typer.testing import CliRunner

    from capture.command import app
    from parity.errors import InputError

    caught = CliRunner().invoke(app, arguments).exception
    assert isinstance(caught, InputError)
    assert said in str(caught) and "\n" not in str(caught)


@pytest.mark.models
def test_the_real_thing_on_the_shortest_recording(tmp_path):
    from capture.settings import Settings
    from capture.truths import kept_truth, record_all
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.sources import load_weights

    (fixture,), weights = Catalogue.read(default_folder()).select(NAMES[:1]), load_weights()
    assert record_all([fixture], weights, Settings(out=tmp_path)) == ([], [])
    truth = kept_truth(tmp_path / fixture.name, fixture.snapshot_folder)
    assert truth.made["command"] == "nox -s capture -- --truth --fixture 13_no_speech"
    assert truth.made["machine"]["device"] == "cpu"
    assert truth.artefacts["segmentations"].mismatches == 0
    largest = truth.artefacts["segmentation_logits"].max_abs
    assert largest is not None and 0 < largest < 1e-2

"""The porting kit: what is in it is the reference's, and its README says what is in it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy
from scipy.special import logsumexp, softmax
from typer.testing import CliRunner

from parity.__main__ import app
from parity.community1 import Networks, Parameters, community1_pipeline, vbx
from parity.community1.geometry import first_frame
from parity.community1.plda import solve_plda
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, Fixture, default_folder
from parity.fixtures.heard import with_heard
from parity.fixtures.prepare import load_inputs
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.arrays import read_arrays, with_arrays
from parity.ports.kit import DEFAULT_FIXTURE, MODULES, arrays_of, expected_values, readme, write_kit
from parity.replay.engine import replay

ROW = re.compile(r"\| `(\w+)` \| \([^|]*\) \w+ \| [^|]* \| (\(.*?\)) \| (\[.*?\]) \| ([^|]*) \| ([^|]*) \|")


def fixture_and_snapshot(name: str) -> tuple[Fixture, Snapshot]:
    (fixture,) = Catalogue.read(default_folder()).select([name])
    return fixture, read_snapshot(fixture.snapshot_folder)


def text_of(name: str) -> str:
    fixture, snapshot = fixture_and_snapshot(name)
    return readme(
        fixture, snapshot, {"samples": np.zeros((1, 480_000), np.float32), "sample_rate": 16_000}, kilobytes=1
    )


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Path:
    """The default kit; tests leave it as it is."""
    fixture, _ = fixture_and_snapshot(DEFAULT_FIXTURE)
    folder = tmp_path_factory.mktemp("kits") / "kit"
    write_kit(folder, fixture, fixture.snapshot_folder)
    return folder


def array(kit: Path, name: str) -> np.ndarray:
    return np.load(kit / f"{name}.npy", allow_pickle=False)


# files


def test_a_kit_holds_the_clip_every_artefact_and_both_rttms(kit):
    fixture, snapshot = fixture_and_snapshot(DEFAULT_FIXTURE)
    assert (kit / "clip.wav").read_bytes() == fixture.clip().read_bytes()
    for name, value in snapshot.values.items():
        if isinstance(value, str):
            assert (kit / ARTEFACTS[name].file).read_text(encoding="utf-8") == value
        else:
            held = array(kit, name)
            assert held.dtype == value.dtype and np.array_equal(held, value, equal_nan=value.dtype.kind == "f"), name
    assert len(snapshot.values) >= 22


def test_arrays_are_plain_little_endian_and_in_c_order(kit):
    paths = sorted(kit.glob("*.npy"))
    assert len(paths) >= 20
    for path in paths:
        with path.open("rb") as file:
            assert npy.read_magic(file) == (1, 0)
            _, fortran, dtype = npy.read_array_header_1_0(file)
        assert not fortran and dtype.str[0] in "<|" and dtype.kind in "fiu", path


def test_big_endian_and_fortran_order_become_plain():
    _, snapshot = fixture_and_snapshot(DEFAULT_FIXTURE)
    odd = np.asfortranarray(snapshot.values["embeddings"]).astype(">f4")
    (made,) = [a for n, a in arrays_of(replace(snapshot, values={"embeddings": odd}, chunks={})).items() if n[0] == "e"]
    assert made.dtype.str == "<f4" and made.flags.c_contiguous and np.array_equal(made, odd)


def test_a_kit_is_small_enough_to_commit(kit):
    size = sum(path.stat().st_size for path in kit.iterdir())
    assert size < 2_100_000
    said = int(re.search(r"(\d+) kB and this file", (kit / "README.md").read_text(encoding="utf-8"))[1])
    assert abs(size - (kit / "README.md").stat().st_size - said * 1000) <= 500


# the README


@pytest.mark.parametrize("name", [DEFAULT_FIXTURE, "08_known_count", "13_no_speech"])
def test_first_values_and_sums_are_those_of_the_arrays(name):
    _, snapshot = fixture_and_snapshot(name)
    rows = {found[0]: found[1:] for found in ROW.findall(text_of(name))}
    held = {name for name, value in snapshot.values.items() if isinstance(value, np.ndarray)}
    assert set(rows) == held
    for artefact, (shape, at, first, total) in rows.items():
        value = snapshot.values[artefact]
        assert shape == str(value.shape)
        start = np.ravel_multi_index([int(i) for i in at.strip("[]").split(",")], value.shape)
        said = [float(number) for number in first.split(",")]
        np.testing.assert_allclose(said, value.ravel()[start : start + 4], rtol=1e-8)
        assert not value.ravel()[:start].any() and 1 <= len(said) <= 4
        assert float(total) == pytest.approx(float(np.nansum(value, dtype=np.float64)), rel=1e-8, abs=1e-12)


def test_stages_stand_in_the_pipelines_order_with_what_they_read_and_write():
    sections = re.split(r"^### \d+\. ", text_of(DEFAULT_FIXTURE), flags=re.MULTILINE)[1:]
    stages = list(community1_pipeline(Networks(None, None, None, None), Parameters()))
    assert [section.split("\n", 1)[0] for section in sections] == [stage.name for stage in stages] == list(MODULES)
    for stage, section in zip(stages, sections, strict=True):
        reads = re.search(r"Reads (.*); writes:", section)[1]
        assert re.findall(r"`(\w+)`", reads) == list(stage.reads)
        assert all(f"| `{name}` |" in section for name in stage.writes)
        assert ("Only where" in section.split("; writes:")[0]) is (stage.when is not None)
        assert "Source: " in section


def test_constants_come_from_the_code(monkeypatch):
    assert "softmax(7.0 onehot" in text_of(DEFAULT_FIXTURE)
    monkeypatch.setattr(vbx, "INIT_SMOOTHING", 9.5)
    assert "softmax(9.5 onehot" in text_of(DEFAULT_FIXTURE)


def test_what_the_pipeline_was_told_and_what_is_not_there_are_said():
    told, silent = text_of("08_known_count"), text_of("13_no_speech")
    assert "The pipeline was told `num_speakers=4`." in told
    assert "| `kmeans_clusters` | (T) int32 | cluster | (" in told
    assert "| `embeddings` | (C, S, 256) float32 | raw, not normalised | not here |" in silent


def test_chunks_of_what_was_kept_in_part_are_named(kit):
    chunks = array(kit, "fbank_chunks").tolist()
    total = len(array(kit, "segmentations"))
    said = f"which chunks `fbank.npy` holds: {', '.join(map(str, chunks))} of {total} |"
    assert said in (kit / "README.md").read_text(encoding="utf-8")
    assert len(chunks) == len(array(kit, "fbank")) < total


# the README's formulas, written down once more from its text


def test_the_formula_of_the_count_holds(kit):
    segmentations, count = array(kit, "segmentations"), array(kit, "count")
    total, weight = np.zeros(len(count), np.float32), np.zeros(len(count), np.float32)
    for c, chunk in enumerate(segmentations):
        start = int(np.rint(c / 0.016875))
        assert start == first_frame(c)
        total[start : start + 589] += chunk.sum(axis=1)
        weight[start : start + 589] += 1
    assert np.array_equal(np.rint(total / np.maximum(weight, 1)), count[:, 0])


@pytest.mark.models
def test_the_formulas_of_xvec_and_plda_hold(kit):
    from parity.sources.weights import load_weights

    def unit(v):
        return v / np.linalg.norm(v, axis=1, keepdims=True)

    plda = load_weights().plda
    train = array(kit, "embeddings")[array(kit, "train_chunk_idx"), array(kit, "train_speaker_idx")]
    x = np.sqrt(256) * unit(train - plda["mean1"])
    xvec = np.sqrt(128) * unit(x @ plda["lda"] - plda["mean2"])
    np.testing.assert_allclose(xvec, array(kit, "post_xvec"), atol=1e-10)
    solved, tr, psi = solve_plda(plda), plda["tr"], plda["psi"]
    within, between = np.linalg.inv(tr.T @ tr), np.linalg.inv(tr.T @ np.diag(1 / psi) @ tr)
    axes = solved.transform
    np.testing.assert_allclose(axes @ within @ axes.T, np.eye(128), atol=1e-8)
    np.testing.assert_allclose(axes @ between @ axes.T, np.diag(array(kit, "phi")), atol=1e-8)
    made = (xvec - plda["mu"]) @ axes.T
    np.testing.assert_allclose(np.abs(made), np.abs(array(kit, "post_plda")), atol=1e-10)


@pytest.mark.parametrize("name", [DEFAULT_FIXTURE, "02_pyannote_sample"])
def test_the_formulas_of_vbx_and_centroids_hold(name):
    held = fixture_and_snapshot(name)[1].values
    y, phi = held["post_plda"], held["phi"]
    one_hot = np.eye(held["ahc_clusters"].max() + 1)[held["ahc_clusters"]]
    q, fa, fb = softmax(7.0 * one_hot, axis=1), 0.07, 0.8
    pi, rho = np.full(q.shape[1], 1 / q.shape[1]), y * np.sqrt(phi)
    constant = -(np.sum(y**2, axis=1) + 128 * np.log(2 * np.pi)) / 2
    elbo = []
    for _ in range(20):
        inverse = 1 / (1 + fa / fb * q.sum(axis=0)[:, None] * phi)
        alpha = fa / fb * inverse * (q.T @ rho)
        logp = fa * (rho @ alpha.T - ((inverse + alpha**2) * phi).sum(axis=1) / 2 + constant[:, None])
        joint = logp + np.log(pi + 1e-8)
        lse = logsumexp(joint, axis=1)
        q = np.exp(joint - lse[:, None])
        pi = q.sum(axis=0) / q.sum()
        elbo.append(lse.sum() + fb / 2 * np.sum(np.log(inverse) - inverse - alpha**2 + 1))
        if len(elbo) > 1 and elbo[-1] - elbo[-2] < 1e-4:
            break
    np.testing.assert_allclose(elbo, held["elbo_trajectory"], atol=1e-8)
    np.testing.assert_allclose(q, held["q_final"], atol=1e-10)
    np.testing.assert_allclose(pi, held["sp_final"], atol=1e-10)
    train = held["embeddings"][held["train_chunk_idx"], held["train_speaker_idx"]]
    kept = q[:, pi > 1e-7]
    np.testing.assert_allclose((kept.T @ train) / kept.sum(axis=0)[:, None], held["centroids"], atol=1e-10)


# as arrays that a port left


def never(*arguments, **keywords):
    raise AssertionError("a network was run")


def test_a_kit_is_what_a_port_at_parity_would_leave(kit):
    _, snapshot = fixture_and_snapshot(DEFAULT_FIXTURE)
    given = read_arrays(kit)
    assert set(given) == set(snapshot.values)
    pipeline = community1_pipeline(Networks(never, never, never, None), Parameters())
    inputs = load_inputs(kit / "clip.wav")
    outcome = replay(with_arrays(pipeline, given), with_heard(snapshot, inputs), inputs)
    assert outcome.at_parity and len(outcome.drifts) >= len(snapshot.values)


def test_one_artefact_as_npy_is_enough_and_twice_is_too_much(kit, tmp_path):
    shutil.copy(kit / "embeddings.npy", tmp_path)
    assert set(read_arrays(tmp_path)) == {"embeddings"}
    np.savez(tmp_path / "raw_embeddings.npz", embeddings=array(kit, "embeddings"))
    with pytest.raises(InputError, match=r"embeddings was in .*embeddings.npy already; one of"):
        read_arrays(tmp_path)


def test_an_unknown_npy_is_named(kit, tmp_path):
    shutil.copy(kit / "embeddings.npy", tmp_path / "embedings.npy")
    with pytest.raises(InputError, match=r"embedings.npy: no artefact lies in a file of that name"):
        read_arrays(tmp_path)


# written whole or not at all


def test_a_folder_that_is_there_is_refused_and_left_alone(tmp_path):
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "mine.txt").write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(app, ["kit", str(tmp_path / "kit")])
    assert isinstance(done.exception, InputError) and "exists already" in str(done.exception)
    assert [path.name for path in (tmp_path / "kit").iterdir()] == ["mine.txt"]


def test_nothing_is_left_where_the_clip_cannot_be_had(tmp_path):
    shutil.copytree(default_folder() / DEFAULT_FIXTURE, tmp_path / "catalogue" / DEFAULT_FIXTURE)
    fixture, snapshot = fixture_and_snapshot(DEFAULT_FIXTURE)
    without = Fixture(fixture.name, "file", "no clip", snapshot.clip_sha256, tmp_path / "catalogue")
    with pytest.raises(InputError, match="is missing"):
        write_kit(tmp_path / "out" / "kit", without, without.snapshot_folder)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_snapshot_of_another_clip_is_refused(tmp_path):
    fixture, _ = fixture_and_snapshot(DEFAULT_FIXTURE)
    with pytest.raises(InputError, match=r"captured from clip \w{64}, the catalogue pins"):
        write_kit(tmp_path / "kit", fixture, default_folder() / "02_pyannote_sample")


def test_the_commands_default_is_the_kits():
    done = CliRunner().invoke(app, ["kit", "--help"], env={"COLUMNS": "120"})
    assert done.exit_code == 0 and "--fixture" in done.stdout and DEFAULT_FIXTURE in done.stdout


@pytest.mark.parametrize("fixture", Catalogue.read(default_folder()).names)
def test_every_fixture_has_its_readme(fixture):
    assert fixture in text_of(fixture)


def test_an_array_without_a_number_is_said_to_have_none():
    _, snapshot = fixture_and_snapshot("11_quiet")
    said = expected_values(snapshot)["train_chunk_idx"]
    assert (said.shape, said.at, said.first, said.total) == ("(0,)", "[]", "none", "0")

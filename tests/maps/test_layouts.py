"""Goldens in three public layouts, made of a fixture, judged through the lab's maps; a mistake planted in each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import layouts
from support.command_line import here
from support.dump_examples import FIXTURE, copy_of, reference
from support.refusals import refusal

from parity.commands.options import read_through
from parity.community1.reconstruction import reconstruct
from parity.files.whole import sha256_bytes
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.recording import choose
from parity.fixtures.snapshot import read_snapshot
from parity.gate.gate import run_fixtures
from parity.maps import is_mapped, parse_map, read_map, recordings, through
from parity.ports.arrays import read_arrays
from parity.ports.dump import check_dump, read_dump
from parity.ports.dump.comparison import EQUIVALENT, EXACT, DumpComparison, compare_dumps
from parity.ports.dump.folders import folder_of, pairs
from parity.ports.dump.reading import Dump
from parity.sources.weights import load_weights

MAKERS = {"cpp-annote": layouts.cpp_annote, "speakrs": layouts.speakrs, "dia": layouts.dia}
HELD = {"cpp-annote": 20, "speakrs": 5, "dia": 18}
ROUNDED = {"q_final", "sp_final", "centroids", "soft_clusters"}  # twenty iterations; float32
NARROWER = {"train_chunk_idx", "train_speaker_idx", "ahc_clusters"}  # int32


def mapped(name: str, folder: Path) -> Path:
    return through(folder, read_map(name))


def compared(name: str, folder: Path) -> DumpComparison:
    candidate = read_dump(folder_of(mapped(name, folder), FIXTURE))
    assert check_dump(candidate)[0] == []
    return compare_dumps(FIXTURE, reference(), candidate)


@pytest.mark.parametrize("name", MAKERS)
def test_a_folder_in_a_public_layout_is_at_parity_through_its_map(name, tmp_path):
    found = compared(name, MAKERS[name](tmp_path / FIXTURE, reference()))
    assert found.verdict == "parity" and len(found.artefacts) == HELD[name]
    rounded = {entry.name for entry in found.artefacts if entry.verdict == EQUIVALENT}
    assert rounded == (ROUNDED | NARROWER if name == "cpp-annote" else set())
    assert all(entry.verdict in (EXACT, EQUIVALENT) for entry in found.artefacts)


def unconstrained() -> Dump:
    """Every local speaker goes to its closest cluster, taken or not."""
    made = copy_of(reference())
    made.values["hard_clusters"] = np.argmax(made.values["soft_clusters"], axis=2).astype(np.int8)
    return consequences(made)


def never_two_at_once() -> Dump:
    """The count rounded down."""
    made = copy_of(reference())
    made.values["count"] = np.minimum(made.values["count"], 1)
    return consequences(made)


def consequences(made: Dump) -> Dump:
    values = made.values
    plain, exclusive = reconstruct(
        values["segmentations"], values["hard_clusters"], values["count"], max_speakers=np.inf
    )
    values["discrete_diarization"], values["exclusive_discrete_diarization"] = plain, exclusive
    return made


@pytest.mark.parametrize(
    ("name", "mistake", "artefact", "stage"),
    [
        ("cpp-annote", unconstrained, "hard_clusters", "assignment"),
        ("speakrs", never_two_at_once, "count", "speaker_counting"),
    ],
)
def test_a_mistake_in_a_public_layout_is_named_at_its_stage(name, mistake, artefact, stage, tmp_path):
    found = compared(name, MAKERS[name](tmp_path / FIXTURE, mistake()))
    assert found.verdict == "drift"
    assert (found.first_drift.name, found.first_drift.stage) == (artefact, stage)
    before = [entry.verdict for entry in found.artefacts[: found.artefacts.index(found.first_drift)]]
    assert set(before) <= {EXACT, EQUIVALENT}


def test_recordings_of_one_folder_are_paired_with_a_tree_by_name(tmp_path):
    for name in (FIXTURE, "other"):
        layouts.speakrs(tmp_path, reference(), name)
    tree = mapped("speakrs", tmp_path)
    assert set(recordings(tree)) == {FIXTURE, "other"}
    both, alone = pairs(reference().folder.parent, tree)
    assert list(both) == [FIXTURE] and any(line.startswith("other: only in") for line in alone)


def test_a_snapshot_is_read_through_a_map(tmp_path):
    folder = layouts.dia(tmp_path / FIXTURE, reference())
    (folder / "clip_16k.wav").write_bytes(b"clip")
    (place,) = recordings(mapped("dia", folder)).values()
    snapshot = read_snapshot(place)
    assert np.array_equal(snapshot.values["q_final"], reference().values["q_final"])
    assert snapshot.clip_sha256 == sha256_bytes(b"clip")
    (folder / "vbx_state.npz").write_bytes(b"broken")
    assert refusal(read_snapshot, place).startswith("dia: qinit: ")


def test_the_commands_take_a_map_for_either_side(tmp_path):
    golden = layouts.cpp_annote(tmp_path / "cpp" / FIXTURE, reference())
    layouts.speakrs(tmp_path / "speakrs", never_two_at_once())
    done = here("validate", golden.parent, "--map", "cpp-annote")
    assert done.returncode == 0 and "20 artefacts, nothing wrong" in done.stdout
    maps = ("--map", "speakrs", "--map", "reference=cpp-annote")
    done = here("compare", golden, tmp_path / "speakrs", *maps)
    assert done.returncode == 1 and "First to drift: count (speaker_counting)." in done.stdout


def test_which_folder_a_map_is_for_is_never_guessed(tmp_path):
    folder = layouts.speakrs(tmp_path, reference())
    said = refusal(read_through, ["speakrs"], {"arrays": folder, "snapshots": folder})
    assert said.startswith("--map speakrs: which folder is read through it? --map arrays=speakrs or --map snapshots=")
    assert "which folder" in refusal(read_through, ["speakrs"], {"arrays": None, "snapshots": None})
    assert "of which none are given" in refusal(read_through, ["arrays=speakrs"], {"arrays": None, "snapshots": folder})
    assert "one map a side" in refusal(read_through, ["speakrs", "dia"], {"arrays": folder, "snapshots": None})
    found = read_through(["arrays=speakrs"], {"arrays": folder, "snapshots": folder})
    assert is_mapped(found["arrays"]) and not is_mapped(found["snapshots"])
    assert "holds none of the files that map cpp-annote names: segmentations.npz" in refusal(
        folder_of, mapped("cpp-annote", folder), FIXTURE
    )


def test_arrays_of_a_run_are_read_through_a_map(tmp_path):
    place = folder_of(mapped("cpp-annote", layouts.cpp_annote(tmp_path / FIXTURE, reference())), FIXTURE)
    given = read_arrays(place, reference().folder)
    assert len(given) == HELD["cpp-annote"] and given["count"].dtype == np.uint8
    assert given["dendrogram"].shape == reference().values["dendrogram"].shape


@pytest.mark.models
def test_goldens_are_replayed_from_their_tensors(tmp_path):
    layouts.cpp_annote(tmp_path / FIXTURE, reference())
    own = 'schema = 1\nextends = "cpp-annote"\nleave_out = ["q_final", "sp_final"]\n'
    weights, catalogue = load_weights("wheels"), Catalogue.read(default_folder())
    drifted = {}
    for mapping in (parse_map(own, "own"), read_map("cpp-annote")):
        tree = through(tmp_path, mapping)
        (result,) = run_fixtures(choose(catalogue, [], tree), weights, snapshots=tree)
        assert result.recorded is not None and result.recorded.replayed_from == ("tensors",)
        drifted[mapping.label] = {drift.artefact for drift in result.replay.drifts if not drift.within}
    # Of twenty iterations, where the reference stopped after eleven; centroids are weighed by what it stopped at.
    assert drifted == {"own": set(), "cpp-annote": {"q_final", "sp_final", "centroids"}}

"""`parity validate` and `parity compare` as a user meets them, on dumps made by programs that share no code with us."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support import ROOT
from support.command_line import only_error, parity
from support.dump_examples import FIXTURE, copy_of, other_local_order, reference, write

from parity.audio.reading import load_clip
from parity.commands.compare import _fixture
from parity.community1.audio import hear
from parity.community1.fbank import fbank_series
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.measure.score import count
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.reading import Dump, read_dump
from parity.ports.dump.turns import compare_turns
from parity.ports.judging import parameters_of
from parity.ports.yardstick import Means, yardstick

SUPPORT = ROOT / "tests" / "support"
SNAPSHOT = default_folder() / FIXTURE
SHORT = "14_partial_tail"


def table(done) -> dict[str, str]:
    """Artefact and verdict, as printed; what --explain prints begins with its own title."""
    rows = [line.split() for line in done.stdout.partition(" · ")[0].splitlines()]
    verdicts = ("exact", "equivalent", "different")  # decisions have a table of their own, "count rounded" among them
    return {row[0]: row[1] for row in rows if len(row) > 1 and row[0] in ARTEFACTS and row[1] in verdicts}


# dumps of other programs


@pytest.fixture
def in_c(tmp_path) -> Path:
    """A dump written by a C program."""
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler (gcc, cc or clang) to build tests/support/dump_writer.c with")
    program, folder = tmp_path / "dump_writer", tmp_path / "dumps" / FIXTURE
    folder.mkdir(parents=True)
    subprocess.run([compiler, "-std=c99", "-O1", "-o", program, SUPPORT / "dump_writer.c"], check=True)
    segmentations, discrete = (reference().values[name] for name in ("segmentations", "discrete_diarization"))
    sizes = [len(segmentations), *discrete.shape]
    subprocess.run([program, folder, *map(str, sizes)], input=segmentations.tobytes() + discrete.tobytes(), check=True)
    return folder


def test_a_dump_of_a_c_program_is_well_formed_and_equivalent_by_the_conventions_it_has(in_c, tmp_path):
    done = parity("validate", in_c)
    assert done.returncode == 0, done.stdout
    assert f"{in_c}: 5 artefacts, nothing wrong" in done.stdout
    report = tmp_path / "found.json"
    done = parity("compare", SNAPSHOT, in_c, "--json", report)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(report.read_text())["recordings"]
    by = {artefact["name"]: " ".join(artefact["by"]) for artefact in found["artefacts"]}
    chunks = len(reference().values["segmentations"])
    assert f"in another order in {chunks // 2} of {chunks} chunks" in by["segmentations"].replace("local speakers ", "")
    assert "uint8 for float32" in by["segmentations"] and "local speakers in another order" in by["masks"]
    assert "local speakers in another order" in by["train_speaker_idx"] and "int32 for int64" in by["train_chunk_idx"]
    assert by["diarization"] == "speakers named otherwise lines in another order"
    assert found["turns"]["diarization"]["der"] == 0 and found["verdict"] == "equivalent"


def test_a_dump_of_a_javascript_program_is_well_formed_and_exact(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run tests/support/dump_writer.mjs with")
    embeddings = reference().values["embeddings"]
    arguments = [node, SUPPORT / "dump_writer.mjs", tmp_path / "port.safetensors", str(len(embeddings))]
    subprocess.run(arguments, input=embeddings.tobytes(), check=True)
    assert parity("validate", tmp_path).returncode == 0
    done = parity("compare", SNAPSHOT, tmp_path, "--require", "embeddings")
    assert done.returncode == 0, done.stdout + done.stderr
    assert table(done) == {"embeddings": "exact"}
    assert "Not in the candidate, not compared: segmentation_logits, segmentations," in done.stdout


# validate


def test_validate_says_everything_and_ends_with_2(tmp_path):
    dump = copy_of(reference())
    dump.values["embeddings"] = dump.values["embeddings"][:-1]
    dump.values["diarization"] += dump.values["diarization"].splitlines()[0] + "\n"
    write(tmp_path, dump)
    (tmp_path / "phi.npy").write_bytes(b"")
    done = parity("validate", tmp_path)
    assert done.returncode == 2 and done.stderr == ""
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong: ")]
    assert len(wrong) == 3
    assert all(w in done.stdout for w in ("phi.npy: not a .npy", "C = 20", "turns of one speaker never overlap"))
    assert "3 things wrong" in done.stdout


def test_validate_takes_a_tree(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, reference(), only=("embeddings",))
    done = parity("validate", tmp_path)
    assert done.returncode == 0 and done.stdout.count("1 artefact, nothing wrong") == 2


# compare


def test_compare_of_trees_names_what_only_one_side_has(tmp_path):
    for side, names in (("ours", ("a", "b")), ("theirs", ("b", "c"))):
        for name in names:
            write(tmp_path / side / name, reference(), only=("embeddings", "diarization"))
    done = parity("compare", tmp_path / "theirs", tmp_path / "ours")
    assert done.returncode == 1, done.stderr  # c was not compared
    assert done.stdout.startswith("LIMITED COVERAGE. 1 parity (b); c: only in ")
    assert f"c: only in {tmp_path / 'theirs'}, not compared" in done.stdout
    assert f"a: only in {tmp_path / 'ours'}, not compared" in done.stdout


def test_a_bad_recording_of_a_tree_is_said_and_the_others_are_compared(tmp_path):
    for side in ("theirs", "ours"):
        for name in ("a", "b"):
            write(tmp_path / side / name, reference(), only=("phi",))
    (tmp_path / "ours" / "a" / "phi.npy").write_bytes(b"")
    done = parity("compare", tmp_path / "theirs", tmp_path / "ours")
    assert "a/phi.npy: not a .npy array" in only_error(done)
    assert table(done) == {"phi": "exact"}


def test_compare_names_the_first_to_drift_and_ends_with_1(tmp_path):
    dump = copy_of(reference())
    dump.values["embeddings"] *= 32768
    dump.values["post_plda"][3, 4] += 1
    done = parity("compare", SNAPSHOT, write(tmp_path / "port", dump))
    assert done.returncode == 1
    assert "First to drift: embeddings (embeddings)." in done.stdout
    assert "embeddings: looks like your embeddings are 32768 times the reference's (samples" in done.stdout
    assert [name for name, verdict in table(done).items() if verdict == "different"] == ["embeddings", "post_plda"]
    assert "was not asked: --explain" in done.stdout


def test_rttm_alone_gives_der_its_seconds_and_the_turns_that_differ(tmp_path):
    theirs, ours = tmp_path / "theirs.rttm", tmp_path / "ours.rttm"
    lines = "SPEAKER m 1 {} {} <NA> <NA> {} <NA> <NA>\n"
    theirs.write_text(lines.format(0, 4, "A") + lines.format(4, 4, "B") + lines.format(10, 2, "A"))
    ours.write_text(lines.format(0, 4, "x") + lines.format(4, 3, "y") + lines.format(10, 2, "y"))
    done = parity("compare", theirs, ours)
    assert done.returncode == 1
    said = (
        "DER 0.3000 (miss 1.000 s, false alarm 0.000 s, confusion 2.000 s of 10.000 s); speakers 2 for 2, turns 3 for 3"
    )
    assert said in done.stdout
    turns = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ") and " to " in line]
    assert sorted(turns) == [
        "+ 10.000 to 12.000 s B",
        "+ 4.000 to 7.000 s B",
        "- 10.000 to 12.000 s A",
        "- 4.000 to 8.000 s B",
    ]
    assert "as many speakers and turns, other ones" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", SNAPSHOT, "nowhere"), "nowhere: neither a folder nor an RTTM file"),
        (("compare", default_folder(), "fine"), "is one recording, "),
        (("compare", SNAPSHOT, "bad"), "bad/embeddings.npy: truncated"),
        (("compare", SNAPSHOT, "other"), "nothing to compare: it holds kmeans_clusters"),
        (("compare", SNAPSHOT, "rttm"), "rttm/diarization.rttm: line 1: 'hello' where SPEAKER is expected"),
        (("compare", "unnamed", "fine", "--explain"), "has to be named after one"),
        (("validate", "nowhere"), "nowhere: neither a folder nor an RTTM file"),
    ],
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, arguments, words):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "bad", reference(), only=("embeddings",))
    whole = (tmp_path / "bad" / "embeddings.npy").read_bytes()
    (tmp_path / "bad" / "embeddings.npy").write_bytes(whole[:-100])
    write(tmp_path / "unnamed", reference(), only=("embeddings",))
    (tmp_path / "other").mkdir()
    np.save(tmp_path / "other" / "kmeans_clusters.npy", np.zeros(37, np.int32))
    (tmp_path / "rttm").mkdir()
    (tmp_path / "rttm" / "diarization.rttm").write_text("hello\n")
    write(tmp_path / "fine", reference(), only=("embeddings",))
    assert words in only_error(parity(*arguments))


@pytest.mark.models
def test_explain_names_the_stage_that_decides_for_a_port_of_other_conventions(tmp_path):
    rng = np.random.default_rng(0)
    dump = copy_of(reference(SHORT))
    dump.values["count"] = np.minimum(dump.values["count"], 1)
    dump = other_local_order(dump, np.array([rng.permutation(3) for _ in dump.values["segmentations"]]))
    port = write(tmp_path / SHORT, dump, ("segmentations", "embeddings", "count"))
    done = parity("compare", default_folder() / SHORT, port, "--explain", "--budget", 0)
    assert done.returncode == 1, done.stderr
    assert table(done) == {"segmentations": "equivalent", "count": "different", "embeddings": "equivalent"}
    assert "speaker_counting decides" in done.stdout


@pytest.mark.models
def test_a_dump_of_everything_with_every_chunk_of_the_filterbank_is_explained(tmp_path):
    dump = copy_of(reference(SHORT))
    dump.values["fbank"] = every_chunk_of_the_filterbank(SHORT)
    del dump.beside["fbank_chunks"]
    turns = [line.split(" ") for line in dump.values["diarization"].splitlines()]
    longer = [" ".join([*turn[:4], f"{float(turn[4]) + 0.045:.3f}", *turn[5:]]) for turn in turns]
    dump.values["diarization"] = "".join(line + "\n" for line in longer)
    port = write(tmp_path / SHORT, dump)
    done = parity("compare", default_folder() / SHORT, port, "--explain", "--budget", 0)
    assert done.returncode == 1 and "error" not in done.stderr, done.stderr
    assert "born" in next(line for line in done.stdout.splitlines() if line.startswith(" annotation "))
    done = parity("explain", SHORT, "--arrays", port, "--budget", 0)
    assert done.returncode == 1 and "error" not in done.stderr, done.stderr


def every_chunk_of_the_filterbank(name: str) -> np.ndarray:
    (fixture,) = Catalogue.read(default_folder()).select([name])
    series = fbank_series(hear(*load_clip(fixture.clip()))[1])
    return series.take(series.chunks)


# what a green comparison has compared


@pytest.mark.parametrize(
    ("only", "require", "status", "first"),
    [
        (
            ("count",),
            (),
            1,
            "LIMITED COVERAGE. 1 of 24 artefacts compared, and they agree; not compared: diarization, ",
        ),
        (("count",), ("--require", "count"), 0, "PARITY. 1 of 24 artefacts compared, all within tolerance."),
        (("diarization",), (), 0, "PARITY. 1 of 24 artefacts compared, all within tolerance."),
        (("diarization",), ("--require", "all"), 1, "LIMITED COVERAGE. 1 of 24 artefacts compared, and they agree; "),
        (("diarization",), ("--require", "diarization,phi"), 1, "LIMITED COVERAGE. "),
    ],
)
def test_a_comparison_is_green_where_the_answer_or_what_was_required_was_compared(
    tmp_path, only, require, status, first
):
    done = parity("compare", SNAPSHOT, write(tmp_path / "port", reference(), only), *require)
    assert (done.returncode, done.stdout.splitlines()[0][: len(first)]) == (status, first)


def test_a_misspelt_requirement_is_refused(tmp_path):
    port = write(tmp_path / "port", reference(), ("phi",))
    assert "--require embedings: no artefact" in only_error(parity("compare", SNAPSHOT, port, "--require", "embedings"))


def test_what_validate_refuses_is_not_green(tmp_path):
    dump = copy_of(reference())
    dump.values["diarization"] += dump.values["diarization"].splitlines()[0] + "\n"
    dump.values["exclusive_diarization"] = reference().values["exclusive_diarization"]
    port = write(tmp_path / "port", dump, ("exclusive_diarization", "discrete_diarization"))
    (port / "segmentation_gap.npy").write_bytes((SNAPSHOT / "ahc_init_labels.npy").read_bytes())
    write(port, dump, ("segmentations",))
    assert parity("validate", port).returncode == 2
    done = parity("compare", SNAPSHOT, port)
    assert done.returncode == 2 and done.stdout.startswith("ERROR. Not in form: ")


def test_frames_that_are_missing_are_said_with_their_formula_and_the_others_are_compared(tmp_path):
    dump = copy_of(reference())
    discrete = dump.values["discrete_diarization"]
    discrete[100:103] = 1 - discrete[100:103]
    dump.values["discrete_diarization"] = discrete[:1774]
    dump.values["diarization"] = "".join(dump.values["diarization"].splitlines(keepends=True)[1:])
    done = parity("compare", SNAPSHOT, write(tmp_path / "port", dump, ("discrete_diarization", "diarization")))
    assert done.returncode == 1
    assert done.stdout.startswith("DRIFT. First to drift: discrete_diarization. Smallest example: output frame 100")
    words = " ".join(done.stdout.split())
    assert "6≠" in words  # three frames of two speakers, where both have them
    assert "1774 frames for 1779: frames = round((10 + chunks - 1) / 0.016875) + 1" in words
    assert "1 turns" not in words and "turns 12 for 13" in words  # what is behind is looked at


# turns


def rttm(*turns: tuple[float, float, str]) -> str:
    return "".join(f"SPEAKER m 1 {start} {duration} <NA> <NA> {who} <NA> <NA>\n" for start, duration, who in turns)


def test_names_and_order_of_lines_are_conventions_of_rttm():
    a, b = rttm((0, 1, "A"), (2, 1, "B")), rttm((2, 1, "x"), (0, 1, "A"))
    found = compare_turns(a, b)
    assert found.same and found.by == ("speakers named otherwise", "lines in another order")
    assert found.score.der == 0 and found.candidate == a
    assert compare_turns(a, a).by == ()


def test_the_same_counts_of_other_turns_are_not_the_same():
    found = compare_turns(rttm((0, 1, "A"), (2, 1, "B")), rttm((0, 1, "A"), (2, 2, "B")))
    assert not found.same and found.same_counts
    assert found.only_reference == ((2.0, 1.0, "B"),) and found.only_candidate == ((2.0, 2.0, "B"),)
    assert count(found.candidate) == (2, 2)


def test_two_voices_merged_into_one_are_not_the_same():
    found = compare_turns(rttm((0, 1, "A"), (2, 1, "B")), rttm((0, 1, "A"), (2, 1, "A")))
    assert not found.same and not found.same_counts and found.score.confusion == 1.0


def test_nobody_against_nobody_is_the_same():
    assert compare_turns("", "").same
    assert not compare_turns("", rttm((0, 1, "A"))).same


def test_compare_says_when_a_manifest_lies_though_the_arrays_are_exact(tmp_path):
    write(tmp_path, reference(), only=("phi",))
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"phi.npy": "0" * 64}}), encoding="utf-8")
    done = parity("compare", SNAPSHOT, tmp_path)
    assert done.returncode == 2 and table(done) == {"phi": "exact"}
    assert done.stdout.startswith("ERROR. Not in form: ")
    assert f"Not in form: {tmp_path / 'manifest.json'}: phi.npy has sha256 000000000000…" in done.stdout


# deviations on purpose


def declaring(tmp_path: Path, **shows: float) -> Path:
    """A dump of RTTM and VBx's arrays that declares `fa = 0.3`; what it holds is made with `shows`."""
    theirs = read_dump(SNAPSHOT)
    means = Means(never, never, never)
    made = yardstick(theirs.snapshot(), parameters_of(theirs), shows, means) if shows else None
    dump = made.dump() if made else reference()
    folder = write(tmp_path / FIXTURE, dump, ("sp_final", "hard_clusters", "diarization"))
    (folder / "deviations.toml").write_text("fa = 0.3  # on purpose\n")
    return folder


def never():
    raise AssertionError("no network is needed")


def test_a_declared_deviation_is_parity_given_that_and_its_cost_is_said(tmp_path):
    folder, report, table = declaring(tmp_path, fa=0.3), tmp_path / "found.json", tmp_path / "rows.csv"
    done = parity("compare", SNAPSHOT, folder, "--json", report, "--markdown", tmp_path / "found.md",
                  "--table", f"recordings={table}")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("PARITY, GIVEN WHAT YOU DECLARED. 3 of 24 artefacts compared, all within tolerance")
    assert "Declared: fa = 0.3 instead of 0.07. What you declared itself costs a DER of 0.2302" in first
    assert first.endswith("3 speakers for 2, 13 turns for 13.")
    found = json.loads(report.read_text())
    (recording,) = found["recordings"]
    assert found["verdict"] == recording["verdict"] == "parity, given what you declared"
    assert recording["declaration"]["declared"] == {"fa": 0.3} and recording["declaration"]["cost"]["speakers"] == [
        2,
        3,
    ]
    assert first in (tmp_path / "found.md").read_text() and "0.3 instead of 0.07" in table.read_text()


def test_a_declared_value_that_is_not_there_is_drift_and_said(tmp_path):
    done = parity("compare", SNAPSHOT, declaring(tmp_path))
    assert done.returncode == 1
    assert done.stdout.startswith(
        "DRIFT. Also with what is declared (fa = 0.3 instead of 0.07). fa = 0.3 is declared, and sp_final is what fa = "
        "0.07 gives. First to drift: sp_final."
    )


def test_a_lone_rttm_file_declares_by_an_option(tmp_path):
    folder = declaring(tmp_path, fa=0.3)
    rttm = folder / "diarization.rttm"
    assert parity("compare", SNAPSHOT, rttm).returncode == 1
    done = parity("compare", SNAPSHOT, rttm, "--deviations", folder / "deviations.toml")
    assert done.returncode == 0 and done.stdout.startswith("PARITY, GIVEN"), done.stdout
    assert "one of them has to go" in only_error(
        parity("compare", SNAPSHOT, folder, "--deviations", folder / "deviations.toml")
    )


def test_a_wrong_declaration_is_refused_by_compare_and_all_of_it_said_by_validate(tmp_path):
    folder = declaring(tmp_path)
    (folder / "deviations.toml").write_text("fa = 'much'\nFb = 1\n")
    assert "did you mean fb?" in only_error(parity("compare", SNAPSHOT, folder))
    done = parity("validate", folder)
    assert done.returncode == 2 and "2 things wrong" in done.stdout
    assert "fa = 'much': expected a number above 0 and below 1000" in done.stdout


@pytest.mark.parametrize(
    ("hashed", "name", "found"),
    [(True, "my_port", "02_pyannote_sample"), (True, "14", "02_pyannote_sample"), (False, "14", "14_partial_tail")],
)
def test_the_fixture_to_explain_with_is_the_one_whose_clip_the_reference_was_made_of(hashed, name, found):
    fixtures = {fixture.name: fixture for fixture in Catalogue.read(default_folder()).fixtures}
    manifest = {"clip_sha256": fixtures["02_pyannote_sample"].clip_sha256} if hashed else {}
    assert _fixture(name, Dump(Path("kit"), manifest=manifest), Path("my_port")).name == found

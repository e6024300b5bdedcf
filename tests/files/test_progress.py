"""What a long command keeps: taken where everything is the same, found anew where not, another run's refused."""

from __future__ import annotations

import json

import pytest

from parity.errors import InputError
from parity.files.progress import Progress, content, lab

ASKED = {"weights": "w", "threads": 2}
OF = {"clip": "1", "lab": {"version": "0"}}


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "a" / "run.json"
    Progress(path, "run", ASKED).keep("02", OF, {"der": 0.0, "turns": (1, 2)})
    return path


def resumed(report, command="run", asked=ASKED):
    return Progress(report, command, asked, resume=True)


def test_a_part_made_of_the_same_is_taken_as_json_reads_it(report):
    progress = resumed(report)
    assert progress.take("02", OF) == {"der": 0.0, "turns": [1, 2]}
    assert progress.take("13", OF) is None
    assert (progress.taken, progress.renewed) == (["02"], {})
    assert progress.lines() == [f"--resume: 1 of 1 taken from {report.with_name('run.progress.json')}"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clip": "2"}, "clip changed"),
        ({"lab": {"version": "1"}}, "lab changed"),
        ({"arrays": "x", "clip": None}, "arrays, clip changed"),
    ],
)
def test_a_part_made_of_something_else_is_found_anew_and_that_is_said(report, change, said):
    progress = resumed(report)
    assert progress.take("02", OF | change) is None
    assert progress.lines()[1] == f"02: computed again ({said})"


def test_what_was_kept_stays_when_more_is_kept(report):
    resumed(report).keep("13", OF, 1)
    progress = resumed(report)
    assert [progress.take(name, OF) for name in ("02", "13")] == [{"der": 0.0, "turns": [1, 2]}, 1]


def test_without_resume_it_begins_anew_with_the_first_part(report):
    before = report.with_name("run.progress.json").read_text()
    progress = Progress(report, "run", ASKED)
    assert progress.take("02", OF) is None and progress.lines() == []
    assert report.with_name("run.progress.json").read_text() == before  # nothing was found yet
    progress.keep("13", OF, 1)
    assert resumed(report).take("02", OF) is None


def test_nothing_kept_is_said_and_no_fault(tmp_path):
    progress = resumed(tmp_path / "run.json")
    assert progress.take("02", OF) is None
    assert progress.lines()[0].startswith("--resume: nothing is kept in ")


def altered(path, change):
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.update(schema=2), "schema 2, this version reads 1"),
        (lambda found: found.pop("schema"), "key 'schema' is missing"),
        (lambda found: found.update(command="layers"), "it is of parity layers, this is parity run"),
        (lambda found: found["asked"].update(threads=4), "it is of another run: threads was 4, is 2"),
        (lambda found: found["asked"].pop("weights"), 'it is of another run: weights was null, is "w"'),
        (lambda found: found.update(asked=3), "cannot be gone on with"),
        (lambda found: found.update(parts=[1]), "cannot be gone on with"),
        (lambda found: found["parts"]["02"].update(found={"der": 0.5}), "02 is not what was written"),
        (lambda found: found["parts"]["02"].pop("sha256"), "key 'sha256' is missing"),
        (lambda found: found["parts"].update({"02": 3}), "cannot be gone on with"),
    ],
)
def test_what_is_damaged_or_another_runs_is_refused(report, change, said):
    path = report.with_name("run.progress.json")
    altered(path, change)
    with pytest.raises(InputError) as error:
        resumed(report)
    assert str(error.value).startswith(f"--resume {path}: cannot be gone on with (") and said in str(error.value)
    assert str(error.value).endswith("without --resume it begins anew")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"schema": 1}', '{"schema": NaN}'])
def test_what_is_no_such_document_is_refused(report, text):
    report.with_name("run.progress.json").write_text(text)
    with pytest.raises(InputError, match="cannot be gone on with"):
        resumed(report)


def test_what_is_not_plain_is_not_kept(report):
    with pytest.raises(ValueError, match="JSON compliant"):
        resumed(report).keep("02", OF, float("nan"))
    assert resumed(report).take("02", OF) is not None


def test_a_folder_is_another_where_a_name_or_a_byte_is_and_hidden_files_do_not_count(tmp_path):
    folder = tmp_path / "dump"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a.npy").write_bytes(b"1")
    first = content(folder)
    (folder / ".hidden").write_bytes(b"")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert content(folder) == first
    (folder / "in" / "a.npy").write_bytes(b"2")
    second = content(folder)
    (folder / "in" / "a.npy").rename(folder / "in" / "b.npy")
    assert len({first, second, content(folder), content(tmp_path / "none")}) == 4


def test_the_lab_says_what_its_numbers_depend_on():
    assert {"version", "sources", "numpy", "onnxruntime"} <= set(lab())

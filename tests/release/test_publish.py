"""`reports/VERSION/`: what is kept, what moved since the last release and why, and that it can still be read."""

from __future__ import annotations

import json
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support import ROOT
from support.report_examples import example
from support.schemas import schemas, valid

from parity.errors import InputError
from parity.history.cases import judged_in, read_report
from parity.history.releases import releases_in
from parity.report.frames import tables_of
from parity.report.reading import read_report as read_for_margins
from release import moved
from release.log import Log
from release.publish import FILES, last_before, publish, releases

SAID = {"seconds": 1.0, "of": None, "said": "well | done"}
CAPTURE = {"fixture": "14", "bit_identical": 3, "artefacts": 3, "within": True, "same_processor": True}
CAPTURE |= {"captured_on": "some", "differs": [], **SAID}


@pytest.fixture
def checkout(tmp_path):
    """A repository with a changelog, a snapshot and a schema; one commit."""
    (tmp_path / "fixtures" / "14").mkdir(parents=True)
    (tmp_path / "fixtures" / "14" / "manifest.json").write_text("{}")
    (tmp_path / "parity" / "community1").mkdir(parents=True)
    (tmp_path / "parity" / "schema.json").write_text('{"title": "x, schema 1"}')
    (tmp_path / "CHANGELOG.md").write_text("## [0.2.0]\n\nSomething <new>.\n\n## [0.1.0]\n\nThe first.\n")
    commit(tmp_path, "init", "-q")
    commit(tmp_path, "add", ".")
    commit(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def commit(root, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=root, check=True)


def log_of(root: Path, version: str, report) -> Log:
    """Everything done, and what steps leave."""
    made = root / "reports" / "latest" / "release" / version
    made.mkdir(parents=True)
    for name in (name for names in FILES.values() for name in names):
        (made / name).write_text("{}")
    (made / "parity.json").write_text(json.dumps(report))
    done = {**dict.fromkeys(FILES, SAID), "capture 14": CAPTURE}
    return Log(made / "log.json", moved.git(root, "rev-parse", "HEAD"), {}, done)


def published(root: Path, version: str, report, **changed):
    out = root / "reports" / version
    publish(root, out, log_of(root, version, report), version, "2026-11-26", **{"partial": False, **changed})
    return out


def test_a_release_keeps_everything_and_a_second_one_says_what_moved_and_which_commit_may_be_why(checkout):
    first = published(checkout, "0.1.0", example())
    names = {path.name for path in first.iterdir()}
    assert {name for files in FILES.values() for name in files} <= names
    assert {"captures.json", "drift.md", "drift.html", "release.json", "README.md", "schemas"} <= names
    assert valid(first / "release.json", "release_schema.json")["version"] == "0.1.0"
    assert valid(first / "captures.json", "captures_schema.json")["summary"]["bit_identical"] == 1
    assert "first release whose reports are kept" in (first / "drift.md").read_text()
    assert "| bench | 1 s | well \\| done |" in (first / "README.md").read_text()

    (checkout / "parity" / "community1" / "embeddings.py").write_text("")
    (checkout / "parity" / "networks").mkdir()
    (checkout / "parity" / "networks" / "x.py").write_text("")
    (checkout / "fixtures" / "14" / "manifest.json").write_text('{"again": 1}')
    commit(checkout, "add", "parity", "fixtures")
    commit(checkout, "commit", "-q", "-m", "Another convolution")
    report = example()
    case = next(
        a
        for f in report["fixtures"]
        if f["status"] == "parity"
        for a in f["artefacts"]
        if a["artefact"] == "embeddings"
    )
    case["max_abs"], case["within"] = case["max_abs"] + 0.5, False
    second = published(checkout, "0.2.0", report)
    text = (second / "drift.md").read_text()
    assert "1 numbers moved since 0.1.0; 1 got worse." in text and "Another convolution" in text
    assert "## Captured anew\n\n- 14" in text and "Something <new>." in text


def test_the_page_is_whole_and_shows_names_as_they_are(checkout):
    out = published(checkout, "0.2.0", example())

    class Text(HTMLParser):
        found = ""

        def handle_data(self, data):
            self.found += data

    page = Text()
    page.feed((out / "drift.html").read_text())
    assert "Something <new>." in page.found and "src=" not in (out / "drift.html").read_text()


def test_a_rehearsal_says_that_it_is_one_and_a_step_left_out_is_no_miss(checkout):
    log = log_of(checkout, "0.1.0", example())
    del log.done["bench"]
    (log.path.parent / "bench.json").unlink()
    out = checkout / "elsewhere"
    publish(checkout, out, log, "0.1.0", "2026-11-26", partial=True)
    assert "A rehearsal" in (out / "README.md").read_text() and not (out / "bench.json").exists()
    publish(checkout, out, log, "0.1.0", "2026-11-26", partial=True)  # its own, again
    (log.path.parent / "fuzz.json").unlink()
    with pytest.raises(InputError, match=r"lacks fuzz\.json"):
        publish(checkout, out, log, "0.1.0", "2026-11-26", partial=True)
    (checkout / "elsewhere" / "release.json").write_text('{"version": "9.9.9"}')
    (log.path.parent / "fuzz.json").write_text("{}")
    with pytest.raises(InputError, match=r"no release 0\.1\.0"):
        publish(checkout, out, log, "0.1.0", "2026-11-26", partial=True)


def test_the_last_release_is_by_number_and_never_this_one(tmp_path):
    for name in ("0.9.0", "0.10.0", "0.10.0rc1", "latest", "0.11.0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "release.json").write_text("{}")
    assert [path.name for path in releases(tmp_path)] == ["0.9.0", "0.10.0rc1", "0.10.0", "0.11.0"]
    assert last_before(tmp_path, "0.11.0").name == "0.10.0" and last_before(tmp_path, "0.9.0") is None
    assert last_before(tmp_path / "nothing", "1.0.0") is None


# the promise


def held(folder: Path) -> None:
    """A release's reports are read by the code of today, and today's schemas keep what its promised."""
    report = folder / "parity.json"
    assert judged_in(read_report(report, "--baseline")) and read_for_margins(report)["fixtures"]
    assert tables_of(report)[1]["fixtures"]
    assert [one.version for one in releases_in(folder.parent) if one.version == folder.name]
    for path in (folder / "schemas").iterdir():
        then = json.loads(path.read_text(encoding="utf-8"))
        now = schemas().get(path.name)
        assert now is not None, f"{path.name} is gone"
        if now["title"] == then["title"]:
            kept(then, now, path.name)


def kept(then, now, where: str) -> None:
    """Of the same number, nothing is gone, and what was always there still is."""
    if isinstance(then, dict):
        for key in then.get("properties", {}):
            assert key in now.get("properties", {}), f"{where}: {key} is gone without another number"
        lost = set(then.get("required", ())) - set(now.get("required", ()))
        assert not lost, f"{where}: {', '.join(sorted(lost))} may be missing without another number"
        for key, part in then.items():
            if key in now:
                kept(part, now[key], f"{where}.{key}")


KEPT = releases(ROOT / "reports")


@pytest.mark.parametrize("folder", KEPT[-1:], ids=lambda path: path.name)
def test_the_last_releases_reports_still_read(folder):
    held(folder)


def test_a_made_release_is_read_and_what_breaks_the_promise_is_told(checkout):
    out = published(checkout, "0.1.0", example())
    (out / "schemas" / "schema.json").write_text(json.dumps(schemas()["schema.json"]))
    held(out)
    then = json.loads((out / "schemas" / "schema.json").read_text())
    then["properties"]["gone"] = {"type": "string"}
    (out / "schemas" / "schema.json").write_text(json.dumps(then))
    with pytest.raises(AssertionError, match="gone is gone without another number"):
        held(out)
    then["title"] = "parity.json, schema 1"
    (out / "schemas" / "schema.json").write_text(json.dumps(then))
    held(out)
    del then["properties"]["gone"]
    then |= {"title": schemas()["schema.json"]["title"], "required": [*then["required"], "gate"]}
    (out / "schemas" / "schema.json").write_text(json.dumps(then))
    with pytest.raises(AssertionError, match="gate may be missing"):
        held(out)

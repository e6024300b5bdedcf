"""Releases in a row, of made reports: what got worse is told, and whether the changelog owned up to it."""

from __future__ import annotations

import copy
import json

import pytest
from support.command_line import here, only_error
from support.report_examples import example
from support.schemas import valid

from parity.errors import InputError
from parity.history.changelog import entry, owns_up
from parity.history.releases import release_of, releases_in, worsened
from parity.report.history import headline, history_document, history_figure, history_table

CHANGELOG = """# Changelog

## [0.3.0] - 2027-01-01

### Got worse

- `embeddings` drift more: another convolution.

### Added

- count

## [0.2.0]

Something.
"""


def report(**drift):
    """A report of one recording at parity; of an artefact its largest difference in the cascade."""
    good = next(fixture for fixture in example()["fixtures"] if fixture["status"] == "parity")
    case = dict(good["artefacts"][0], mode="cascaded", within=True, mismatches=0, compared=7, where="", note="")
    cases = [
        {**case, "stage": name, "artefact": name, "max_abs": size, "tolerance": 1e-5, "within": size <= 1e-5}
        for name, size in drift.items()
    ]
    fixture = {**copy.deepcopy(good), "name": "a", "artefacts": cases}
    return {**example(), "fixtures": [fixture]}


def releases(*reports):
    return [release_of(f"0.{number}.0", found) for number, found in enumerate(reports, start=2)]


def test_what_drifts_as_it_did_or_less_or_a_little_more_is_no_worse():
    found = releases(report(embeddings=1e-6), report(embeddings=1.9e-6), report(embeddings=1e-7))
    assert worsened(found, "") == ()
    assert worsened(releases(report(embeddings=1e-9), report(embeddings=9e-8)), "") == ()  # a hundredth of the limit


@pytest.mark.parametrize(
    "before, now, words",
    [
        ({"embeddings": 1e-6}, {"embeddings": 3e-6}, "embeddings: 3.0e-06 at worst, was 1.0e-06; within 1e-05"),
        ({"embeddings": 1e-6}, {"embeddings": 2e-5}, "a: embeddings (cascaded): 2.0e-05, 1.0e-05 allowed; was within"),
        ({"embeddings": 1e-6, "count": 0.0}, {"embeddings": 1e-6}, "a: count (cascaded): was compared, is not now"),
    ],
)
def test_more_drift_a_new_drift_and_less_coverage_are_worse_and_nobody_said_so(before, now, words):
    (found,) = worsened(releases(report(**before), report(**now)), "")
    assert words in found.words and not found.said and (found.version, found.since) == ("0.3.0", "0.2.0")


def test_what_the_changelog_owns_up_to_is_told_and_is_no_failure():
    found = worsened(releases(report(embeddings=1e-6), report(embeddings=3e-6)), CHANGELOG)
    assert [one.said for one in found] == [True]
    document = history_document(releases(report(embeddings=1e-6)), found)
    assert document["verdict"] == "no worse" and "1 things got worse, and the changelog says so" in headline(document)


@pytest.mark.parametrize(
    "version, name, said",
    [
        ("0.3.0", "embeddings", True),
        ("0.3.0", "count", False),  # told beneath another heading
        ("0.3.0", "embed", False),
        ("0.2.0", "embeddings", False),
        ("9.9.9", "embeddings", False),
    ],
)
def test_owning_up_is_a_name_beneath_its_heading(version, name, said):
    assert owns_up(CHANGELOG, version, name) is said


def test_an_entry_is_its_text():
    assert entry(CHANGELOG, "0.2.0") == "Something." and entry("## [1.0.0]\n\n### Added\n", "1.0.0") == ""


def written(folder, *reports):
    for number, found in enumerate(reports, start=9):  # 0.9.0, 0.10.0: not in the order of letters
        (folder / f"0.{number}.0").mkdir(parents=True)
        (folder / f"0.{number}.0" / "parity.json").write_text(json.dumps(found))
    return folder


def test_releases_are_read_oldest_first_and_nothing_else_is_taken_for_one(tmp_path):
    folder = written(tmp_path, report(embeddings=1e-6), report(embeddings=2e-6), report(embeddings=3e-6))
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "parity.json").write_text("{")
    assert [one.version for one in releases_in(folder)] == ["0.9.0", "0.10.0", "0.11.0"]
    (tmp_path / "0.10.0" / "parity.json").write_text('{"fixtures": [], "schema": 1}')
    with pytest.raises(InputError, match=r"0\.10\.0/parity\.json: cannot be read: schema is 1"):
        releases_in(folder)
    with pytest.raises(InputError, match="no reports of a release"):
        releases_in(tmp_path / "latest")


def test_the_table_has_the_last_four_and_fits(tmp_path):
    found = releases(*(report(embeddings=1e-6, count=0.0) for _ in range(6)))
    table = history_table(history_document(found, ()))
    assert [column.header for column in table.columns] == ["", "0.4.0", "0.5.0", "0.6.0", "0.7.0"]
    cells = {name: list(column.cells) for name, column in zip(("name", "first"), table.columns)}
    assert dict(zip(cells["name"], cells["first"]))["embeddings"] == "1.0e-06"
    assert dict(zip(cells["name"], cells["first"]))["at parity"] == "1 of 1"


def test_the_picture_has_a_line_for_what_drifts_and_the_limit():
    found = releases(report(embeddings=1e-6, count=0.0), report(embeddings=2e-6, count=0.0))
    drift, seconds, coverage = history_figure(history_document(found, ())).axes
    assert [text.get_text() for text in drift.texts] == ["embeddings"]  # what is equal has no place on a log axis
    assert list(drift.lines[0].get_ydata()) == pytest.approx([0.1, 0.2])
    assert list(coverage.lines[0].get_ydata()) == [2, 2] and len(seconds.lines) == 1


def test_on_the_command_line(tmp_path):
    folder = written(tmp_path / "reports", report(embeddings=1e-6), report(embeddings=3e-6))
    (tmp_path / "log.md").write_text(CHANGELOG)
    files = ["--changelog", tmp_path / "log.md", "--json", tmp_path / "h.json", "--plot", tmp_path / "h.svg"]
    done = here("history", folder, *files)
    assert done.returncode == 1 and done.stdout.startswith(
        "GOT WORSE. 0.10.0, since 0.9.0: embeddings: 3.0e-06 at worst"
    )
    assert valid(tmp_path / "h.json", "history_schema.json")["worse"][0]["name"] == "embeddings"
    assert "<svg" in (tmp_path / "h.svg").read_text()
    (tmp_path / "log.md").write_text(CHANGELOG.replace("0.3.0", "0.10.0"))
    assert here("history", folder, "--changelog", tmp_path / "log.md").stdout.startswith(
        "NO WORSE. 2 releases, 0.9.0 to"
    )
    assert "cannot be read" in only_error(here("history", folder, "--changelog", tmp_path / "nothing.md"))
    assert "a picture ends in" in only_error(here("history", folder, *files[:2], "--plot", tmp_path / "h.gif"))

"""`parity diagnose` and `parity demo`: the mistake named, shown, mended; every form of it."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
from support import ROOT, browser
from support.command_line import only_error, parity
from support.schemas import keys

from parity.report.diagnosed import markdown, page
from parity.report.differences import difference_in_words

SHARED, OWN = (
    json.loads((ROOT / "parity" / "report" / name).read_text(encoding="utf-8"))
    for name in ("schema.json", "diagnosis_schema.json")
)
pytestmark = pytest.mark.models
DOCUMENTED = (ROOT / "docs" / "reference" / "diagnosis-json.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("diagnosed")
    files = [
        f"--{kind}={folder / name}" for kind, name in (("page", "p.html"), ("markdown", "p.md"), ("json", "p.json"))
    ]
    done = parity("diagnose", "--fixture", "14", "--fault", "scores_as_distances", *files)
    assert done.returncode == 1
    return done.stdout, folder


def test_the_first_line_names_the_mistake_and_the_mend(found: tuple[str, Path]) -> None:
    first = found[0].splitlines()[0]
    assert first.startswith("DRIFT. Scoring: ")
    assert "(scores_as_distances)" in first
    assert first.endswith("Formula: README.md, section 14 (scoring) of a kit.")
    assert "\n  Mend: Your scoring does this: cosine distances" in found[0] and "Do what the reference does" in found[0]


def test_json_has_the_form_its_schema_says_and_the_mistake_lies_on_the_candidate(found: tuple[str, Path]) -> None:
    document = json.loads((found[1] / "p.json").read_text(encoding="utf-8"))
    registry = referencing.Registry().with_resource("schema.json", referencing.Resource.from_contents(SHARED))
    jsonschema.Draft202012Validator(OWN, registry=registry).validate(document)
    shown = document["diagnoses"][0]["evidence"]
    assert shown["mistaken"] == pytest.approx(shown["candidate"], abs=1e-6)
    assert shown["reference"] != pytest.approx(shown["candidate"], abs=1e-3)


@pytest.mark.parametrize("key", sorted(set(keys(OWN))))
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in DOCUMENTED


def test_the_page_loads_nothing_and_styles_nothing_that_its_policy_does_not_name(found: tuple[str, Path]) -> None:
    text = (found[1] / "p.html").read_text(encoding="utf-8")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert b64encode(sha256(style[1].encode()).digest()).decode() in text
    assert "unsafe-inline" not in text and ' style="' not in text and "<script" not in text
    assert not re.search(r'(?:src|href)="https?:', text)
    assert "<svg" in text


HOSTILE = 'x"><img src=x onerror=document.title=1><script>document.title=1</script>`<img src=x>\\g<9>\\d'


def hostile(found: Any) -> Any:
    """A diagnosis in which every text is one that tries to run a script, but those that say what kind a thing is."""
    kinds = {"verdict", "stage", "artefact", "first_drift", "judged_by", "kind"}
    if isinstance(found, dict):
        return {key: value if key in kinds else hostile(value) for key, value in found.items()}
    if isinstance(found, list):
        return [hostile(value) for value in found]
    return HOSTILE if isinstance(found, str) else found


def test_names_from_outside_are_text_on_the_page_and_in_markdown(found: tuple[str, Path]) -> None:
    document = hostile(json.loads((found[1] / "p.json").read_text(encoding="utf-8")))
    text, marked = page(document), markdown(document)
    assert "&lt;img src=x onerror" in text and "<img" not in text and "<script" not in text
    outside_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", marked)
    assert "<img" in marked and "<img" not in outside_code and "<script" not in outside_code


def test_hostile_names_run_nothing_in_a_browser(found: tuple[str, Path], tmp_path: Path) -> None:
    """Escaping and the policy each suffice: once more with the names raw, as if escaping had been forgotten."""
    path = browser.find()
    if path is None:
        pytest.skip(f"no browser found: none of {', '.join(browser.NAMES)} is installed")
    drawn = page(hostile(json.loads((found[1] / "p.json").read_text(encoding="utf-8"))))
    (tmp_path / "index.html").write_text(drawn, encoding="utf-8")
    (tmp_path / "raw.html").write_text(html.unescape(drawn), encoding="utf-8")
    with browser.opened(path, tmp_path / "profile") as opened:
        for name in ("index.html", "raw.html"):
            opened.open((tmp_path / name).as_uri())
            assert opened.evaluate("document.title") != "1", name
            assert (opened.faults == []) == (name == "index.html")


def test_markdown_says_what_confirms_it(found: tuple[str, Path]) -> None:
    text = (found[1] / "p.md").read_text(encoding="utf-8")
    assert "Then: `parity explain 14_partial_tail --fault scores_as_distances`" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fixture", "14"], "give one of a dump, --implementation and --fault"),
        (["nowhere", "--fixture", "14"], "nowhere: not a folder"),
        (["--fault", "scores_as_distances"], "--fixture says of which recording"),
        ([str(ROOT / "docs")], "has to be of a fixture"),
    ],
)
def test_what_cannot_be_diagnosed_is_said_in_one_line(arguments: list[str], said: str) -> None:
    assert said in only_error(parity("diagnose", *arguments))


def test_the_demo_finds_names_and_mends(tmp_path: Path) -> None:
    done = parity("demo", "--no-open", "--page", str(tmp_path / "demo.html"))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line[:2] for line in lines[:4]] == ["1.", "2.", "3.", "4."]
    assert "(scores_as_distances)" in lines[1]
    assert "PARITY" in lines[2]
    assert (tmp_path / "demo.html").stat().st_size > 1000


def test_where_the_mistake_says_it_all_nothing_more_is_said_of_the_difference() -> None:
    described = {"artefact": "count", "kinds": [], "spread": None}
    named = {"mistake": {"name": "count_ceiling"}, "judged_by": ["count"]}
    assert difference_in_words(described, [named]) == []
    assert difference_in_words(described, [{**named, "mistake": None}]) != []

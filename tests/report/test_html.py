"""The page: whole in itself, readable by everyone, and alive in a real browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from support import ROOT, browser
from support.report_examples import ODD_NAME, example

from parity.report import canvas, plots
from parity.report.headline import of_run
from parity.report.html import PLOTS, label, page
from parity.report.markdown import markdown

FULL = "b_bad"  # the fixture of the example that has every plot
NUMBERS = {name: number for number, name in enumerate(("a_good", FULL, "c_wrong", "d_silent"), 1)}
SECTION = f"fixture-{NUMBERS[FULL]}"


class Tags(HTMLParser):
    """Every tag with its attributes, and the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._silent = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._silent = False

    def handle_data(self, data):
        self.words += "" if self._silent else data


@pytest.fixture(scope="module")
def text() -> str:
    return page(example())


@pytest.fixture(scope="module")
def found(text) -> Tags:
    return Tags(text)


def fixture(name: str = FULL) -> dict:
    return next(entry for entry in example()["fixtures"] if entry["name"] == name)


def drawn(key: str, entry: dict) -> str:
    return plots.svg(PLOTS[key].draw, entry, key, "a plot")


# what is in it


def test_it_asks_for_nothing_outside_itself(text, found):
    links = [attrs[key] for tag, attrs in found.tags for key in ("href", "src", "xlink:href") if attrs.get(key)]
    assert links and all(link.startswith(("#", "data:")) for link in links)
    assert "@import" not in text
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/2000/svg",
    }


def test_no_id_occurs_twice_and_every_reference_has_its_target(text, found):
    ids = [attrs["id"] for _, attrs in found.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    body = text[text.index("<body") :]
    used = set(re.findall(r"(?:href=\"|url\()#([^\")]+)", body))
    used |= {name for _, attrs in found.tags for name in (attrs.get("aria-labelledby") or "").split()}
    assert len(used) > 20
    assert used <= set(ids)


def test_every_plot_is_there_with_its_table_and_words_for_those_who_do_not_see_it(text):
    section = text[text.index(f'id="{SECTION}"') : text.index(f'id="fixture-{NUMBERS["c_wrong"]}"')]
    for key, plot in PLOTS.items():
        figure = section[section.index(f'data-plot="{key}"') :]
        figure = figure[: figure.index("</figure>")]
        assert plot.title in figure
        assert re.search(r'<svg [^>]*role="img" aria-label="[^"]{20,}"', figure), key
        assert "<details>" in figure and "<table>" in figure and "<caption>" in figure, key


@pytest.mark.parametrize("name", ["c_wrong", "d_silent"])
def test_what_cannot_be_drawn_is_said_in_its_place(text, name):
    section = text[text.index(f'<section class="fixture" id="fixture-{NUMBERS[name]}"') :]
    section = section[: section.index("<footer>")].split('<section class="fixture"')[1]
    for key, plot in PLOTS.items():
        figure = section[section.index(f'data-plot="{key}"') :]
        figure = figure[: figure.index("</figure>")]
        assert ("<svg" in figure) != ('class="none"' in figure), key
        assert "<svg" in figure or plot.empty in figure


def test_names_from_outside_are_text_never_markup(text, found):
    assert ODD_NAME not in text
    assert ODD_NAME in found.words


def test_a_name_that_looks_like_part_of_a_drawing_stays_as_it_is():
    entry = fixture()
    for name in ("(#1)", 'id="a"', "#1d2329", "$x^2$", "日本"):
        entry["timeline"]["reference"][0][2] = name
        assert f">{name}</text>" in drawn("timeline", entry)


HOSTILE = 'x"><img src=x onerror=document.title=1><script>document.title=1</script>\\g<9>\\d'


STANDING = {
    "candidate_rms": 1e-6, "reference_rms": 2e-6, "candidate_max": 1e-5, "reference_max": 2e-5, "ratio": 0.5,
    "elements": 9, "closer": True, "no_worse": True,
}  # fmt: skip


def hostile() -> dict:
    """The example with names, speakers, an error, a gate and a truth that try to run a script."""
    found = example()
    for entry in found["fixtures"]:
        entry["name"] = HOSTILE
    found["fixtures"][2]["error"] = HOSTILE
    found["implementation"]["name"] = found["runtime"]["name"] = found["environment"]["cpu"] = HOSTILE
    for turns in (fixture["timeline"] for fixture in found["fixtures"] if fixture.get("timeline")):
        for turn in [*turns["reference"], *turns["hypothesis"]]:
            turn[2] = HOSTILE
    row = {"recording": HOSTILE, "artefact": HOSTILE}
    failed, accepted = {**row, "what": HOSTILE}, {**row, "reason": HOSTILE, "until": HOSTILE}
    found["gate"] = {"held": False, "baseline": HOSTILE, "failures": [failed], "accepted": [accepted], "kept": [row]}
    found["fixtures"][0]["truth"] = {HOSTILE: STANDING}
    return found


def test_hostile_names_are_text_on_the_page_and_in_markdown():
    text = page(hostile())
    tags = [tag for tag, _ in Tags(text).tags]
    assert tags.count("script") == 1 and "img" not in tags
    assert not any(key.startswith("on") for _, attrs in Tags(text).tags for key in attrs)
    assert HOSTILE in Tags(text).words
    assert "<img" not in markdown(hostile()) and "<script" not in markdown(hostile())


def test_the_policy_allows_the_pages_own_script_and_sheet_by_hash_and_nothing_else(text, found):
    policy = next(attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv"))
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (own,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()}'" in policy
    assert not any("style" in attrs for _, attrs in found.tags)


def test_headings_go_down_one_level_at_a_time(found):
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


def test_every_header_of_a_table_says_what_it_heads(found):
    headers = [attrs for tag, attrs in found.tags if tag == "th"]
    assert len(headers) > 50
    assert all(attrs.get("scope") in ("row", "col") for attrs in headers)


def test_colours_follow_the_page_in_light_and_dark(text):
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        colours = set(re.findall(r"#[0-9a-fA-F]{6}\b", svg))
        assert not colours, "a colour that no theme changes"
    used = set(re.findall(r"var\((--\w+)\)", text))
    for theme in re.findall(r":root \{(.*?)\}", text, re.DOTALL):
        assert set(canvas.VARIABLES.values()) <= set(re.findall(r"(--\w+):", theme)) | {"--width"}
    assert set(canvas.VARIABLES.values()) <= used


def test_the_same_results_give_the_same_page(text):
    assert page(example()) == text


# what the plots show


def test_a_difference_is_drawn_where_the_sides_differ():
    alike, apart = fixture("a_good"), fixture()
    assert alike["timeline"]["differences"] == []
    assert apart["timeline"]["differences"] == [[0.0, 0.25], [2.0, 2.25]]
    assert drawn("timeline", apart).count("var(--bad)") > drawn("timeline", alike).count("var(--bad)") == 0


def test_what_is_out_of_tolerance_is_crossed():
    assert "var(--bad)" in drawn("drift", fixture())
    assert "var(--bad)" not in drawn("drift", fixture("a_good"))


def test_the_noise_of_the_reference_is_drawn_where_it_is_known():
    entry = fixture("a_good")
    assert "var(--noise)" in drawn("drift", entry)
    assert "var(--noise)" not in drawn("drift", {**entry, "noise": None})


def test_the_decisive_stage_is_marked():
    svg = drawn("recovery", fixture())
    assert "decisive" in svg
    assert "fbank" in svg
    decided = "embeddings decides: it is the earliest stage whose patch alone restores the reference's answer;"
    assert decided in label(fixture(), PLOTS["recovery"])


def test_text_for_infinities_does_not_stop_a_plot():
    entry = fixture()
    entry["merges"]["heights"][0] = entry["elbo"]["hypothesis"][0] = "inf"
    entry["artefacts"][0]["max_abs"] = entry["artefacts"][1]["max_abs"] = "nan"
    assert all(drawn(key, entry).startswith("<svg") for key in PLOTS)


@pytest.mark.parametrize(
    "module", ["parity.gate.gate", "parity.report.document", "parity.report.markdown", "parity.__main__"]
)
def test_nothing_but_the_page_loads_what_draws(module):
    # Not matplotlib itself: pyannote.metrics imports that.
    names = ("jinja2", "matplotlib.backends.backend_svg", "parity.report.plots")
    code = f"import json, sys, {module}\nprint(json.dumps([name for name in {names} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


# in a browser


@pytest.fixture(scope="module")
def shown(text, tmp_path_factory) -> Iterator[browser.Page]:
    path = browser.find()
    if path is None:
        pytest.skip(f"no browser found: none of {', '.join(browser.NAMES)} is installed")
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text(text, encoding="utf-8")
    with browser.opened(path, tmp_path_factory.mktemp("profile")) as opened:
        calm = {"name": "prefers-reduced-motion", "value": "reduce"}
        opened.call("Emulation.setEmulatedMedia", features=[calm])
        opened.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
        opened.open((folder / "index.html").as_uri())
        yield opened


ORDER = "[...document.querySelectorAll('#overview tbody tr')].map(row => row.cells[0].textContent.trim())"


def click_header(shown: browser.Page, title: str) -> tuple[list[str], str]:
    """Click a header of the overview: the order of its rows then, and what the header says of it."""
    header = f"[...document.querySelectorAll('#overview thead th')].find(th => th.textContent.trim() === '{title}')"
    shown.evaluate(f"{header}.querySelector('button').click()")
    assert shown.evaluate("document.querySelectorAll('#overview [aria-sort]').length") == 1
    return shown.evaluate(ORDER), shown.evaluate(f"{header}.getAttribute('aria-sort')")


def test_every_plot_is_visible(shown):
    sizes = shown.evaluate(
        f"Object.fromEntries([...document.querySelectorAll('#{SECTION} figure')].map(figure => "
        "[figure.dataset.plot, figure.querySelector('svg').getBoundingClientRect().width]))"
    )
    assert set(sizes) == {*PLOTS, "evidence"}
    assert all(width > 300 for width in sizes.values()), sizes


def test_sorting_changes_the_order_and_what_is_missing_stays_last(shown):
    assert shown.evaluate(ORDER) == ["a_good", "b_bad", "c_wrong", "d_silent"]
    assert click_header(shown, "embedding drift") == (["d_silent", "a_good", "b_bad", "c_wrong"], "ascending")
    assert click_header(shown, "embedding drift") == (["b_bad", "a_good", "d_silent", "c_wrong"], "descending")
    assert click_header(shown, "fixture") == (["a_good", "b_bad", "c_wrong", "d_silent"], "ascending")


def test_a_link_of_the_overview_leads_to_its_fixture(shown):
    shown.evaluate("window.scrollTo(0, 0)")
    shown.evaluate(f"[...document.querySelectorAll('#overview a')].find(a => a.textContent === '{FULL}').click()")
    assert shown.evaluate("location.hash") == f"#{SECTION}"
    top = shown.evaluate(f"document.getElementById('{SECTION}').getBoundingClientRect().top")
    assert -1 <= top < 100
    for _ in range(100):  # the observer reports with a later frame
        if current := shown.evaluate("[...document.querySelectorAll('[aria-current]')].map(a => a.hash).join()"):
            break
        time.sleep(0.02)
    assert current == f"#{SECTION}"


def test_a_table_opens_behind_its_plot(shown):
    table = f"document.querySelector('#{SECTION} [data-plot=merges] details')"
    assert shown.evaluate(f"{table}.querySelector('table').checkVisibility()") is False
    shown.evaluate(f"{table}.querySelector('summary').click()")
    assert shown.evaluate(f"{table}.querySelector('table').checkVisibility()") is True
    assert shown.evaluate(f"[...{table}.querySelectorAll('tbody tr')].map(row => row.cells[2].textContent)") == [
        "0.200000",
        "0.550000",
        "0.900000",
    ]


def test_hostile_names_run_nothing_in_a_browser(tmp_path):
    path = browser.find()
    if path is None:
        pytest.skip(f"no browser found: none of {', '.join(browser.NAMES)} is installed")
    (tmp_path / "index.html").write_text(page(hostile()), encoding="utf-8")
    # Escaping and the policy each suffice: once more with the names raw, as if escaping had been forgotten.
    (tmp_path / "raw.html").write_text(html.unescape(page(hostile())), encoding="utf-8")
    with browser.opened(path, tmp_path / "profile") as opened:
        for name in ("index.html", "raw.html"):
            opened.open((tmp_path / name).as_uri())
            assert opened.evaluate("document.title") != "1", name
            assert opened.evaluate("document.querySelectorAll('svg').length") > 0
            assert (opened.faults == []) == (name == "index.html")  # what the policy refuses is logged


def test_a_phone_scrolls_plots_not_the_page(shown):
    shown.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=2, mobile=True)
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    shown.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)


def test_plots_change_their_colours_with_the_theme(shown):
    style = "getComputedStyle(document.querySelector('{}'))"
    colours = f"[{style.format('body')}.backgroundColor, {style.format('figure text')}.fill]"
    seen = []
    for theme in ("light", "dark"):
        shown.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        seen.append(shown.evaluate(colours))
    (light, on_light), (dark, on_dark) = seen
    assert light == "rgb(255, 255, 255)" and dark != light
    assert on_dark != on_light


def test_nothing_was_logged_thrown_or_fetched(shown):  # last: it speaks of all that went before
    assert shown.faults == []
    assert [address for address in shown.requests if not address.startswith("data:")] == [
        shown.evaluate("location.href.split('#')[0]")
    ]


def test_the_page_begins_with_what_the_port_was_held_to():
    failure = {"recording": ODD_NAME, "artefact": "count", "what": "count: 4 elements differ, were 2"}
    accepted = {"recording": "a", "artefact": "embeddings", "reason": "float16 <on purpose>", "until": "2999-01-01"}
    gate = {"held": False, "baseline": "base.json", "failures": [failure], "accepted": [accepted]}
    shown = Tags(page({**example(), "gate": {**gate, "kept": [{"recording": "b", "artefact": "ahc_clusters"}]}})).words
    said = [
        "NOT HELD. 1 thing is worse than in base.json.",
        f"{ODD_NAME}: count: 4 elements differ, were 2",
        "Accepted until 2999-01-01 (a): embeddings, float16 <on purpose>",
        "As in the baseline or less (b): ahc_clusters",
        of_run(example()),
    ]
    places = [shown.find(line) for line in said]
    assert -1 not in places and places == sorted(places)
    assert "HELD" not in Tags(page(example())).words

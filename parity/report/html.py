"""Results as one self-contained page: the fixtures at a glance, then plots and tables for each. No network, no files.

Rendered from the data of `parity.json` with the templates beside this module; nothing is computed but what is where.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from parity.measure.verdicts import DRIFT, ERROR, GREEN, INCONCLUSIVE, LIMITED, NO_WORSE, RAISES
from parity.report import canvas, plots
from parity.report.ci import of_gate
from parity.report.differences import difference_in_words
from parity.report.drawn_apart import Place
from parity.report.drawn_apart import Plots as DrawnPlots
from parity.report.explanation import verdict
from parity.report.headline import of_run
from parity.report.markdown import first_drift, headline, human, remarks_of, tightest
from parity.report.plots.evidence import evidence_svg
from parity.report.programs import memory
from parity.report.standing import standing_cells
from parity.report.wording import both, listed, number, scientific

TEMPLATES = Path(__file__).parent / "templates"
Fixture = dict[str, Any]


@dataclass(frozen=True)
class Plot:
    """A plot of a fixture's section.

    Attributes
    ----------
    key : of the plot; its table is the macro of that name in tables.html.j2
    draw : fixture -> figure
    title, empty : heading, and what stands there where there is nothing to draw
    shape : `wide`, `medium` or `narrow`
    """

    key: str
    draw: plots.Draw
    title: str
    shape: str
    empty: str


PLOTS = {
    plot.key: plot
    for plot in (
        Plot("timeline", plots.timeline, "Who speaks when", "wide", "There is no timeline: the inputs were wrong."),
        Plot("drift", plots.drift, "Drift by stage", "medium", "Nothing was compared."),
        Plot(
            "embeddings",
            plots.embedding_map,
            "Embedding drift by chunk and speaker",
            "wide",
            "No embeddings to compare: nobody speaks, or one side has none.",
        ),
        Plot("merges", plots.merges, "Merges against the cut", "narrow", "Nothing was clustered."),
        Plot("elbo", plots.elbo, "ELBO of VBx", "narrow", "VBx did not run."),
        Plot(
            "difference",
            plots.difference,
            "What the difference is like",
            "medium",
            "No difference was described: nothing drifted, no explanation was asked for, or labels alone differ.",
        ),
        Plot(
            "recovery",
            plots.recovery,
            "The decisive patch",
            "medium",
            "No patch was tried: nothing drifted, or no explanation was asked for (parity explain makes one).",
        ),
    )
}


def page(document: dict[str, Any], drawn: Mapping[Place, DrawnPlots] | None = None) -> str:
    """`index.html` from the data of `parity.json`.

    Parameters
    ----------
    drawn : plots that were drawn already, see `parity.report.drawn_apart`; the others are drawn here
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    drawings, classes = _drawings(document, drawn or {})
    evidences = _evidences(document, classes)
    script, style = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("script.js", "style.css"))
    style += classes.rules()
    environment.filters |= {
        "number": number,
        "scientific": scientific,
        "decimal": decimal,
        "times": times,
        "memory": memory,
    }
    environment.globals |= {
        "both": both,
        "human": human,
        "first_drift": first_drift,
        "tightest": tightest,
        "remarks_of": remarks_of,
        "verdict": verdict,
        "span": span,
        "measured": measured,
        "standing_cells": standing_cells,
        "single_patches": plots.single_patches,
        "drawings": drawings,
        "evidences": evidences,
        "PLOTS": PLOTS,
        "STATUS": dict.fromkeys((*GREEN, NO_WORSE), "✓")
        | {LIMITED: "◐", INCONCLUSIVE: "◐", DRIFT: "✕", RAISES: "✕"}
        | {ERROR: "!", "counted": "·", "missing": "?"},
        "MARK": dict.fromkeys((*GREEN, NO_WORSE), "parity") | {INCONCLUSIVE: "limited"},
    }
    return environment.get_template("index.html.j2").render(
        document=document,
        headline=headline(document),
        first_line=of_run(document),
        gate=of_gate(document["gate"]) if "gate" in document else [],
        script=Markup(script),
        style=Markup(style),
        policy=policy(script, style),
    )


def draw_plots(number: int, fixture: Fixture) -> dict[str, str]:
    """The plots of one fixture as SVG text, empty where there is nothing to draw; `number` tells their names apart."""
    return {key: plots.svg(plot.draw, fixture, f"f{number}-{key}", label(fixture, plot)) for key, plot in PLOTS.items()}


def _drawings(
    document: dict[str, Any], drawn: Mapping[Place, DrawnPlots]
) -> tuple[dict[tuple[int, str], Markup], canvas.Classes]:
    # (number of the fixture from 1, key of the plot) -> drawing. The text in it is escaped by what draws it.
    classes = canvas.Classes()
    drawings = {}
    for place, fixture in enumerate(document["fixtures"], 1):
        there = drawn.get((place, json.dumps(fixture))) if drawn else None
        for key, text in (draw_plots(place, fixture) if there is None else there).items():
            drawings[place, key] = Markup(classes.instead_of_styles(text))
    return drawings, classes


def _evidences(document: dict[str, Any], classes: canvas.Classes) -> dict[tuple[int, int], Markup]:
    # (number of the fixture from 1, of the diagnosis from 0) -> picture, empty where it has no evidence
    return {
        (number, index): Markup(evidence_svg(entry, f"f{number}-evidence-{index}", classes))
        for number, fixture in enumerate(document["fixtures"], 1)
        for index, entry in enumerate(fixture["diagnoses"])
    }


def policy(script: str, style: str) -> str:
    """The page's content security policy."""
    # Nothing is loaded, and nothing runs or styles but the page's own script and sheet, which are named by hash: what a
    # recording's name smuggles in is dead even where escaping were forgotten.
    ours, sheet = (f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (script, style))
    return (
        f"default-src 'none'; img-src data:; style-src {sheet}; script-src {ours}; base-uri 'none'; form-action 'none'"
    )


def label(fixture: Fixture, plot: Plot) -> str:
    """A plot in one sentence, for those who do not see it."""
    words = _LABELS[plot.key](fixture) if fixture["status"] != "error" else "nothing"
    return f"{plot.title}, {fixture['name']}: {words}. The table below has the numbers."


def _timeline_label(fixture: Fixture) -> str:
    found = fixture["timeline"]
    if found is None:
        return "nothing"
    theirs, ours, differ = (len(found[key]) for key in ("reference", "hypothesis", "differences"))
    return f"{theirs} turns in the reference, {ours} in ours, differing in {differ} stretches of time"


def _drift_label(fixture: Fixture) -> str:
    beyond = [row["artefact"] for row in fixture["artefacts"] if not row["within"]]
    return f"out of tolerance: {', '.join(dict.fromkeys(beyond))}" if beyond else "everything compared is in tolerance"


def _merges_label(fixture: Fixture) -> str:
    found = fixture["merges"]
    return f"{len(found['heights'] or ())} merges of ours against a cut at {found['cut']}" if found else "nothing"


def _elbo_label(fixture: Fixture) -> str:
    found = fixture["elbo"]
    if found is None:
        return "nothing"
    theirs, ours = (len(found[key] or ()) for key in ("reference", "hypothesis"))
    return f"{theirs} iterations in the reference, {ours} in ours"


def _difference_label(fixture: Fixture) -> str:
    found = fixture["explanation"]
    lines = [line for one in found["differences"] for line in difference_in_words(one)] if found else []
    return lines[0].rstrip(".") if lines else "nothing"


def _recovery_label(fixture: Fixture) -> str:
    return " ".join(verdict(fixture["explanation"])).rstrip(".") if fixture["explanation"] else "nothing"


_LABELS = {
    "timeline": _timeline_label,
    "drift": _drift_label,
    "embeddings": lambda fixture: f"at most {scientific(fixture['embedding_drift'])}",
    "merges": _merges_label,
    "elbo": _elbo_label,
    "difference": _difference_label,
    "recovery": _recovery_label,
}


def span(element: dict[str, Any]) -> str:
    """Where an element is, and what it speaks of: seconds of audio, speakers."""
    words = element["where"]
    if element["start"] is not None:
        words += f" ({element['start']:.2f} to {element['end']:.2f} s"
        words += f", {listed(element['speakers'])})" if element["speakers"] else ")"
    return words


def measured(row: dict[str, Any], what: str) -> str:
    """What noise of rising size on an artefact did to the answer, in a sentence."""
    if not row["draws"]:
        return f"Noise on {what} was not tried: {row['why']}."
    if row["first_change"] is None:
        return f"Noise on {what} of up to {row['sizes'][-1]:.0e} changes no answer in {row['draws']} draws."
    share = row["changed"][row["sizes"].index(row["first_change"])]
    draws = round(share * row["draws"])
    return f"Noise on {what} first changes the answer at {row['first_change']:.0e}, in {draws} of {row['draws']} draws."


def decimal(value: float | str | None, digits: int = 3) -> str:
    """A number with so many decimals."""
    return "—" if value is None else value if isinstance(value, str) else f"{value:.{digits}f}"


def times(value: float | str | None) -> str:
    """A ratio: three digits, thousands apart, powers where it is very large."""
    if value is None or isinstance(value, str):
        return "—" if value is None else value.replace("inf", "∞")
    return (f"{value:.3g}" if value < 1000 else f"{value:,.0f}" if value < 1e6 else f"{value:.1e}") + "\u00d7"

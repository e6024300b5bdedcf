"""Small made-up results that have everything a report can show: for tests of documents and pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from parity.diagnosis.result import Diagnosis, Evidence, Left, Mistake, Parameter
from parity.explain.explanation import (
    BORN,
    INHERITED,
    INTO_CANDIDATE,
    INTO_REFERENCE,
    Amplification,
    Element,
    Elements,
    Explanation,
    LayerDrift,
    Patch,
    Recovery,
    StageVerdict,
)
from parity.fixtures.noise import Noise
from parity.fixtures.standing import Standing
from parity.gate.details import Details, Elbo, EmbeddingMap, Energy, Merges, timeline
from parity.gate.gate import DRIFT, ERROR, PARITY, FixtureResult, Human
from parity.gate.recorded import AUDIO, TENSORS, AudioReplay, Recorded
from parity.margins.margin import Margin
from parity.measure.difference import Difference, describe
from parity.measure.drift import Drift, compare
from parity.measure.score import Score
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.ports.dump.declaration import Declaration
from parity.ports.dump.turns import compare_turns
from parity.ports.program import Account, Cost
from parity.replay.outcome import NearTie, Replay
from parity.report.document import document, to_json
from parity.sources.weights import WeightSet

SAME = Score(der=0.0, miss=0.0, false_alarm=0.0, confusion=0.0, total=3.0)
AWAY = Score(der=0.25, miss=0.0, false_alarm=0.0, confusion=1.0, total=4.0)
WEIGHTS = WeightSet("some-weights", Path(), {}, {}, {}, {}, {}, "ab" * 32)
ODD_NAME = "<b>$Ada$ & co</b>"
TURN = "SPEAKER clip 1 {:.3f} {:.3f} <NA> <NA> {} <NA> <NA>\n"


def _rttm(*turns: tuple[float, float, str]) -> str:
    return "".join(TURN.format(*turn) for turn in turns)


def _compared(artefact: str, by: float, mode: str) -> Drift:
    want = np.zeros((4, 3, 2), dtype=ARTEFACTS[artefact].dtype)
    got = want.copy()
    got[1, 2, 0] = by
    return compare(artefact, got, want, mode=mode)


def _replay(by: float, score: Score) -> Replay:
    names = [name for name in ("count", "embeddings", "hard_clusters") if ARTEFACTS[name].comparison in _ARRAYS]
    drifts = [
        _compared(name, by if name == "embeddings" else round(by), mode)
        for name in names
        for mode in ("isolated", "cascaded")
    ]
    tie = NearTie(chunk=1, frame=548, seconds=10.25, gap=9.8e-6)
    return Replay(
        tuple(drifts), (tie,), (), "", "", score, score, 2, 2, 2, 2, by, {"fbank": ("waveform",)}, {"ahc": 0.1}
    )


_ARRAYS = (Comparison.VALUES, Comparison.LABELS)


def details(*, shift: float = 0.0, other: str = "SPEAKER_01") -> Details:
    """Two speakers, ours `shift` seconds late."""
    theirs = _rttm((0.0, 2.0, "SPEAKER_00"), (2.5, 1.0, other))
    ours = _rttm((shift, 2.0, "SPEAKER_00"), (2.5, 1.0, other))
    return Details(
        timeline=timeline(theirs, ours),
        energy=Energy(0.5, (-100.0, -30.5, -20.0, -25.0, -40.0, -60.0, -33.0, -100.0)),
        embedding_map=EmbeddingMap(((1e-6, None, 2e-5), (None, None, 0.0))),
        merges=Merges((0.2, 0.55, 0.9), (0.2, 0.5, 0.9), 0.6),
        elbo=Elbo((-20.0, -10.0, -9.0), (-21.0, -10.0)),
        margins=(
            Margin(
                "ahc",
                "merge above or below the cut",
                0.05,
                "distance",
                "merge 1",
                3,
                0,
                False,
                0.05,
                1.0,
                0.8,
                "merge 2",
            ),
            Margin("reconstruction", "most active speakers", None, "chunks", "", 4, 4, True),
        ),
        noise={"embeddings": Noise(1.1e-5, 1e-6, 0), "count": Noise(None, None, 0)},
        stability={
            "embeddings": noisy(20, (0.0, 0.1), 1e-4),
            "fbank": noisy(0, (None, None), None, why="too long"),
        },
        truth={
            "fbank": Standing(100, 2e-5, 1e-6, 4e-4, 5e-5, 0.02),
            "embeddings": Standing(12, 9e-4, 2e-4, 2e-6, 5e-7, 400.0),
        },
    )


def noisy(draws: int, changed: tuple, first_change: float | None, why: str | None = None) -> dict:
    sizes = (1e-5, 1e-4)
    return {"draws": draws, "sizes": sizes, "changed": changed, "first_change": first_change, "why": why}


def difference() -> Difference:
    """A filterbank cast to float16."""
    want = np.random.default_rng(0).standard_normal((2, 40, 80)).astype(np.float32)
    found = describe("fbank", want.astype(np.float16).astype(np.float32), want)
    assert found is not None
    return found


def explanation(name: str = "bad") -> Explanation:
    """Born in fbank, decided by embeddings, carried by one element."""
    amplification = Amplification("embeddings", 1e-4, 2e-2, 2e-2, 1e-9, 200.0)
    worst = {"isolated": 1e-4, "cascaded": 0.5, "isolated_ratio": 0.5, "cascaded_ratio": float("inf")}
    whole, nothing = Recovery(1.0, 1.0, None, 1.0), Recovery(0.0, -0.5, None, 0.0)
    element = Element((1, 2), "chunk 1, speaker 2, at 1.0 s", 1.0, 11.0, ("SPEAKER_01",), 0.5)
    return Explanation(
        fixture=name,
        implementation="mine",
        answer_changed=True,
        stages=(
            StageVerdict("fbank", BORN, "fbank", where="chunk 0", **worst),
            StageVerdict(
                "embeddings", INHERITED, "embeddings", uncompared=("fbank",), amplification=amplification, **worst
            ),
        ),
        named=("fbank",),
        stand_ins=("fbank",),
        patches=(
            Patch(INTO_CANDIDATE, ("fbank",), False, False, nothing, 0.25, 2),
            Patch(INTO_CANDIDATE, ("embeddings",), False, True, whole, 0.0, 2),
            Patch(INTO_CANDIDATE, ("fbank", "embeddings"), True, True, whole, 0.0, 2),
            Patch(INTO_REFERENCE, ("embeddings",), False, False, nothing, 0.25, 2),
        ),
        decisive="embeddings",
        differences=(difference(),),
        elements=Elements("embeddings", 5, (element,), (element,), True, 9, 200, 1, "one turn more"),
        layers=(LayerDrift("wespeaker", "conv1", 1e-3, 1e-4, False),),
        network_runs={"trunk": 4},
        seconds=1.5,
    )


def _recorded() -> Recorded:
    """Of a recording captured elsewhere with other weights, whose clip is at hand."""
    drifted = _replay(0.5, AWAY)
    audio = AudioReplay("some-weights", "other weights", False, 4.0, drifted, explanation("b_bad"))
    return Recorded((TENSORS, AUDIO), (), (2, 5), (2, 5), tensors=drifted, audio=audio)


def diagnosis() -> Diagnosis:
    """A mistake that is a value, named in fbank, with one that makes the same, and a picture."""
    left = Left(1e-6, 2e-6)
    same = Mistake("other_window", f"a window called {ODD_NAME}", left)
    value = Parameter("pre-emphasis", 0.95, 0.97, 0.95, 0.95)
    line = np.array([0.0, 1.0, np.nan])
    return Diagnosis(
        stage="fbank",
        judged_by=("fbank",),
        mistake=Mistake("fbank_emphasis", "pre-emphasis 0.95", left, value, (same,)),
        runner_up=Mistake("fbank_hop", "hop 161", Left(0.5, float("inf"))),
        tried=40,
        not_tried=("fbank_odd: no time was left",),
        given="the reference's arrays",
        note="",
        check="In fbank, print the first window",
        kit="README.md, section 5 (fbank)",
        seconds=1.25,
        evidence=Evidence("fbank", f"chunk 0 {ODD_NAME}", (1, 1, 3), 0, line + 0.5, line, line + 0.5),
    )


DECLARATION = Declaration({"fa": 0.3}, {"fa": 0.07}, ("q_final", "diarization"), None, 0.5, {}, (f"fa {ODD_NAME}",))
ACCOUNT = Account(
    {
        "vbx": Cost("vbx", 3, 0.5, 200 << 20),
        "assignment": Cost("assignment", 1, 0.25, None),
    },
    [f"{ODD_NAME}: stage vbx: died of signal 11 (SIGSEGV) before it answered; its server was restarted once"],
)


DECLARATION = Declaration(
    declared={"fa": 0.3, "num_speakers": None, "exclude_overlap": False},
    instead={"fa": 0.07, "num_speakers": 4, "exclude_overlap": True},
    artefacts=("masks", "embeddings"),
    cost=compare_turns(_rttm((0.0, 2.0, "A"), (2.0, 1.0, "B")), _rttm((0.0, 3.0, "A"))),
    seconds=1.5,
    network_chunks={"embeddings": 3},
    unshown=("fa = 0.3 is declared, and q_final is what fa = 0.07 gives",),
)


def results() -> list[FixtureResult]:
    """One fixture at parity, one that drifts and is explained, one with wrong inputs, one in which nobody speaks."""
    human = Human(AWAY, AWAY)
    machine = {"device": "cpu", "threads": 2}
    silent = Details(timeline("", ""), Energy(0.5, (-100.0, -90.0)))
    return [
        FixtureResult("a_good", PARITY, 4.0, 1.0, _replay(1e-6, SAME), human, None, machine, details()),
        FixtureResult(
            "b_bad",
            DRIFT,
            4.0,
            1.0,
            _replay(0.5, AWAY),
            human,
            None,
            machine,
            details(shift=0.25, other=ODD_NAME),
            explanation("b_bad"),
            _recorded(),
            conventions=("cluster numbering",),
            doubts=(f"the dump is suspect: made of clip {ODD_NAME}",),
            notes=("count: shape (9, 1) for (10, 1), and agrees where they overlap",),
            declaration=DECLARATION,
            account=ACCOUNT,
            diagnoses=(diagnosis(),),
            not_diagnosed="in segmentation it takes the clip",
        ),
        FixtureResult("c_wrong", ERROR, error=f"no clip {ODD_NAME}"),
        FixtureResult("d_silent", PARITY, 1.0, 0.5, _replay(0.0, SAME), None, None, machine, silent),
    ]


def example() -> dict[str, Any]:
    """The document of those results, as it is read back from its file."""
    return json.loads(to_json(document(results(), WEIGHTS, 12.5, ODD_NAME)))

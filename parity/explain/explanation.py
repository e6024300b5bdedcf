"""What localisation says of one fixture, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from parity.measure.difference import Difference
from parity.tables import Tabular

WITHIN, BORN, BORN_SMALL, INHERITED = "within", "born", "born within tolerance", "inherited"
UNCLEAR, NOT_COMPARED = "born or inherited", "not compared"
NOT_SUPPLIED = "not supplied (native)"
RAISED = "raises"
TO_BLAME = (BORN, BORN_SMALL, RAISED)
"""Of a stage in which something went wrong that was right before it."""

INTO_CANDIDATE, INTO_REFERENCE = "reference into candidate", "candidate into reference"


@dataclass(frozen=True)
class Amplification:
    """What a stage makes of the drift it is given.

    Attributes
    ----------
    artefact : the worst of those the stage writes
    read : relative drift (L2 of the difference over L2 of the reference) of the worst artefact that it reads
    shown : relative drift of what the candidate wrote, from what the candidate wrote before it
    explained : relative drift of what the native stage makes of the same inputs: conditioning
    own : relative difference of the candidate's output from the native stage's on the same inputs: the candidate's own
    gain : explained / read; None where nothing drifted upstream
    """

    artefact: str
    read: float
    shown: float
    explained: float
    own: float
    gain: float | None


@dataclass(frozen=True)
class StageVerdict:
    """One stage: is what it wrote within tolerance, and if not, whose fault is it.

    Attributes
    ----------
    verdict : `within`, `born`, `inherited`; `born within tolerance` where what the stage wrote is within its own
        tolerance and yet puts a later one out; `born or inherited` where an input was not compared; `not compared`;
        `raises` where it raised though what it was given was right, `where` then says what;
        `not supplied (native)` where a port left arrays and none of this stage's
    artefact : the worst artefact it writes
    isolated, cascaded : its drift on the reference's inputs and on the candidate's own (max abs, or elements that
        differ where `unit` says so); None where not compared
    isolated_ratio, cascaded_ratio : the same in units of the tolerance; infinite where elements differ that must not
    noise_ratio : cascaded drift in units of what the reference itself moves under benign changes; None where unknown
    unit : `max abs` or `elements`
    where : the worst element in words
    uncompared : artefacts it reads that the snapshot lacks, or holds for some chunks only
    unsupplied : where drift is born in an array: the stages before it that the port did not supply, one of which may
        be the one that went wrong
    """

    stage: str
    verdict: str
    artefact: str | None = None
    isolated: float | None = None
    cascaded: float | None = None
    isolated_ratio: float | None = None
    cascaded_ratio: float | None = None
    noise_ratio: float | None = None
    unit: str = "max abs"
    where: str = ""
    uncompared: tuple[str, ...] = ()
    amplification: Amplification | None = None
    unsupplied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recovery:
    """How much of the way back to the reference a patch goes: 1 all of it, 0 nothing, below 0 further away.

    None where the candidate was not away to begin with, or the two cannot be compared.
    """

    frames: float | None
    responsibilities: float | None
    speakers: float | None
    der: float | None


@dataclass(frozen=True)
class TokenRecovery:
    """The same of the answer of an RNN-T search: by the edit distance of its tokens and their frames."""

    tokens: float | None


@dataclass(frozen=True)
class Patch:
    """One patched run.

    Attributes
    ----------
    direction : the reference's values into the candidate's cascade, or the other way round
    stages : whose outputs were replaced
    prefix : whether those are all stages up to one
    restored : whether the answer is the reference's (both RTTMs, line for line); for the other direction, whether it
        still is
    recovery : graded; for `candidate into reference` it says how much of the candidate's error came along (0 none,
        1 all of it)
    der, speakers : of the patched run's plain output; None where the answer is no diarization
    """

    direction: str
    stages: tuple[str, ...]
    prefix: bool
    restored: bool
    recovery: Recovery | TokenRecovery
    der: float | None
    speakers: int | None


@dataclass(frozen=True)
class Element:
    """One element of the decisive artefact.

    Attributes
    ----------
    index : in the artefact
    where : chunk, speaker, frame in words
    start, end : seconds of audio it speaks of; None where it has none
    speakers : the reference's names of those concerned
    drift : max abs over its numbers
    """

    index: tuple[int, ...]
    where: str
    start: float | None
    end: float | None
    speakers: tuple[str, ...]
    drift: float


@dataclass(frozen=True)
class Elements:
    """The elements of the decisive stage's artefact that decide.

    Attributes
    ----------
    artefact : of the decisive stage
    differing : elements of it that differ at all
    chosen : the smallest set whose patch (the reference's values in the candidate's cascade) restores the answer
    sufficient : the smallest set that, the other way round, brings the very failure into the reference's cascade;
        empty where even all of them bring another one
    minimal : whether no element of either set can be left out; False where the budget ended first
    runs, budget : patched runs it took, and could have taken
    unresolved : runs that failed in another way than the candidate does, not counted as the same failure
    signature : the failure, in words
    """

    artefact: str
    differing: int
    chosen: tuple[Element, ...]
    sufficient: tuple[Element, ...]
    minimal: bool
    runs: int
    budget: int
    unresolved: int
    signature: str


@dataclass(frozen=True)
class LayerDrift:
    """One layer of a network on the affected chunks: relative drift (max abs over the layer's own RMS)."""

    network: str
    layer: str
    relative: float
    limit: float
    within: bool


@dataclass(frozen=True)
class Explanation(Tabular):
    """Where drift is born, which stage decides it, which elements carry it.

    Attributes
    ----------
    answer_changed : whether the candidate's RTTMs are not the reference's
    stages : a verdict each, in the pipeline's order
    named : stages where drift is born; empty where nothing is out of tolerance
    stand_ins : artefacts of which the snapshot holds too little to patch with, so that the native stage on the
        reference's inputs stood in
    patches : every patched run, both directions
    decisive : the earliest stage that decides alone, in both directions: the reference's output of it restores the
        answer, and the candidate's own breaks the reference's; None where nothing changed, none does, or arrays cannot
        tell
    interaction : stages that restore it together where none of them does alone
    suspects : of arrays, stages that may be to blame as well, or instead, so that it is *inconclusive*
    settle : what would tell, in words; empty where it is settled
    differences : of the worst artefact of every stage to blame, what it is like
    elements : of the decisive stage's artefact; None where not asked for or nothing changed
    layers : of the networks; empty where not asked for
    network_runs : chunks each network worked on, by name
    seconds : wall time
    """

    fixture: str
    implementation: str
    answer_changed: bool
    stages: tuple[StageVerdict, ...]
    named: tuple[str, ...]
    stand_ins: tuple[str, ...] = ()
    patches: tuple[Patch, ...] = ()
    decisive: str | None = None
    interaction: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    settle: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    elements: Elements | None = None
    layers: tuple[LayerDrift, ...] = ()
    network_runs: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

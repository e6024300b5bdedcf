"""One dump against another: a verdict for every artefact both have, the first to drift, DER, and what is left out.

Of an artefact: *exact*, every bit; *equivalent*, within tolerance, conventions undone, and by which; or *different*.
Of the recording: one word of `parity.measure.verdicts`, and what had to be compared and was not.
Tolerances are those of a cascade (`parity.measure.tolerances`), whatever made the candidate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.errors import InputError, first_of
from parity.fixtures.snapshot import CHUNK_STEP, Snapshot
from parity.fixtures.standing import Standing, no_worse, standings_beside
from parity.measure import verdicts
from parity.measure.difference import Difference, describe
from parity.measure.drift import Drift, compare
from parity.measure.gaps import LOGITS, with_other_chunks, with_others
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.pipeline.stage import ChunkSeries
from parity.ports.dump.aligned import Aligned
from parity.ports.dump.checks import check_dump
from parity.ports.dump.conventions import align
from parity.ports.dump.declaration import Declaration
from parity.ports.dump.doubts import doubts
from parity.ports.dump.heard import as_heard
from parity.ports.dump.margins import Headroom, find_headroom
from parity.ports.dump.origin import origin_lines
from parity.ports.dump.overlap import overlap
from parity.ports.dump.probes import explain_array, explain_turns
from parity.ports.dump.reading import Dump
from parity.ports.dump.rttm import check_rttm, may_be_scored
from parity.ports.dump.turns import TurnDifference, compare_turns
from parity.replay.engine import CASCADED
from parity.replay.outcome import excuses, near_tie_flips
from parity.tables import Tabular

EXACT, EQUIVALENT, DIFFERENT = "exact", "equivalent", "different"
"""Of one artefact; those of a whole recording are `parity.measure.verdicts`."""

PARTLY_SEEN, UNTOLD = "partly seen", "untold"
"""Of one artefact of a fingerprint: what was seen of it agrees; it differs, and a convention may be all there is."""

STANDS_IN = "not in form, so native code stands in for it"
"""Of an array of a shape that no stage may have made, where arrays are put in place of stages."""


@dataclass(frozen=True)
class Compared:
    """One artefact.

    Attributes
    ----------
    verdict : `exact`, `equivalent` or `different`; of a fingerprint's also `partly seen` and `untold`
    by : conventions and roundings that make it equivalent, or that were undone before it was found different
    drift : the numbers; None for RTTM
    looks_like : the one mistake that explains a gross mismatch
    note : what is remarkable about a difference
    """

    name: str
    stage: str
    verdict: str
    by: tuple[str, ...]
    drift: Drift | None = None
    looks_like: str | None = None
    note: str = ""


@dataclass(frozen=True)
class DumpComparison(Tabular):
    """One recording.

    Attributes
    ----------
    artefacts : in the pipeline's order
    turns : RTTM artefact -> what they have in common
    left_out : artefacts that only the reference has
    extra : artefacts that only the candidate has
    headroom : how close the reference's decisions are to flipping, given this drift
    aligned : both sides under one numbering
    origin : what made both, and what else is different about them, as their manifests say; one line each
    form : what `parity validate` finds wrong with the candidate, one line each
    lacking : artefacts that had to be compared and were not
    doubts : what has to be cleared up before a difference says anything of the port
    declaration : a deviation on purpose that the candidate was judged with; None where it declares none
    seen : of a fingerprint, how much was compared, in words; else empty
    difference : of the first array that is different, what it is like; None where nothing is, or it has another shape
    truth : artefact -> how both sides stand against the truth beside the reference; None where there is none
    """

    name: str
    artefacts: tuple[Compared, ...]
    turns: dict[str, TurnDifference]
    left_out: tuple[str, ...]
    extra: tuple[str, ...]
    headroom: Headroom
    aligned: Aligned
    origin: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    declaration: Declaration | None = None
    seen: str = ""
    difference: Difference | None = None
    truth: Mapping[str, Standing] | None = None

    @property
    def first_drift(self) -> Compared | None:
        """The first artefact, in the pipeline's order, that is different."""
        return next((found for found in self.artefacts if found.verdict == DIFFERENT), None)

    @property
    def conventions(self) -> tuple[str, ...]:
        """What was undone before it was compared, each once, in words."""
        undone = [words for found in self.artefacts for words in self.aligned.by.get(found.name, ())]
        return tuple(dict.fromkeys([*undone, *(words for turns in self.turns.values() for words in turns.by)]))

    @property
    def verdict(self) -> str:
        """One word for the recording, of `parity.measure.verdicts`."""
        if self.first_drift is not None:
            return verdicts.INCONCLUSIVE if self.doubts else self._of_drift()
        if self.form:
            return verdicts.ERROR
        words = {found.verdict for found in self.artefacts}
        if UNTOLD in words:
            return verdicts.INCONCLUSIVE
        if self.lacking or PARTLY_SEEN in words:
            return verdicts.LIMITED
        if self.declaration is not None:
            return verdicts.DECLARED
        return verdicts.EQUIVALENT if self.conventions else verdicts.PARITY

    def _of_drift(self) -> str:
        different = [found for found in self.artefacts if found.verdict == DIFFERENT]
        drifts = [found.drift for found in different if found.drift is not None]
        if self.form or len(drifts) < len(different) or not no_worse(drifts, self.truth):
            return verdicts.DRIFT
        return verdicts.LIMITED if self.lacking else verdicts.NO_WORSE


def compare_dumps(name: str, reference: Dump, candidate: Dump, required: tuple[str, ...] = ()) -> DumpComparison:
    """Compare two dumps of one recording.

    Parameters
    ----------
    required : artefacts that have to be compared, or `all`; the answer where nothing is named

    Raises
    ------
    InputError : one of them could not be read whole, or they have no artefact in common
    """
    with np.errstate(all="ignore"):  # what a port wrote may be infinite or NaN, and is compared all the same
        return _compare(name, as_heard(reference, candidate), candidate, required)


def _compare(name: str, reference: Dump, candidate: Dump, required: tuple[str, ...]) -> DumpComparison:
    for dump in (reference, candidate):
        _readable(dump)
    common = [n for n in ARTEFACTS if n in reference.values and n in candidate.values]
    if not common:
        raise InputError(
            f"{candidate.folder}: nothing to compare: it holds {', '.join(candidate.values) or 'nothing'}, "
            f"{reference.folder} holds {', '.join(reference.values) or 'nothing'}"
        )
    aligned = align(reference, candidate)
    allowed = _excused(reference, candidate, aligned)
    turns = {n: _turns(n, reference, candidate) for n in common if ARTEFACTS[n].dtype == "text"}
    found = [
        _compared_turns(n, turns[n])
        if n in turns
        else _with_other_chunks(
            _compared(n, aligned, candidate.values[n], allowed.get(n), reference.chunk_step),
            aligned,
            candidate,
            reference.chunk_step,
        )
        for n in common
    ]
    first = next((entry for entry in found if entry.verdict == DIFFERENT), None)
    return DumpComparison(
        name=name,
        artefacts=tuple(found),
        turns=turns,
        left_out=tuple(n for n in ARTEFACTS if n in reference.values and n not in candidate.values),
        extra=tuple(n for n in ARTEFACTS if n in candidate.values and n not in reference.values),
        headroom=find_headroom(reference, candidate, aligned),
        aligned=aligned,
        origin=origin_lines(reference.manifest, candidate.manifest),
        form=tuple(check_dump(candidate)[0]),
        lacking=verdicts.lacking(common, [n for n in ARTEFACTS if n in reference.values], required),
        doubts=()
        if first is None
        else doubts(
            reference,
            candidate,
            aligned,
            first.name,
            explained=first.looks_like is not None,
            mismatches=0 if first.drift is None else first.drift.mismatches,
        ),
        difference=None if first is None or first.name in turns else _difference(first, aligned),
        truth=standings_beside(reference.folder, aligned.got, aligned.want, aligned.chunks),
    )


def _difference(first: Compared, aligned: Aligned) -> Difference | None:
    if first.drift is not None and first.drift.elsewhere:
        return None
    name, masks = first.name, aligned.want.get("masks")
    return describe(name, aligned.got[name], aligned.want[name], chunks=aligned.chunks.get(name), masks=masks)


def _readable(dump: Dump) -> None:
    if dump.problems:
        raise InputError(first_of(dump.problems))


def _excused(reference: Dump, candidate: Dump, aligned: Aligned) -> dict[str, np.ndarray]:
    """Elements that may differ because the reference's own choice there is noise."""
    if not aligned.both("segmentations") or aligned.gap is None:
        return {}
    companions = {("segmentations.npz", "segmentation_gap"): aligned.gap}
    values = {n: v for n, v in aligned.want.items() if n not in aligned.cropped or n in ("segmentations", "masks")}
    companions[CHUNK_STEP] = np.array(reference.chunk_step)
    snapshot = Snapshot(reference.folder, {}, values, aligned.chunks, companions)
    series, logits = None, candidate.values.get(LOGITS)
    if logits is not None and logits.ndim == 3 and len(candidate.chunks(LOGITS)) == len(logits):
        # The gap is the same in any order of speakers.
        series = ChunkSeries.recorded(candidate.chunks(LOGITS), logits)
    return excuses(near_tie_flips(aligned.got["segmentations"], snapshot, series), snapshot)


def _compared(name: str, aligned: Aligned, raw: np.ndarray, excused: np.ndarray | None, step: float) -> Compared:
    artefact, want, got = ARTEFACTS[name], aligned.want[name], aligned.got[name]
    by = list(aligned.by.get(name, ()))
    if got.dtype.kind not in "biuf" or want.dtype.kind not in "biuf":
        raise InputError(f"{name}: {got.dtype} cannot be compared with {want.dtype}")
    chunks = aligned.chunks.get(name)
    if (part := overlap(name, got, want, step)) is not None:
        return _in_part(
            name, by, part, drift=_drift(name, *part[:2], chunks, None, step), shapes=(got.shape, want.shape)
        )
    drift = _drift(name, got, want, chunks, excused, step)
    if got.dtype == want.dtype and not by and _equal(got, want):
        return Compared(name, artefact.stage, EXACT, (), drift)
    if got.dtype != want.dtype:
        by.append(f"{got.dtype} for {want.dtype}")
    if drift.within or _rounded_to_float32(got, want, drift):
        if drift.max_abs > 0:
            by.append(f"rounding, {drift.max_abs:.1e} where {drift.tolerance:.0e} is allowed")
        if drift.excused:
            by.append(f"{drift.excused} elements in frames that the reference itself hardly decides")
        return Compared(name, artefact.stage, EQUIVALENT, tuple(by), drift)
    looks_like = explain_array(name, raw if raw.shape != want.shape else got, want)
    note = aligned.numbering.get(name) or _note(name, got, want)
    return Compared(name, artefact.stage, DIFFERENT, tuple(by), drift, looks_like, note)


def _with_other_chunks(found: Compared, aligned: Aligned, candidate: Dump, step: float) -> Compared:
    """Log-probabilities that are right in recorded chunks, with those of which the reference keeps the gap alone."""
    if found.name != LOGITS or found.drift is None or found.verdict == DIFFERENT or aligned.gap is None:
        return found
    recorded = aligned.chunks.get(LOGITS)
    if recorded is None:
        return found
    logits, chunks = with_others(aligned.got[LOGITS], recorded, candidate.values[LOGITS], candidate.chunks(LOGITS))
    drift = with_other_chunks(found.drift, logits, chunks, aligned.gap, recorded, step)
    return found if drift.within else replace(found, verdict=DIFFERENT, drift=drift)


def _in_part(
    name: str, by: list[str], part: tuple[Any, Any, str], drift: Drift, shapes: tuple[tuple[int, ...], ...]
) -> Compared:
    """An array of another length: different, and how far it is where both sides have it."""
    got, want, words = part
    ours, theirs = ("(" + ", ".join(map(str, shape)) + ")" for shape in shapes)
    agrees = "agrees" if drift.within else "differs too"
    note = f"shape {ours} for {theirs}, and {agrees} where they overlap; {words}"
    looks_like = None if drift.within else explain_array(name, got, want)
    return Compared(name, ARTEFACTS[name].stage, DIFFERENT, tuple(by), replace(drift, within=False), looks_like, note)


def _drift(
    name: str,
    got: np.ndarray,
    want: np.ndarray,
    chunks: np.ndarray | None,
    excused: np.ndarray | None,
    step: float,
) -> Drift:
    if excused is not None and excused.shape != want.shape:
        excused = None
    if got.dtype == bool:
        got = got.astype(want.dtype)
    return compare(name, got, want, mode=CASCADED, chunks=chunks, excused=excused, step=step)


def _equal(got: np.ndarray, want: np.ndarray) -> bool:
    return np.array_equal(got, want, equal_nan=want.dtype.kind == "f")


def _rounded_to_float32(got: np.ndarray, want: np.ndarray, drift: Drift) -> bool:
    """Whether what is between them is float32 instead of float64: at most a unit in the last place of the largest."""
    if not (got.dtype == np.float32 and want.dtype == np.float64) or drift.mismatches or got.shape != want.shape:
        return False
    largest = np.nanmax(np.abs(want), initial=0.0)
    return bool(drift.max_abs <= np.spacing(np.float32(largest)))


def _note(name: str, got: np.ndarray, want: np.ndarray) -> str:
    if got.shape != want.shape or ARTEFACTS[name].comparison not in (Comparison.LABELS, Comparison.PARTITION):
        return ""
    if name not in ("ahc_clusters", "kmeans_clusters", "hard_clusters"):
        return ""
    ours, theirs = (len(np.unique(labels[labels >= 0])) for labels in (got, want))
    return f"{ours} clusters on both sides, of other members" if ours == theirs else f"{ours} clusters for {theirs}"


def _turns(name: str, reference: Dump, candidate: Dump) -> TurnDifference:
    for dump in (reference, candidate):
        problems = check_rttm(dump.places[name], dump.values[name])
        if bad := [problem for problem in problems if not may_be_scored(problem)]:
            raise InputError(bad[0])
    return compare_turns(reference.values[name], candidate.values[name])


def _compared_turns(name: str, found: TurnDifference) -> Compared:
    stage = ARTEFACTS[name].stage
    if found.same:
        return Compared(name, stage, EQUIVALENT if found.by else EXACT, found.by)
    note = "as many speakers and turns, other ones" if found.same_counts else ""
    return Compared(name, stage, DIFFERENT, (), looks_like=explain_turns(found), note=note)


def unexplained_logits(
    comparison: DumpComparison, reference: Dump, candidate: Dump
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Log-probabilities that differ and resemble no mistake of an array: got, want, and the chunks both have.

    As the candidate wrote them, local speakers in its own order: a mistake inside its network makes them so.
    """
    found = next((entry for entry in comparison.artefacts if entry.name == LOGITS), None)
    if found is None or found.verdict != DIFFERENT or found.looks_like is not None:
        return None
    if found.drift is not None and found.drift.elsewhere:
        return None  # where both sides have them they agree
    got, want = candidate.values[LOGITS], reference.values[LOGITS]
    ours, theirs = candidate.chunks(LOGITS), reference.chunks(LOGITS)
    if got.shape[1:] != want.shape[1:] or (len(ours), len(theirs)) != (len(got), len(want)):
        return None
    chunks, mine, rows = np.intersect1d(ours, theirs, return_indices=True)
    return got[mine], want[rows], chunks


def with_suggestion(comparison: DumpComparison, name: str, words: str | None) -> DumpComparison:
    """The comparison, with what an artefact looks like."""
    artefacts = (replace(found, looks_like=words) if found.name == name else found for found in comparison.artefacts)
    return comparison if words is None else replace(comparison, artefacts=tuple(artefacts))

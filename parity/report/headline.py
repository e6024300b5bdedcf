"""The first line of every report: the verdict, its cause, the next step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parity.explain.explanation import BORN, BORN_SMALL
from parity.measure.verdicts import DECLARED, DRIFT, EQUIVALENT, ERROR, GREEN, INCONCLUSIVE, LIMITED, NO_WORSE, PARITY
from parity.pipeline.artefact import LAYOUTS
from parity.ports.dump.comparison import DIFFERENT, STANDS_IN, UNTOLD
from parity.report.declared import cost_words, declared_words
from parity.report.diagnosis import of_first_line
from parity.report.standing import no_worse_words
from parity.report.wording import capital, either, said

STAGES = tuple(dict.fromkeys(artefact.stage for artefact in LAYOUTS["community-1"].artefacts.values()))
MOST = 3

Found = dict[str, Any]


def of_recording(found: Found) -> str:
    """Of one recording that `parity compare` compared, as its JSON has it."""
    word, compared = found["verdict"], len(found["artefacts"])
    counted = f"{compared} of {compared + len(found['left_out'])} artefacts compared"
    if word == ERROR:
        return said(word, f"Not in form: {_short(found['form'])}", "All of it: parity validate")
    if found["seen"] and word in (LIMITED, INCONCLUSIVE):
        return _of_fingerprint(found)
    if word == LIMITED:
        which = ", ".join(found["lacking"])
        suffices = ",".join(artefact["name"] for artefact in found["artefacts"][:MOST])
        return said(
            word,
            f"{counted}, and they agree; not compared: {which}",
            f"Add {either(found['lacking'])}, or say what suffices, as in --require {suffices}",
        )
    if word == PARITY:
        return said(word, f"{counted}, all within tolerance")
    if word == DECLARED:
        undone = f", by {_short(found['conventions'])}" if found["conventions"] else ""
        return said(word, f"{counted}, all within tolerance{undone}", *of_declaration(found["declaration"]))
    if word == EQUIVALENT:
        return said(f"{word} by {_short(found['conventions'])}", counted)
    if word == NO_WORSE:
        out = [artefact["name"] for artefact in found["artefacts"] if artefact["verdict"] == DIFFERENT]
        return said(word, counted, no_worse_words(found["truth"], out))
    explanation = found["explanation"]
    if word == DRIFT and explanation is not None and explanation["named"]:
        return said(word, *not_shown(found["declaration"]), *_cause(explanation, found["diagnoses"]))
    first = next(artefact for artefact in found["artefacts"] if artefact["name"] == found["first_drift"])
    example = f"Smallest example: {first['where']}" if first["where"] else first["note"]
    named = of_first_line(found["diagnoses"], first["stage"])
    like = "" if named else first["looks_like"]
    cause = f"First to drift: {first['name']}" + (f", {like}" if like else "")
    if word == INCONCLUSIVE:
        return said(word, _short(found["doubts"]), cause, named)
    return said(word, *not_shown(found["declaration"]), cause, named, example, formula(first["stage"]))


def _of_fingerprint(found: Found) -> str:
    """Where what was compared was a fingerprint, of which something was not seen, or cannot be told."""
    untold = [artefact for artefact in found["artefacts"] if artefact["verdict"] == UNTOLD]
    first = f"{untold[0]['name']}: {untold[0]['note']}" if untold else "What was seen agrees"
    lacking = f"Not compared: {', '.join(found['lacking'])}" if found["lacking"] else ""
    return said(found["verdict"], first, f"Seen of {found['seen']}", lacking, "Next: compare the arrays themselves")


def of_comparison(document: Found) -> str:
    """Of all that `parity compare` compared."""
    recordings = document["recordings"]
    if len(recordings) == 1 and not document["errors"] and not document["not_compared"]:
        return of_recording(recordings[0])
    words = dict.fromkeys(recording["verdict"] for recording in recordings)
    counts = {word: [r["name"] for r in recordings if r["verdict"] == word] for word in words}
    parts = [f"{len(names)} {word} ({_short(names)})" for word, names in counts.items()]
    if errors := document["errors"]:
        parts.append(f"{len(errors)} could not be compared ({_short(errors)})")
    if document["not_compared"]:
        parts.append(_short(document["not_compared"]))
    return said(document["verdict"], "; ".join(parts), "Next: the first of them alone" if len(counts) > 1 else "")


def of_explanation(found: Found, verdict: str) -> str:
    """Of one fixture that was localised.

    Parameters
    ----------
    verdict : of `parity.measure.verdicts`, that of its replay
    """
    cause = _cause(found, found.get("diagnoses", ())) if found["named"] else ()
    if verdict == INCONCLUSIVE:
        return said(verdict, _short(found["doubts"]), *cause)
    if verdict == NO_WORSE:
        return said(verdict, no_worse_words(found["truth"], found["truth"] or ()), *_SAME_ANSWER)
    if found["named"]:
        broken = _not_in_form(found["notes"], found["named"][0])
        return said(verdict, *broken, *not_shown(found["declaration"]), *cause)
    if verdict in GREEN:
        return said(verdict, "All is within tolerance, and the answer is the reference's", *_why_green(found))
    if verdict == LIMITED:
        return said(verdict, f"What was supplied agrees; not supplied: {', '.join(found['lacking'])}", *_LESS)
    if verdict == ERROR:
        return said(verdict, _short(found["notes"]), "All of it: parity validate")
    if found["notes"]:
        return said(verdict, *_of_another_length(found["notes"][0]))
    return said(verdict, "Nothing is named as the birthplace", "Next: the table of stages")


def of_run(document: Found) -> str:
    """Of all fixtures that `parity run` replayed."""
    fixtures = document["fixtures"]
    word = document["verdict"]
    counted = f"{sum(fixture['status'] == word for fixture in fixtures)} of {len(fixtures)}"
    first = next((f for f in fixtures if f["status"] == word), None)
    if word in GREEN or first is None:
        at_parity = f"{document['summary']['at_parity']} of {document['summary']['fixtures']} fixtures at parity"
        return said(word, at_parity, *(_why_green(first, first["name"]) if first else ()), not_run(document))
    if word == ERROR:
        return said(word, f"{counted} fixtures: {first['name']}: {first['error']}")
    where = f"{counted} fixtures: {first['name']}"
    if word == NO_WORSE:
        out = [row["artefact"] for row in first["artefacts"] if not row["within"]]
        return said(word, where, no_worse_words(first["truth"], out), *_SAME_ANSWER)
    if word == LIMITED:
        return said(word, f"{where}: not supplied: {', '.join(first['lacking'])}", *_LESS)
    declared = not_shown(first["declaration"])
    if first["explanation"] is not None and first["explanation"]["named"]:
        doubts = (_short(first["doubts"]),) if word == INCONCLUSIVE else ()
        broken = _not_in_form(first["notes"], first["explanation"]["named"][0])
        return said(word, where, *doubts, *broken, *declared, *_cause(first["explanation"], first["diagnoses"]))
    drift = first["first_drift"]
    if broken := _not_in_form(first["notes"], drift["stage"] if drift else STAGES[-1]):
        return said(word, where, *broken, *declared, *_formula_of(first["notes"]))
    if drift is None and first["notes"]:
        cause, *rest = _of_another_length(first["notes"][0])
        return said(word, f"{where}: {cause}", *declared, *rest)
    cause = f"{drift['artefact']}, {drift['mode']}" if drift else _short(first["problems"])
    if word == INCONCLUSIVE:
        return said(word, f"{where}: {_short(first['doubts'])}", f"First to drift: {cause}")
    example = f"Smallest example: {drift['where']}" if drift and drift["where"] else ""
    named = of_first_line(first["diagnoses"], drift["stage"]) if drift else ""
    return said(word, f"{where}: {cause}", *declared, named, example, f"Next: {_next_command(first)}")


def _next_command(fixture: Found) -> str:
    """What explains it: with the port's own arrays or code in it where a diagnosis has the command."""
    known = (entry["confirm"] for entry in fixture["diagnoses"] or () if entry["confirm"].startswith("parity explain"))
    return next(known, f"parity explain {fixture['name']}")


_SAME_ANSWER = ("The answer is the reference's",)
_LESS = ("Add one of them, or say what suffices with --require",)


def _of_another_length(note: str) -> tuple[str, str, str]:
    """Of an array that agrees where both sides have it, or is out of form: the words of `compare`."""
    name, _, words = note.partition(": ")
    artefact = LAYOUTS["community-1"].artefacts.get(name)
    if artefact is None:  # a file out of form, of which nothing could be compared
        return capital(note), "All of it: parity validate", ""
    return f"First to drift: {name}", words, formula(artefact.stage)


def _not_in_form(notes: Iterable[str], stage: str) -> tuple[str, ...]:
    """The first array that could not be put in place, where it is no later than a stage: it is what drifts first."""
    for note in notes:
        artefact = LAYOUTS["community-1"].artefacts.get(note.partition(":")[0])
        if artefact is not None and note.endswith(STANDS_IN) and _at(artefact.stage) <= _at(stage):
            return (f"First to drift: {note}",)
    return ()


def _at(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _formula_of(notes: Iterable[str]) -> tuple[str, ...]:
    name = next(note.partition(":")[0] for note in notes if note.endswith(STANDS_IN))
    return (formula(LAYOUTS["community-1"].artefacts[name].stage),)


def _why_green(found: Found, name: str = "") -> tuple[str, ...]:
    """What had to be undone, or was declared, before it was the same."""
    of = f"{name}: " if name else ""
    same = capital(f"{of}the same by {_short(found['conventions'])}") if found["conventions"] else ""
    if found["declaration"] is None:
        return (same,)
    declared, cost = of_declaration(found["declaration"])
    return (f"{of}{declared}", cost, same)


def not_run(document: Found) -> str:
    """What of a run came from the cache though nothing but the native pipeline was under test; else nothing."""
    stages = from_cache(document)
    if not stages or document["implementation"]["name"] != "native":
        return ""
    return f"Not run, but taken from the cache: {', '.join(stages)}; --fresh computes everything"


def from_cache(document: Found) -> list[str]:
    """Native stages of which something came from the cache, in any fixture of a run; in the pipeline's order."""
    found = {stage for fixture in document["fixtures"] for stage in fixture["not_run"]}
    return [stage for stage in STAGES if stage in found]


def of_declaration(found: Found) -> tuple[str, str]:
    """What is declared, and what it costs."""
    return f"Declared: {declared_words(found)}", capital(cost_words(found))


def not_shown(found: Found | None) -> tuple[str, ...]:
    """Of a dump that differs from what it declares: what is declared, and what of it is not there."""
    if found is None:
        return ()
    shown = () if not found["not_shown"] else (_short(found["not_shown"]),)
    return (f"Also with what is declared ({declared_words(found)})", *shown)


def formula(stage: str) -> str:
    """Where a stage's formula stands."""
    return f"Formula: kit, stage {STAGES.index(stage) + 1}" if stage in STAGES else ""


def _cause(found: Found, diagnoses: Iterable[Found] = ()) -> tuple[str, ...]:
    """What broke, which mistake it is where that is known, the smallest example, and where its formula stands."""
    stages = {stage["stage"]: stage for stage in found["stages"]}
    named = [stages[name] for name in found["named"]]
    first = named[0]
    how = {BORN: _on_what(first), BORN_SMALL: ", within its own tolerance, and what comes after it is not"}
    cause = f"Broken: {' and '.join(stage['stage'] for stage in named)}{how.get(first['verdict'], '')}"
    if first["unsupplied"]:
        cause += f"; or before it {either(first['unsupplied'])}, of which nothing was supplied"
    mistake = of_first_line(diagnoses, first["stage"])
    return cause, mistake, _example(found, first), formula(first["stage"])


def _on_what(stage: Found) -> str:
    if stage["isolated"] is not None:
        return ", on the reference's own inputs"
    return ", whose array is not what its inputs give"


def _example(found: Found, stage: Found) -> str:
    elements = found["elements"]
    chosen = (elements["sufficient"] or elements["chosen"]) if elements and found["decisive"] == stage["stage"] else ()
    where = chosen[0]["where"] if chosen else stage["where"]
    return f"Smallest example: {where}" if where else ""


def _short(words: Iterable[str]) -> str:
    listed = list(words)
    more = f" and {len(listed) - MOST} more" if len(listed) > MOST else ""
    return "; ".join(listed[:MOST]) + more

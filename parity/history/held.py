"""The gate of a build server: what fails, given what is accepted and what an earlier report had.

The verdict of a report stays what it is; what is held against the port is another question, and is answered beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from parity.history.accepted import Accepted
from parity.history.baseline import Worse, worse_than
from parity.history.cases import Case, Judged, judged_in
from parity.measure.verdicts import DRIFT, ERROR


@dataclass(frozen=True)
class Held:
    """What a report is held to.

    Attributes
    ----------
    failures : what fails: everything that is out of tolerance and not accepted; with a baseline, what is worse than it
    accepted : recording, case, and what accepts it
    expired : what would be accepted, had its day not passed
    unused : what accepts nothing here, and may go
    kept : what is out of tolerance as it was in the baseline, or less
    status : 0 nothing fails, 1 something does, 2 inputs were wrong
    """

    failures: tuple[Worse, ...]
    accepted: tuple[tuple[str, Case, Accepted], ...]
    expired: tuple[Accepted, ...]
    unused: tuple[Accepted, ...]
    kept: tuple[tuple[str, Case], ...]
    status: int

    def failing(self, recording: str) -> tuple[Worse, ...]:
        """What fails of one recording."""
        return tuple(worse for worse in self.failures if worse.recording == recording)


def held(
    document: Mapping[str, Any],
    baseline: Mapping[str, Any] | None = None,
    accepted: Iterable[Accepted] = (),
    today: date | None = None,
) -> Held:
    """Hold a report of `parity run` or `parity compare` to what is accepted and to an earlier report.

    Parameters
    ----------
    document : the report's JSON
    baseline : the earlier report's, of the same command; None: everything out of tolerance fails
    accepted : of `parity.toml`
    today : what dates are compared with
    """
    now, entries, day = judged_in(document), tuple(accepted), today or date.today()
    covered = [(j, case, entry) for j in now for case in j.drifting for entry in entries if entry.covers(j, case)]
    valid = [(j.name, case, entry) for j, case, entry in covered if entry.until >= day]
    expired = tuple(dict.fromkeys(entry for _, _, entry in covered if entry.until < day))
    known = {(name, case.key) for name, case, _ in valid}
    all_worse = _everything(now) if baseline is None else worse_than(judged_in(baseline), now)
    failures = tuple(w for w in all_worse if w.case is None or (w.recording, w.case.key) not in known)
    failures += tuple(Worse("", None, f"accepted no longer: {entry.words}") for entry in expired)
    failing = {(w.recording, w.case.key) for w in failures if w.case is not None}
    kept = [(j.name, c) for j in now for c in j.drifting if (j.name, c.key) not in known | failing] if baseline else []
    return Held(
        failures=failures,
        accepted=tuple(valid),
        expired=expired,
        unused=tuple(entry for entry in entries if entry not in {entry for _, _, entry in covered}),
        kept=tuple(kept),
        status=2 if any(j.verdict == ERROR for j in now) else 1 if failures else 0,
    )


def _everything(now: Iterable[Judged]) -> tuple[Worse, ...]:
    found: list[Worse] = []
    for judged in now:
        if not judged.failed:
            continue
        found += (Worse(judged.name, case, f"{case.named}: {case.size}") for case in judged.drifting)
        if judged.verdict != DRIFT or not judged.drifting:
            said = f"{judged.verdict}: {judged.why[0]}" if judged.why else judged.verdict
            found.append(Worse(judged.name, None, said))
    return tuple(found)

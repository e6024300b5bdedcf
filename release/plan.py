"""The steps of a release, in their order; each is a function of its own, and done once for a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files.machine import cpu_model
from parity.fixtures.catalogue import Catalogue
from release import captures, checks, packages
from release.log import Found, Log
from release.publish import last_before
from release.running import Place
from release.tree import git


@dataclass(frozen=True)
class Asked:
    """What a release is asked for; a whole one is asked for nothing but the defaults.

    Attributes
    ----------
    tests : paths of tests; empty: all
    fixtures : of the main job; empty: all
    captures : to be captured again; empty: all
    calibrate_on : fixtures that faults are planted on; empty: those that `parity calibrate` tries
    bench_on : clips of the short bench
    fuzz_inputs : bad inputs, shared out over the readers
    install_with : the fixture that is run from the installed wheel
    without : steps that are left out, by name
    """

    tests: tuple[str, ...] = ()
    fixtures: tuple[str, ...] = ()
    captures: tuple[str, ...] = ()
    calibrate_on: tuple[str, ...] = ()
    bench_on: tuple[str, ...] = ("02_pyannote_sample", "14_partial_tail")
    fuzz_inputs: int = 5000
    install_with: str = "14_partial_tail"
    without: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether that is less than a release needs; where faults are planted is said beside what they found."""
        less = (self.tests, self.fixtures, self.captures, self.without)
        return any(less) or self.fuzz_inputs < Asked.fuzz_inputs


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes
    ----------
    name : in the log
    work : what it does
    of : what it was asked; with another answer it is done again
    """

    name: str
    work: Callable[[], Found]
    of: Any = None


def steps(place: Place, version: str, asked: Asked) -> list[Step]:
    """The release, as a table of contents.

    Raises
    ------
    InputError : a step is to be left out that there is not
    """
    catalogue = Catalogue.read(place.root / "fixtures")
    names = [entry.name for entry in catalogue.select(list(asked.captures))]
    last = last_before(place.root / "reports", version)
    found = [
        Step("tests", lambda: checks.tests(place, list(asked.tests)), asked.tests),
        Step("parity", lambda: checks.main_job(place, list(asked.fixtures)), asked.fixtures),
        *(_capture(place, name) for name in names),
        Step("calibration", lambda: checks.calibration(place, last, list(asked.calibrate_on)), asked.calibrate_on),
        Step("bench", lambda: checks.bench(place, list(asked.bench_on)), asked.bench_on),
        Step("fuzz", lambda: checks.fuzz(place, asked.fuzz_inputs), asked.fuzz_inputs),
        Step("build", lambda: packages.build(place, version, git(place.root, "log", "-1", "--format=%ct"))),
        Step("install", lambda: packages.install(place, version, asked.install_with), asked.install_with),
        Step("sbom", lambda: packages.bill(place)),
    ]
    kinds = {step.name.partition(" ")[0] for step in found}
    if unknown := sorted(set(asked.without) - kinds):
        raise InputError(f"--without {', '.join(unknown)}: no such step; there are {', '.join(sorted(kinds))}")
    return [step for step in found if step.name.partition(" ")[0] not in asked.without]


def _capture(place: Place, name: str) -> Step:
    return Step(f"capture {name}", lambda: captures.check_capture(place, place.root / "fixtures", name))


def carry_out(planned: Iterable[Step], log: Log, say: Callable[[str], None]) -> Mapping[str, Found]:
    """Do what is not done yet, one step after the other; what each found.

    Raises
    ------
    Stopped : a step found something that no release may have; the steps before it are kept
    """
    return {step.name: log.run(step.name, step.work, say, of=step.of) for step in planned}


def described(asked: Asked, place: Place) -> dict[str, Any]:
    """What was asked, and on what, for the log."""
    return {**asdict(asked), "processor": cpu_model(), "python": Path(place.python).name}

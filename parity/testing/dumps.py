"""A port's arrays of one fixture in a folder of their own, and the assertion that they are the reference's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parity.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from parity.fixtures import Fixture


@dataclass(frozen=True)
class PortDump:
    """Where a port leaves what it made of one fixture.

    Attributes
    ----------
    fixture : which recording
    folder : empty at first, and named after it; arrays as `<artefact>.npy`, the answer as `diarization.rttm`
    """

    fixture: Fixture
    folder: Path

    @property
    def clip(self) -> Path:
        """The recording's WAV; it is made, or fetched, where it is not in the cache. InputError where it cannot be."""
        return self.fixture.clip()

    def write(self, artefact: str, array: np.ndarray) -> None:
        """Leave an array; `parity stages` says its dims and dtype. InputError where there is no such artefact."""
        import numpy as np

        from parity.pipeline.artefact import ARTEFACTS

        if artefact not in ARTEFACTS:
            raise InputError(f"{artefact}: no artefact; there are: {', '.join(ARTEFACTS)}")
        np.save(self.folder / f"{artefact}.npy", array, allow_pickle=False)

    def write_rttm(self, text: str) -> None:
        """Leave the answer, as RTTM."""
        (self.folder / "diarization.rttm").write_text(text, encoding="utf-8")

    def __fspath__(self) -> str:
        """Its folder, wherever a path is taken."""
        return fspath(self.folder)


def assert_parity(
    dump: PortDump | str | PathLike[str],
    fixture: str | None = None,
    *,
    require: Iterable[str] = (),
    deviations: str | PathLike[str] | None = None,
) -> None:
    """Fail unless what a port left is the reference's, the same under conventions that are undone, or as good.

    Parameters
    ----------
    dump : a port's folder, as the plugin makes it or any other
    fixture : its name, or the beginning of one; the dump's own by default
    require : artefacts that have to be compared, or `all`; the answer where nothing is named
    deviations : a file that declares what is done otherwise on purpose, where the dump holds none

    Raises
    ------
    AssertionError : the verdict is none that passes; the message is what `parity compare` prints: verdict, cause, next
        step
    InputError : there is no such fixture, or the dump cannot be read
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    from parity.measure.verdicts import PASSING
    from parity.ports.dump.reading import read_dump
    from parity.ports.judging import Loading, judge
    from parity.report.comparison import comparison_data, in_words
    from parity.report.headline import of_recording
    from parity.sources import DEFAULT_SOURCE

    if fixture is None and not isinstance(dump, PortDump):
        raise InputError(f"{fspath(dump)}: of which fixture? assert_parity(dump, '02')")
    entry = dump.fixture if fixture is None and isinstance(dump, PortDump) else chosen(str(fixture))
    theirs, ours = read_dump(entry.snapshot_folder), read_dump(Path(fspath(dump)))
    judged = judge(
        entry.name,
        theirs,
        ours,
        Loading(DEFAULT_SOURCE, None),
        required=tuple(require),
        deviations=None if deviations is None else Path(fspath(deviations)),
    )
    found: dict[str, Any] = comparison_data(judged.comparison)
    if judged.comparison.verdict not in PASSING:
        raise AssertionError("\n".join([f"{entry.name}: {of_recording(found)}", *in_words(found)]))


def chosen(name: str) -> Fixture:
    """The fixture of that name; InputError where there is none."""
    from parity.fixtures.catalogue import Catalogue, default_folder

    (entry,) = Catalogue.read(default_folder()).select([name])
    return entry

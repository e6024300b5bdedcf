"""How a capture is made: which pyannote.audio, where, on how many threads, with which weights, into which folder."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

from capture.device import CPU, check_tf32
from capture.environment import DEFAULT_THREADS
from parity.errors import InputError
from parity.fixtures.snapshot import REFERENCE_VERSION
from parity.sources import DEFAULT_SOURCE


@dataclass(frozen=True)
class Settings:
    """What is chosen on the command line; the defaults are those of the committed snapshots.

    Attributes
    ----------
    reference_version : of pyannote.audio
    device : `cpu`, `cuda`, `mps`, or one of several as in `cuda:1`
    threads : of torch and BLAS
    weights : as `parity.sources.weights.load_weights` takes it
    out : the folder of snapshots; None for the catalogue's own
    tf32 : on an NVIDIA card, whether products are rounded to TF32, which pyannote.audio turns off
    """

    reference_version: str = REFERENCE_VERSION
    device: str = CPU
    threads: int = DEFAULT_THREADS
    weights: str = DEFAULT_SOURCE
    out: Path | None = None
    tf32: bool = False

    def options(self) -> list[str]:
        """What is not as in the committed snapshots, as command line words; `out` left aside."""
        words = []
        for name in ("reference_version", "device", "threads", "weights"):
            if (value := getattr(self, name)) != getattr(Settings(), name):
                words += [f"--{name.replace('_', '-')}", str(value)]
        return [*words, "--tf32"] if self.tf32 else words

    def command(self, fixture: str) -> str:
        """The command that makes this capture; of a folder outside the working folder only the last name is told."""
        words = ["nox -s capture --", "--fixture", fixture, *self.options()]
        if "--weights" in words:
            words[words.index("--weights") + 1] = _portable(self.weights)
        return " ".join(words + (["--out", _portable(str(self.out))] if self.out else []))

    def check_out(self, committed: Path) -> None:
        """Keep the committed snapshots what they say they are.

        Every port is judged by them and their noise floors: they are pyannote.audio 4.0.4's, on a CPU with two
        threads, with the pinned weights. What was made otherwise goes elsewhere.

        Raises
        ------
        InputError : made otherwise, and no folder is given, or one inside the committed snapshots
        """
        if not (otherwise := self.options()):
            return
        said = " ".join(otherwise)
        if self.out is None:
            raise InputError(
                f"{said}: {committed} holds what every port is judged by, pyannote.audio {REFERENCE_VERSION} on a CPU, "
                f"{DEFAULT_THREADS} threads, pinned weights; give other captures a folder of their own, --out"
            )
        if self.out.resolve().is_relative_to(committed.resolve()):
            raise InputError(
                f"--out {self.out}: lies in {committed}, whose snapshots are made without {said}; choose another folder"
            )


def _portable(path: str) -> str:
    return Path(path).name if Path(path).is_absolute() or path.startswith("~") else path


def check_version_text(version: str, option: str = "--reference-version") -> str:
    """A version of pyannote.audio, as given, if it looks like one; it names a folder and a package to install.

    Raises
    ------
    InputError : it does not
    """
    if not re.fullmatch(r"[0-9]+(\.[0-9]+){1,3}", version):
        raise InputError(f"{option} {version}: not a version of pyannote.audio, such as {REFERENCE_VERSION}")
    return version


def check_installed(wanted: str) -> None:
    """Refuse to capture from another pyannote.audio than the one that is asked for.

    Raises
    ------
    InputError : another one is installed, or none
    """
    check_version_text(wanted)
    how = f"`nox -s capture -- --reference-version {wanted}` makes an environment for that version"
    try:
        installed = importlib.metadata.version("pyannote.audio")
    except importlib.metadata.PackageNotFoundError:
        raise InputError(f"capture needs pyannote.audio {wanted}, and none is installed here; {how}") from None
    if installed != wanted:
        raise InputError(f"pyannote.audio {installed} is installed here, --reference-version is {wanted}; {how}")


def check(settings: Settings, committed: Path, *, writes: bool) -> None:
    """Everything that can be refused without looking at fixtures, weights or what is installed.

    Parameters
    ----------
    committed : where the committed snapshots are
    writes : whether snapshots are written, not only compared

    Raises
    ------
    InputError : no such device or version, or the capture would lie among the committed
    """
    check_tf32(settings.device, settings.tf32)
    check_version_text(settings.reference_version)
    if writes:
        settings.check_out(committed)

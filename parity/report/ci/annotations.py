"""GitHub's annotations: workflow commands (`::error file=…,title=…::…`), one line per failure.

Source of the form: GitHub's documentation, "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from parity.history import Held, Judged

GITHUB = "github"
KINDS = (GITHUB,)


def github_lines(recordings: Iterable[Judged], held: Held, file: str) -> Iterator[str]:
    """One line per failure, one notice per recording that is accepted or kept.

    Parameters
    ----------
    file : what the annotation hangs at: the dump's folder, or the file of accepted drift
    """
    for worse in held.failures:
        stage = f", stage {worse.case.stage}" if worse.case else ""
        where = f" (worst at {worse.case.where})" if worse.case and worse.case.where else ""
        yield _command("error", file, f"{worse.recording or 'accepted drift'}{stage}", f"{worse.words}{where}")
    for name, case, entry in held.accepted:
        yield _command("notice", file, f"{name}, stage {case.stage}", f"accepted: {entry.words}")


def _command(kind: str, file: str, title: str, message: str) -> str:
    return f"::{kind} file={_property(file)},title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

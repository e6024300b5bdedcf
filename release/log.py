"""What was done for a commit, and how long it took: a step that is in the log is not done again.

The log lies in the release's own folder below `reports/latest/`, which nobody commits; a log of another commit is not
gone on from.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files.documents import read_json
from parity.files.whole import write_text

SCHEMA = 1
NAME = "log.json"
Found = dict[str, Any]
"""What a step found: plain data; `said` is its line."""


@dataclass
class Log:
    """Of one commit.

    Attributes
    ----------
    path : where it is kept
    commit : that everything in it was done for
    asked : what was asked of the release beside its version; with another answer a step is done again
    done : step -> what it found, with its `seconds`
    """

    path: Path
    commit: str
    asked: dict[str, Any]
    done: dict[str, Found] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, commit: str, asked: dict[str, Any], *, anew: bool = False) -> Log:
        """The log of a commit; an empty one where there is none.

        What steps left for another commit is removed with its log: a calibration would go on from it.

        Parameters
        ----------
        anew : remove what was done for this commit too

        Raises
        ------
        InputError : it cannot be read
        """
        path = folder / NAME
        try:
            found = read_json(path) if path.exists() else {}
            same = found.get("schema") == SCHEMA and found.get("commit") == commit and not anew
            if not same:
                shutil.rmtree(folder, ignore_errors=True)
            return cls(path, commit, asked, dict(found["done"]) if same else {})
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise InputError(f"{path}: cannot be gone on from ({error}); remove it to begin anew") from error

    def run(self, name: str, work: Callable[[], Found], say: Callable[[str], None], *, of: Any = None) -> Found:
        """What a step found, now or before.

        Parameters
        ----------
        work : the step; what it raises is not kept
        of : what it was asked; it is done again where that was something else
        """
        kept = self.done.get(name)
        if kept is not None and kept["of"] == json.loads(json.dumps(of)):
            say(f"{name}: {kept['said']} (kept, {minutes(kept['seconds'])})")
            return kept
        say(f"{name} …")
        started = time.perf_counter()
        found = work()
        self.done[name] = {**found, "of": of, "seconds": round(time.perf_counter() - started, 1)}
        self.write()
        say(f"{name}: {found['said']} ({minutes(self.done[name]['seconds'])})")
        return self.done[name]

    def write(self) -> None:
        """Keep it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        document = {"schema": SCHEMA, "commit": self.commit, "asked": self.asked, "done": self.done}
        write_text(self.path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Step, minutes, what it said."""
        for name, found in self.done.items():
            yield name, minutes(found["seconds"]), found["said"]


def minutes(seconds: float) -> str:
    """As a person says it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"

"""A program that speaks the contract and answers from a book: rightly, or wrongly in one way of its own.

Run as a script by `parity.ports.check.controls`, so that it starts in a moment: `control_program.py WAY BOOK describe`,
`… stage NAME IN OUT`, `… serve`. A request is known by the contents of its folder IN; the book holds what the reference
wrote for it. It imports nothing of the lab, as no port would.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np

ECHO, PERMUTED, FLOAT16, STALE, SILENT = "echo", "permuted", "float16", "stale", "silent"
STAGES = "stages.json"


def key_of(stage: str, folder: Path) -> str:
    """A request's name: equal where the stage and all files in the folder are."""
    digest = hashlib.sha256(stage.encode())
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Control:
    """One way to answer.

    Parameters
    ----------
    way : `echo`, `permuted`, `float16`, `stale` or `silent`
    book : folder of answers, one folder per request, named by `key_of`
    """

    def __init__(self, way: str, book: Path) -> None:
        self.way, self.book = way, book
        self.before: dict[str, Path] = {}

    def describe(self) -> dict[str, object]:
        """What it says of itself."""
        stages = json.loads((self.book / STAGES).read_text(encoding="utf-8"))
        return {"protocol": 1, "name": self.way, "version": "1", "stages": stages, "serve": True}

    def answer(self, stage: str, into: Path, out: Path) -> None:
        """Write the answer to one request."""
        right = self.book / key_of(stage, into)
        page = self.before.get(stage, right) if self.way == STALE else right
        self.before[stage] = right
        if self.way == SILENT:
            return
        for path in page.iterdir():
            changed = {PERMUTED: permuted, FLOAT16: rounded}.get(self.way)
            if changed is None:
                shutil.copyfile(path, out / path.name)
            else:
                changed(path, out / path.name)


def permuted(source: Path, target: Path) -> None:
    """The same numbers, or lines, in another order: the first two along the first axis that has two."""
    if source.suffix == ".rttm":
        lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
        target.write_text("".join([*lines[1:2], *lines[:1], *lines[2:]]), encoding="utf-8")
        return
    array = np.load(source, allow_pickle=False)
    axis = next((axis for axis, length in enumerate(array.shape) if length > 1), 0)
    np.save(target, np.roll(array, 1, axis=axis), allow_pickle=False)


def rounded(source: Path, target: Path) -> None:
    """Numbers as half precision keeps them; whole numbers and lines as they are."""
    if source.suffix == ".rttm":
        shutil.copyfile(source, target)
        return
    array = np.load(source, allow_pickle=False)
    if array.dtype.kind == "f":
        array = array.astype(np.float16).astype(array.dtype)
    np.save(target, array, allow_pickle=False)


def serve(control: Control) -> None:
    """One request per line, one answer per line."""
    for line in sys.stdin:
        request = json.loads(line)
        said: dict[str, object] = {"id": request["id"], "ok": True}
        try:
            if request["request"] == "describe":
                said["describe"] = control.describe()
            else:
                control.answer(request["stage"], Path(request["in"]), Path(request["out"]))
        except (OSError, ValueError, KeyError) as error:
            said = {"id": request["id"], "ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)


def main(way: str, book: str, asked: str, *rest: str) -> None:
    """Answer one command line."""
    control = Control(way, Path(book))
    if asked == "describe":
        print(json.dumps(control.describe()))
    elif asked == "stage":
        control.answer(rest[0], Path(rest[1]), Path(rest[2]))
    else:
        serve(control)


if __name__ == "__main__":
    main(*sys.argv[1:])

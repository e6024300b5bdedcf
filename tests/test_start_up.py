"""What a command imports before it does anything: nobody waits for a library that the command does not use."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest
from support import ROOT

RARELY_USED = {
    "elftools",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyannote.core",
    "pyannote.metrics",
    "pyarrow",
    "scipy.signal",
    "scipy.stats",
    "sklearn",
    "ssl",
    "torch",
}
ROOMS = ("explain", "fixtures", "gate", "margins", "ports", "ports.dump", "sources")
"""Those that hand names on when they are asked for."""
FOLDER = str(ROOT / "fixtures" / "14_partial_tail")
CODE = """
import contextlib, io, json, sys
from parity.__main__ import app
seen = {}
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()):
        assert app(words, standalone_mode=False) in (None, 0), words
    seen[words[0]] = sorted(sys.modules)
import parity.diarize
seen["diarize"] = sorted(sys.modules)
print(json.dumps(seen))
"""


def test_what_only_some_commands_use_is_imported_by_those_alone():
    words = [["--help"], ["check", "native", "--stage", "annotation"], ["stages"], ["validate", FOLDER]]
    words.append(["compare", FOLDER, FOLDER])  # parity: nothing is looked up, no solver is asked
    command = [sys.executable, "-c", CODE, json.dumps(words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = {name: set(modules) for name, modules in json.loads(done.stdout.splitlines()[-1]).items()}
    assert {name: found for name, modules in seen.items() if (found := modules & RARELY_USED)} == {}
    assert "numpy" not in seen["--help"]
    assert "scipy.optimize" not in seen["validate"] | seen["check"] | seen["compare"]
    ours = {name: sum(module.startswith("parity.") for module in seen[name]) for name in ("--help", "check")}
    # Measured: 51 and 177, two more commands and two more subjects than 159; a room's face that imports all that it
    # shows again adds dozens.
    assert ours["--help"] < 60 and ours["check"] < 190, ours


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_hands_on_every_name_of_its_face_and_no_other(room):
    face = importlib.import_module(f"parity.{room}")
    assert all(getattr(face, name) is not None for name in face.__all__)
    with pytest.raises(AttributeError, match=f"module 'parity.{room}' has no attribute 'nobody'"):
        face.nobody  # noqa: B018

"""The public face: light to import, the same whoever imports what first, typed, and shown by a script that runs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

import parity

EXAMPLE = ROOT / "docs" / "examples" / "face.py"
PAGE = ROOT / "docs" / "how-to" / "use-it-from-python.md"
ASKED_FOR = {
    "diarize", "Diarizer", "read_snapshot", "read_dump", "load_weights", "community1_pipeline", "replay", "explain",
    "compare", "validate", "margins", "score", "fixtures",
}  # fmt: skip
HEAVY = {"torch", "matplotlib", "sklearn", "onnx", "pandas", "scipy", "numpy", "pyannote"}


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


# what is there


def test_the_names_that_were_asked_for_are_there():
    assert set(parity.__all__) >= ASKED_FOR
    assert set(dir(parity)) >= ASKED_FOR


def test_every_name_in_the_tables_is_public_and_every_public_one_is_in_a_table():
    assert {*parity.HANDED_ON, *parity.CALLED, "__version__"} == set(parity.__all__)
    assert not set(parity.HANDED_ON) & set(parity.CALLED)


FUNCTIONS = sorted({*parity.HANDED_ON, *parity.CALLED} - {"InputError", "Parameters"})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_handed_on_can_be_called_and_says_what_it_takes(name):
    found = getattr(parity, name)
    function = getattr(found, "__wrapped__", found)
    assert callable(found) and inspect.getdoc(function)
    assert inspect.signature(found) == inspect.signature(function)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_say_what_goes_in_what_comes_out_and_what_is_refused(name):
    found = getattr(parity, name)
    said = inspect.getdoc(getattr(found, "__wrapped__", found))
    sections = {line for line in said.splitlines() if line in ("Parameters", "Returns", "Attributes", "Raises")}
    wanted = {"Parameters", "Raises", "Attributes" if inspect.isclass(found) else "Returns"}
    assert sections >= wanted


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(AttributeError, match="module 'parity' has no attribute 'diarise'"):
        parity.diarise  # noqa: B018


# light, and the same in any order


def test_importing_it_loads_nothing_heavy():
    done = python(f"import parity, sys; print(sorted({HEAVY} & set(sys.modules)), 'parity.diarize' in sys.modules)")
    assert done.stdout == "[] False\n", done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import parity; rooms = [parity.replay, parity.explain, parity.margins, parity.fixtures, parity.diarize]",
        "from parity import replay, explain, margins, fixtures, diarize; "
        "rooms = [replay, explain, margins, fixtures, diarize]",
        "import parity.replay.engine, parity.explain.localise, parity.margins.margin, parity.fixtures.catalogue; "
        "import parity.diarize; "
        "rooms = [parity.replay, parity.explain, parity.margins, parity.fixtures, parity.diarize]",
        "from parity.gate.gate import run_fixtures; import parity; "
        "rooms = [parity.replay, parity.explain, parity.margins, parity.fixtures, parity.diarize]",
    ],
)
def test_rooms_can_be_called_and_entered_whoever_imports_what_first(code):
    after = """
import importlib, parity, parity.replay.engine, parity.fixtures.catalogue
from parity.replay.engine import replay
from parity.replay import replay as same
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.diarize import diarize
assert all(callable(room) and type(room).__name__ == "Room" for room in rooms)
assert parity.replay.engine.replay is replay is same is not parity.replay
assert parity.diarize.diarize is diarize and parity.diarize.__wrapped__ is diarize
assert parity.fixtures() == parity.fixtures.catalogue.fixtures()
assert parity.fixtures() == Catalogue.read(default_folder()).fixtures
assert importlib.reload(parity.fixtures) is parity.fixtures and callable(parity.fixtures)
"""
    done = python(code + after)
    assert done.returncode == 0, done.stderr


def test_rooms_that_nobody_calls_are_ordinary_packages():
    import parity.measure

    assert not callable(parity.measure) and type(parity.measure) is type(sys)


# typed

USER = """
from pathlib import Path
import numpy as np
import parity
import parity.replay.engine
from parity import explain, score
from parity.diarize import Diarization
from parity.replay.engine import replay as low

names: list[str] = [fixture.name for fixture in parity.fixtures()]
def two(samples: np.ndarray) -> Diarization:
    return parity.diarize(samples, num_speakers=2)
same: bool = parity.replay("02_pyannote_sample", "native", weights="hub").at_parity
born: tuple[str, ...] = explain(parity.fixtures()[0], budget=0).named
der: float = score("a.rttm", Path("b.rttm")).der
smallest: list[float | None] = [margin.smallest for margin in parity.margins("02_pyannote_sample")]
verdict: str = parity.compare("reference", "candidate").verdict
ok: bool = parity.validate("candidate").ok
"""
WRONG = """
import parity
parity.replay("02_pyannote_sample", wieghts="hub")
parity.fixtures(3)
der: str = parity.score("", "").der
parity.diarise("clip.wav")
"""


def checked(tmp_path: Path, code: str) -> list[str]:
    """Lines that a strict mypy says of a user's script."""
    path = tmp_path / "user.py"
    path.write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary"]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache"), "--config-file", "", str(path)]
    done = subprocess.run([*command, *cache], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_a_strict_type_checker_knows_what_users_get(tmp_path):
    assert checked(tmp_path, USER) == []


def test_and_refuses_what_cannot_be(tmp_path):
    found = [line for line in checked(tmp_path, WRONG) if ": error: " in line]
    assert [re.search(r"user\.py:(\d+):", line).group(1) for line in found] == ["3", "4", "5", "6"], found


def test_the_wheel_says_that_it_is_typed():
    assert (ROOT / "parity" / "py.typed").is_file()


# shown


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_page_shows_the_script():
    assert blocks("python") == [EXAMPLE.read_text(encoding="utf-8")]


def test_the_script_uses_every_name_that_was_asked_for():
    text = EXAMPLE.read_text(encoding="utf-8")
    assert [name for name in sorted(ASKED_FOR) if f"parity.{name}(" not in text] == []


@pytest.mark.models
def test_the_script_prints_what_the_page_says():
    done = subprocess.run([sys.executable, EXAMPLE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert blocks("text") == [done.stdout]

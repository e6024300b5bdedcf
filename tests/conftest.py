"""Shared by all tests: no time limit on examples, where the seed's captures are, a capture environment that imports."""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # One process per core already: more BLAS threads wait for each other. It has to be said before NumPy is loaded.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

from hypothesis import settings
from support import ROOT
from threadpoolctl import threadpool_limits

# A busy machine may take its time: nothing here is about speed.
settings.register_profile("parity", deadline=None)
settings.load_profile("parity")

if importlib.util.find_spec("torch"):
    from capture.environment import mend_torchaudio

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mend_torchaudio()


SLOW = re.compile(
    r"^import subprocess|^from support\.(command_line|built_ports|browser)|^from (capture|peers)\b"
    r"|\b(load_weights|load_networks|Diarizer|kept_diarizer)\b|exec:",
    re.MULTILINE,
)
"""What a module mentions whose tests start processes, load networks or weights, or need what is seldom there."""

SLOW_TESTS = Path(__file__).with_name("slow.txt")
"""One test function per line, as pytest names it; of those in the modules that are left."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out slow tests, see `SLOW` and slow.txt")


@cache
def is_slow(module: Path) -> bool:
    """Whether a module's tests may be."""
    return bool(SLOW.search(module.read_text(encoding="utf-8")))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules of slow tests before anything of them is imported, and so whatever is added to them."""
    if config.getoption("--quick") and collection_path.name.startswith("test_"):
        return is_slow(collection_path) or None
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put slow modules first, so that no core waits for the last one.

    Of the quick suite leave out what was measured to take more than half a processor second, with all its parameters.
    """
    items.sort(key=lambda item: not is_slow(item.path))
    if config.getoption("--quick"):
        slow = set(SLOW_TESTS.read_text(encoding="utf-8").split())
        left_out = [item for item in items if item.nodeid.partition("[")[0] in slow]
        items[:] = [item for item in items if item.nodeid.partition("[")[0] not in slow]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="module")
def one_blas_thread() -> Iterator[None]:
    """BLAS threads that wait for each other take seconds for small matrices on a busy machine."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture
def in_an_empty_folder(tmp_path, monkeypatch) -> Path:
    """The working folder, empty; processes started there still find the lab."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def seed14() -> Path:
    """The folder of the seed's captures; the test is skipped where there is none."""
    folder = os.environ.get("PARITY_SEED14")
    if not folder or not Path(folder).is_dir():
        pytest.skip("PARITY_SEED14 does not name the folder of the seed's captures")
    return Path(folder)

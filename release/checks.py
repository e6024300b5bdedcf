"""The lab's own sessions, as a release runs them: tests, the main job, calibration, bench, fuzz."""

from __future__ import annotations

import ast
import hashlib
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from parity.files.documents import read_json
from parity.files.progress import content, lab
from parity.files.whole import sha256_file
from release.log import Found
from release.running import Place, Stopped


def tests(place: Place, only: list[str]) -> Found:
    """Every test that needs no torch.

    Parameters
    ----------
    only : paths of tests; all of them where there are none
    """
    report = place.folder / "tests.xml"
    words = [
        "pytest",
        "--numprocesses=auto",
        "--dist=loadfile",
        "--no-loadscope-reorder",
        f"--junit-xml={report}",
        *only,
    ]
    place.run("tests", *words)
    return of_tests(report)


def of_tests(report: Path) -> Found:
    """What pytest counted.

    Raises
    ------
    Stopped : none passed, or one did not
    """
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total, failed, skipped = (
        sum(int(suite.get(key, 0)) for key in keys for suite in suites)
        for keys in (("tests",), ("failures", "errors"), ("skipped",))
    )
    passed = total - failed - skipped
    if failed or not passed:
        raise Stopped(f"tests: {passed} passed, {failed} failed")
    return {"passed": passed, "skipped": skipped, "said": f"{passed:,} passed, {skipped:,} skipped, 0 failed"}


def main_job(place: Place, fixtures: list[str]) -> Found:
    """`parity run` from a cache that is empty: weights and clips are fetched and built anew.

    Parameters
    ----------
    fixtures : only these; all of them where there are none

    Raises
    ------
    Stopped : a fixture is not at parity
    """
    cache, report = place.folder / "cache", place.folder / "parity.json"
    shutil.rmtree(cache, ignore_errors=True)
    words = ("parity", "run", *fixtures, "--json", report)
    place.run("parity", *words, PARITY_CACHE=str(cache))
    shutil.rmtree(cache, ignore_errors=True)
    return of_main_job(read_json(report))


def of_main_job(document: dict[str, Any]) -> Found:
    """The summary of a run, in words too.

    Raises
    ------
    Stopped : a fixture is not at parity, or nothing was replayed
    """
    found = document["summary"]
    said = (
        f"{found['at_parity']} of {found['fixtures']} at parity, DER {found['worst_der']:.4f}, worst embedding drift "
        f"{found['worst_embedding_drift'] or 0:.1e}, from an empty cache"
    )
    if not found["fixtures"] or found["at_parity"] != found["fixtures"]:
        raise Stopped(f"parity: {said}")
    return {"summary": found, "said": said}


def calibration(place: Place, kept: Path | None, on: list[str]) -> Found:
    """Planted faults on fixtures; what the last release kept where nothing that it depends on changed.

    Parameters
    ----------
    kept : the last release's folder
    on : only these fixtures; the short ones, as `parity calibrate` has it, where there are none
    """
    report, depends = place.folder / "calibration.json", depends_on(place.root)
    if kept is not None and not on and (told := kept_calibration(kept, depends)):
        shutil.copy(kept / "calibration.json", report)
        return {**told, "depends_on": depends}
    words = [word for name in on for word in ("--fixture", name)]
    resume = ["--resume"] if report.exists() else []
    place.run("calibration", "parity", "calibrate", *words, *resume, "--json", report, ok=(0, 1))
    return {**of_calibration(read_json(report), on), "depends_on": depends, "made_in": ""}


def of_calibration(document: dict[str, Any], on: list[str]) -> Found:
    """The summary of a calibration, in words too.

    Raises
    ------
    Stopped : a fault that moves something was missed or named wrongly, or there was a false alarm
    """
    found = document["summary"]
    where = f"on {', '.join(on)} alone" if on else "on every fixture that it tries"
    said = (
        f"{found['faults']} faults {where}, {found['moving']} move something, {found['detected']} detected, "
        f"{found['named']} named, {found['false_alarms']} false alarms in {found['clean_runs']} clean runs"
    )
    if found["false_alarms"] or not found["moving"] == found["detected"] == found["named"]:
        raise Stopped(f"calibration: {said}")
    return {"summary": found, "on": on, "said": said}


def kept_calibration(release: Path, depends: str) -> Found | None:
    """What the last release says of its calibration, where it was of the same sources and whole; otherwise None."""
    path = release / "release.json"
    if not (path.is_file() and (release / "calibration.json").is_file()):
        return None
    document = read_json(path)
    of = document["steps"].get("calibration", {})
    if of.get("depends_on") != depends or of.get("on"):
        return None
    made = of["made_in"] or document["version"]
    found = of_calibration(read_json(release / "calibration.json"), [])
    return {**found, "made_in": made, "said": f"{found['said']}; kept from {made}: nothing that it depends on changed"}


def depends_on(root: Path) -> str:
    """A hash of what a calibration depends on: modules that it reaches, snapshots, versions of what computes."""
    digest = hashlib.sha256()
    data = [path for path in (root / "parity").rglob("*.json") if not path.name.endswith("schema.json")]
    for path in [
        *reached(root, "parity.commands.calibrate"),
        *sorted((root / "parity" / "networks").rglob("*.py")),
        *sorted(data),
    ]:
        digest.update(f"{path.relative_to(root).as_posix()}\0{sha256_file(path)}\n".encode())
    for name in sorted(path.name for path in (root / "fixtures").iterdir() if path.is_dir()):
        digest.update(f"{name}\0{content(root / 'fixtures' / name)}\n".encode())
    versions = {key: value for key, value in lab().items() if key not in ("version", "sources")}
    digest.update(repr(sorted(versions.items())).encode())
    return digest.hexdigest()


def reached(root: Path, module: str) -> list[Path]:
    """Files of this project that a module imports, and what these import, wherever the import stands; sorted."""
    found: set[Path] = set()
    left = [module]
    while left:
        name = left.pop()
        for path in _files(root, name):
            if path not in found:
                found.add(path)
                left += _imported(path, root)
    return sorted(found)


def _files(root: Path, name: str) -> Iterable[Path]:
    place = root / Path(*name.split("."))
    names = (place.with_suffix(".py"), place / "__init__.py")
    parents = [root / Path(*name.split(".")[:n]) / "__init__.py" for n in range(2, name.count(".") + 1)]
    return [path for path in (*names, *parents) if path.is_file()]


def _imported(path: Path, root: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("parity."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "parity":
            yield from (node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("parity."):
            yield node.value  # modules that are loaded by name


def bench(place: Place, fixtures: list[str]) -> Found:
    """The short bench: this project and pyannote.audio in turns on a few clips, once.

    Raises
    ------
    Stopped : an RTTM differs from pyannote's
    """
    words = [word for name in fixtures for word in ("--fixture", name)]
    report = place.folder / "bench.json"
    place.run("bench", "bench", *words, "--rounds", 1, "--no-plain", "--no-sherpa", "--json", report, capture=True)
    found = read_json(report)
    names = ", ".join(clip["name"] for clip in found["clips"])
    return {"median_ratio": found["median_ratio"], "said": f"{found['median_ratio']} times pyannote's speed ({names})"}


def fuzz(place: Place, inputs: int) -> Found:
    """A part of the fuzzing.

    Raises
    ------
    Stopped : something broke
    """
    report = place.folder / "fuzz.json"
    place.run("fuzz", "fuzz", "--inputs", inputs, "--json", report)
    found = read_json(report)["summary"]
    return {"summary": found, "said": f"{found['inputs']:,} inputs to {found['readers']} readers, nothing broken"}

"""Wheel and sdist, the wheel in a fresh environment elsewhere, and what is in that: a bill of materials."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from parity.files.documents import read_json
from parity.files.whole import sha256_file
from release.log import Found
from release.running import Place, Stopped, told

ENVIRONMENT = "environment"
EXTRA = "all"
"""What the main job runs with: DER against a human's RTTM, which fixtures have, needs more than the base."""

MEGA = 1e6


def build(place: Place, version: str, epoch: str) -> Found:
    """Wheel and sdist of the tree, by `python -m build` in an environment of its own.

    Parameters
    ----------
    epoch : seconds of the commit's time, which the archives carry as theirs

    Raises
    ------
    Stopped : there are not one wheel and one sdist of this version
    """
    dist = place.folder / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    command = [sys.executable, "-m", "build", "--outdir", str(dist), str(place.root)]
    told("build", command, place.root, place.folder / "build.txt", more={"SOURCE_DATE_EPOCH": epoch})
    return of_build(dist, version)


def of_build(dist: Path, version: str) -> Found:
    """Names, hashes and sizes of what was built.

    Raises
    ------
    Stopped : there are not one wheel and one sdist of this version
    """
    files = sorted(dist.iterdir()) if dist.is_dir() else []
    kinds = {
        "wheel": [f for f in files if f.suffix == ".whl"],
        "sdist": [f for f in files if f.name.endswith(".tar.gz")],
    }
    for kind, found in kinds.items():
        if len(found) != 1 or f"-{version}" not in found[0].name:
            raise Stopped(
                f"build: expected one {kind} of {version}, found {', '.join(f.name for f in found) or 'none'}"
            )
    rows: dict[str, dict[str, Any]] = {
        kind: {"name": file.name, "sha256": sha256_file(file), "bytes": file.stat().st_size}
        for kind, (file,) in kinds.items()
    }
    sizes = ", ".join(f"{kind} {row['bytes'] / MEGA:.1f} MB" for kind, row in rows.items())
    return {**rows, "said": sizes}


def install(place: Place, version: str, fixture: str) -> Found:
    """The wheel in a fresh environment, and a fixture replayed from an empty folder elsewhere.

    The environment stays below the release's folder for the bill of materials; the folder it is run from is elsewhere.

    Raises
    ------
    Stopped : it cannot be installed, is of another version, reads something of the checkout, or is not at parity
    """
    environment = place.folder / ENVIRONMENT
    shutil.rmtree(environment, ignore_errors=True)
    (wheel,) = (place.folder / "dist").glob("*.whl")
    with tempfile.TemporaryDirectory() as empty:
        where = Path(empty)
        more = {"PYTHONPATH": "", "PARITY_FIXTURES": ""}
        log = place.folder / "install.txt"
        told("install", [sys.executable, "-m", "virtualenv", str(environment)], where, log)
        python = str(environment / ("Scripts" if sys.platform == "win32" else "bin") / "python")
        told("install", [python, "-m", "pip", "install", f"{wheel}[{EXTRA}]"], where, log, more=more)
        code = "import parity; print(parity.__version__, parity.__file__)"
        _, said = told("installed", [python, "-c", code], where, place.folder / "installed.txt", more=more)
        there, file = said.split()[:2]
        if there != version or environment.resolve() not in Path(file).resolve().parents:
            raise Stopped(f"install: {file} says {there}, not {version} in {environment}")
        words = [python, "-m", "parity", "run", fixture, "--no-html", "--json", "parity.json"]
        told("run from the wheel", words, where, place.folder / "from-the-wheel.txt", more=more)
        summary = read_json(where / "parity.json")["summary"]
        if any(where.glob("fixtures")):
            raise Stopped("install: the wheel looked for fixtures in the folder it was run from")
    size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    at = f"{summary['at_parity']} of {summary['fixtures']} at parity, DER {summary['worst_der']:.4f}"
    return {
        "environment_bytes": size,
        "summary": summary,
        "said": f"{fixture} from an empty folder: {at}; environment {size / MEGA:.0f} MB",
    }


def bill(place: Place) -> Found:
    """What the fresh environment holds, as CycloneDX JSON, by cyclonedx-bom.

    Raises
    ------
    Stopped : the bill names nothing, or not the project
    """
    environment, path = place.folder / ENVIRONMENT, place.folder / "sbom.json"
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    words = ["cyclonedx_py", "environment", "--output-format", "JSON", "--output-reproducible"]
    told(
        "sbom", [sys.executable, "-m", *words, "--output-file", str(path), str(python)], place.root,
        place.folder / "sbom.txt",
    )  # fmt: skip
    # Where the wheel lay while it was tried says something of this machine, and nothing of what is in it.
    text = path.read_text(encoding="utf-8").replace(f"{place.folder / 'dist'}/", "")
    path.write_text(text, encoding="utf-8")
    return of_bill(path)


def of_bill(path: Path) -> Found:
    """How many packages a bill names.

    Raises
    ------
    Stopped : none, or not this project
    """
    found = read_json(path)
    names = {component["name"] for component in found.get("components", [])}
    if "diarization-parity-lab" not in names:
        raise Stopped(f"{path}: does not name diarization-parity-lab among {len(names)} packages")
    return {"packages": len(names), "said": f"{len(names)} packages, CycloneDX {found['specVersion']}"}

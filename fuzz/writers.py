"""Every command that writes, for `fuzz.kills`: how it is called, what it writes, and what is there before.

The table is `COMMANDS`. An option or argument of the command line that names something to write and stands in no
entry's words fails a test, as does one that takes a path and is not said to be read only, in `READ`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzz import materials
from parity.checkout import default_folder
from parity.files.whole import cache_dir

BEFORE = '{"before": true}\n'
SMALL = "14_partial_tail"
KEPT = ("weights", "clips", "graphs", "results", "sources")
"""Of the cache: what a command finds in it as on a machine where it ran before."""


@dataclass(frozen=True)
class Command:
    """One command that writes.

    Attributes
    ----------
    words : its arguments; `{}` is the folder that it works in
    writes : files and folders that it writes there; a folder is whole or not there, but for those of `GROW`
    before : files among them that are there already, and are written over
    prepare : makes what it reads
    ends : the exit status where nothing disturbs it
    again : exit statuses of the next run: 2 where what is whole already is not written over
    warm : parts of the cache that it finds
    share : how many kills it gets, beside the others; a command that takes long gets fewer
    """

    words: tuple[str, ...]
    writes: tuple[str, ...]
    before: tuple[str, ...] = ()
    prepare: Callable[[Path], None] | None = None
    ends: int = 0
    again: tuple[int, ...] = ()
    warm: tuple[str, ...] = KEPT
    share: int = 10


def link_cache(folder: Path, warm: tuple[str, ...]) -> None:
    """A cache of the folder's own, in which the named parts are the machine's."""
    (folder / "cache").mkdir()
    for part in warm:
        if (cache_dir() / part).is_dir():
            (folder / "cache" / part).symlink_to(cache_dir() / part)


def _dumps(folder: Path) -> None:
    for side in ("a", "b"):
        (folder / side).mkdir()
        materials.write(folder / side, materials.snapshots()[1])


def _releases(folder: Path) -> None:
    for version in ("0.1.0", "0.2.0"):
        (folder / "reports" / version).mkdir(parents=True)
        (folder / "reports" / version / "parity.json").write_bytes(materials.baselines()[0]["x.json"])
    (folder / "log.md").write_text("# Changelog\n")


def _goldens(folder: Path) -> None:
    (folder / "goldens").mkdir()
    materials.write(folder / "goldens", materials.goldens()[0])


def _catalogue(folder: Path) -> None:
    from parity.fixtures.catalogue import add_fixture

    text = (default_folder() / "catalogue.toml").read_text(encoding="utf-8")
    first = text.partition("[[fixture]]")[2].partition("[[fixture]]")[0]
    (folder / "fixtures").mkdir()
    (folder / "fixtures" / "catalogue.toml").write_text("[[fixture]]" + first, encoding="utf-8")
    _recording(folder)
    add_fixture(folder / "fixtures", "old", folder / "x.wav")


def _recording(folder: Path) -> None:
    (folder / "x.wav").write_bytes(materials.clips()[0]["x.wav"])


def _recordings(folder: Path) -> None:
    (folder / "audio").mkdir()
    _recording(folder / "audio")
    (folder / "audio" / "x.rttm").write_text(materials.TURNS, encoding="utf-8")


def _corpus(folder: Path) -> None:
    """A manifest of one recording, and two sides that have answered it."""
    _recording(folder)
    for side, text in (("theirs", materials.TURNS), ("ours", materials.TURNS.replace(" A ", " B "))):
        (folder / side).mkdir()
        (folder / side / "x.rttm").write_text(text, encoding="utf-8")
    (folder / "corpus.csv").write_text("recording,audio,reference_rttm\nx,x.wav,theirs/x.rttm\n", encoding="utf-8")


def _answered(folder: Path) -> None:
    _corpus(folder)
    _in_a_fork(folder, "run")


def _answered_natively(folder: Path) -> None:
    _corpus(folder)
    _in_a_fork(folder, "run --side native")


def _scored(folder: Path) -> None:
    _answered(folder)
    _in_a_fork(folder, "score")


def _in_a_fork(folder: Path, command: str) -> None:
    from fuzz.kills import run_alone

    run_alone(COMMANDS[f"corpus {command}"], folder)


def _small_dump(folder: Path) -> None:
    shutil.copytree(default_folder() / SMALL, folder / "dumps" / SMALL)


def _small_catalogue(folder: Path) -> None:
    """A catalogue of the small fixture alone: what is measured beside its snapshot goes there."""
    source, place = default_folder(), folder / "fixtures"
    shutil.copytree(source / SMALL, place / SMALL)
    entries = (source / "catalogue.toml").read_text(encoding="utf-8").split("[[fixture]]")
    own = next(entry for entry in entries if f'"{SMALL}"' in entry)
    (place / "catalogue.toml").write_text("[[fixture]]" + own, encoding="utf-8")


def _gate(*names: str) -> tuple[str, ...]:
    """The options of the gate: `--junit`, `--sarif`, `--baseline` with `--update-baseline`, and their files' names."""
    junit, sarif, baseline = (f"{{}}/{name}" for name in names)
    return ("--junit", junit, "--sarif", sarif, "--baseline", baseline, "--update-baseline")


GATE = ("g.xml", "g.sarif", "b.json")
COMPARED = ("c.json", "c.md", "c.csv", *GATE)
RUN = ("r.json", "r.md", "r.html", "r.csv", "s.md", *GATE)
DIAGNOSED = ("d.json", "d.html", "d.md")
EXPLAINED = ("e.json", "e.csv", "case.json")
DIARIZED = ("out/x.rttm", "out/x.json", "out/x.svg", "v.npz")

COMMANDS = {
    "fixtures add": Command(("fixtures", "add", "mine", "{}/x.wav"), ("fixtures",), prepare=_catalogue, again=(0, 2)),
    "fixtures list": Command(("fixtures", "list", "--table", "{}/f.csv"), ("f.csv",), ("f.csv",)),
    "compare": Command(
        (
            *("compare", "{}/a", "{}/b", "--json", "{}/c.json", "--markdown", "{}/c.md", "--table", "{}/c.csv"),
            *_gate(*GATE),
        ),
        COMPARED,
        COMPARED,
        _dumps,
    ),
    "run": Command(
        (
            *("run", "14", "--arrays", "{}/dumps", "--json", "{}/r.json", "--html", "--table", "{}/r.csv"),
            *("--markdown", "{}/s.md", *_gate(*GATE)),
        ),
        RUN,
        RUN,
        _small_dump,
        share=5,
    ),
    "diagnose": Command(
        (
            *("diagnose", f"{{}}/dumps/{SMALL}", "--json", "{}/d.json", "--page", "{}/d.html"),
            *("--markdown", "{}/d.md"),
        ),
        DIAGNOSED,
        DIAGNOSED,
        _small_dump,
        share=5,
    ),
    "demo": Command(("demo", "--no-open", "--page", "{}/demo.html"), ("demo.html",), ("demo.html",), share=3),
    "explain": Command(
        (
            *("explain", "14", "--fault", "count_half_up", "--write-case", "{}/case.json", "--json", "{}/e.json"),
            *("--table", "{}/e.csv"),
        ),
        EXPLAINED,
        EXPLAINED,
        ends=1,
        share=3,
    ),
    "fingerprint": Command(("fingerprint", "{}/a", "{}/f.json"), ("f.json",), ("f.json",), _dumps),
    "margins": Command(
        ("margins", "13", "14", "--json", "{}/m.json", "--table", "{}/m.csv"), ("m.json", "m.csv"), ("m.json",)
    ),
    "history": Command(
        ("history", "{}/reports", "--changelog", "{}/log.md", "--json", "{}/h.json", "--plot", "{}/h.svg"),
        ("h.json", "h.svg"),
        ("h.json", "h.svg"),
        _releases,
    ),
    "stability": Command(
        ("stability", "14", "--no-fbank", "--draws", "1", "--json", "{}/s.json", "--table", "{}/s.csv"),
        ("s.json", "s.csv", f"fixtures/{SMALL}/stability.json"),
        ("s.json", f"fixtures/{SMALL}/stability.json"),
        _small_catalogue,
        share=3,
    ),
    "layers": Command(
        ("layers", "14", "--json", "{}/l.json", "--table", "{}/l.csv"), ("l.json", "l.csv"), ("l.json",), share=3
    ),
    "calibrate": Command(
        ("calibrate", "14", "--only", "ahc_ward_linkage", "--json", "{}/k.json", "--table", "{}/k.csv"),
        ("k.json", "k.csv"),
        ("k.json",),
        share=3,
    ),
    "runtimes": Command(
        (
            *("runtimes", "14", "--runtime", "onnx", "--chunks", "1", "--rounds", "1", "--json", "{}/t.json"),
            *("--table", "{}/t.csv"),
        ),
        ("t.json", "t.md", "t.csv"),
        ("t.json", "t.md"),
        share=3,
    ),
    "verification": Command(
        ("verification", "04", "05", "--json", "{}/v.json", "--table", "{}/v.csv"),
        ("v.json", "v.csv"),
        ("v.json",),
        share=3,
    ),
    "diarize": Command(
        (
            *("diarize", "{}/x.wav", "--out", "{}/out", "--format", "rttm", "--format", "json", "--plot"),
            *("--embeddings", "{}/v.npz", "--overwrite"),
        ),
        DIARIZED,
        ("v.npz",),
        _recording,
        share=5,
    ),
    "audio": Command(("audio", "{}/x.wav", "--json", "{}/a.json"), ("a.json",), ("a.json",), _recording),
    "convert": Command(
        ("convert", "wheels", "{}/w.safetensors", "--to", "safetensors", "--overwrite"),
        ("w.safetensors",),
        ("w.safetensors",),
        share=3,
    ),
    "convert --parts": Command(
        ("convert", "wheels", "{}/parts", "--to", "onnx", "--parts"), ("parts",), again=(0, 2), share=2
    ),
    "weights": Command(("weights",), ("cache/weights",), warm=("sources",), share=3),
    "corpus make": Command(
        ("corpus", "make", "{}/made", "--recordings", "1", "--seconds", "10"), ("made",), again=(0, 2), share=3
    ),
    "corpus manifest": Command(
        ("corpus", "manifest", "{}/audio", "{}/c.csv"), ("c.csv",), prepare=_recordings, again=(0, 2), share=5
    ),
    "corpus run": Command(
        (
            *("corpus", "run", "{}/corpus.csv", "--store", "{}/store", "--reference", "theirs=rttm:{}/theirs"),
            *("--side", "ours=rttm:{}/ours", "--workers", "0"),
        ),
        ("store",),
        prepare=_corpus,
        share=3,
    ),
    "corpus run --side native": Command(
        (
            *("corpus", "run", "{}/corpus.csv", "--store", "{}/store", "--workers", "0"),
            *("--side", "native:onnx", "--side", "small=native:onnx-int8-per-channel"),
        ),
        ("store",),
        prepare=_corpus,
        share=2,
    ),
    "corpus explain": Command(
        ("corpus", "explain", "{}/store", "--workers", "0"), ("store",), prepare=_answered_natively, share=3
    ),
    "corpus score": Command(("corpus", "score", "{}/store", "--workers", "0"), ("store",), prepare=_answered, share=3),
    "corpus report": Command(("corpus", "report", "{}/store", "--out", "{}/page"), ("page",), prepare=_scored, share=3),
    "map": Command(("map", "{}/goldens", "--out", "{}/m.toml"), ("m.toml",), ("m.toml",), _goldens),
    "kit": Command(("kit", "{}/kit", "--fixture", "14"), ("kit",), again=(0, 2)),
    "kit --decisions": Command(("kit", "{}/kit", "--decisions"), ("kit",), again=(0, 2)),
    "new-port": Command(("new-port", "{}/port", "--language", "python"), ("port",), again=(0, 2)),
    "rnnt seed": Command(("rnnt", "seed", "three_layers_small", "{}/seed"), ("seed",), again=(0, 2)),
    "rnnt replay": Command(
        ("rnnt", "replay", "single", "--json", "{}/n.json", "--table", "{}/n.csv"),
        ("n.json", "n.csv"),
        ("n.json",),
        share=3,
    ),
    "rnnt calibrate": Command(
        ("rnnt", "calibrate", "single", "--json", "{}/n.json", "--table", "{}/n.csv"),
        ("n.json", "n.csv"),
        ("n.json",),
        share=2,
    ),
    "check": Command(("check", "--controls", "--json", "{}/k.json"), ("k.json",), ("k.json",), share=2),
}
"""By what they are called in the report."""

GROW = frozenset({"fixtures", "cache/weights", "store", "page"})
"""Folders that are written file by file, each whole: what a killed run has got to is gone on with, or written over."""

READ = frozenset(
    {
        *("accept", "arrays", "audio", "baseline", "candidate", "checkpoint", "clip", "deviations", "dump", "encoded"),
        *("files", "full", "layers", "manifest", "reference", "report", "snapshots", "tokenizer"),
    }
)
"""Parameters of the command line that take a path and only read it; `--update-baseline` writes `baseline`."""

READ_BY = frozenset(
    {
        ("corpus manifest", "folder"),
        ("corpus manifest", "supervisions"),
        ("corpus compare", "before"),
        ("corpus compare", "after"),
        ("history", "reports"),
        ("history", "changelog"),
        ("validate", "folder"),
        ("map", "folder"),
        ("fingerprint", "folder"),
        ("case", "path"),
    }
)
"""The same where another command's parameter of that name is written."""

SWITCHES = frozenset({"html", "plot", "update_baseline", "table", "tables"})
"""Parameters that are no path, and have something written."""

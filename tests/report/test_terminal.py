"""What a terminal shows: names as they are, and a progress bar that only goes forward."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from parity import console
from parity.gate.gate import FixtureResult
from parity.report.terminal import ProgressWatcher


def reached(events: list[tuple]) -> list[float]:
    watcher = ProgressWatcher(Console(file=io.StringIO()), 30.0)
    seen = []
    for name, *arguments in events:
        getattr(watcher, name)(*arguments)
        seen.append(watcher._progress.tasks[0].completed)
    return seen


FIRST = ("fixture", "one", 10.0)
DONE = ("finished", FixtureResult("one", "parity", audio_seconds=10.0))


@pytest.mark.parametrize(
    "events",
    [
        [FIRST, ("step", "segmentation", 1, 2), ("step", "embeddings", 2, 2), DONE],
        # explained: both networks run again, on what a patch left
        [FIRST, ("step", "embeddings", 2, 2), ("step", "segmentation", 1, 2), ("step", "embeddings", 1, 2), DONE],
        # it fails half-way, and the next one begins
        [FIRST, ("step", "embeddings", 1, 2), ("finished", FixtureResult("one", "error", error="x")), FIRST],
        # it fails before it has begun
        [FIRST, DONE, ("finished", FixtureResult("two", "error", error="x")), FIRST, ("step", "segmentation", 1, 2)],
    ],
)
def test_the_progress_bar_never_goes_back(events):
    seen = reached(events)
    assert seen == sorted(seen) and seen[-1] > 0


def test_the_bar_stands_at_what_is_done():
    assert reached([FIRST, ("step", "segmentation", 2, 2), ("step", "embeddings", 1, 2), DONE])[1:] == [0.8, 5.4, 10.0]


@pytest.mark.parametrize("name", ["my_port:boom:", "a:warning:b", "[bold]brackets[/bold]", "recording :tada: 3"])
def test_codes_in_names_stay_text(name, capsys, monkeypatch):
    console.stdout.print(name)
    assert capsys.readouterr().out == f"{name}\n"
    shown = io.StringIO()
    monkeypatch.setattr(console, "stderr", Console(file=shown, force_terminal=True, width=80))
    with console.working(name) as say:
        say(f"{name} 2")
    assert name in shown.getvalue() and "💥" not in shown.getvalue()


def test_both_consoles_leave_emoji_codes_alone():
    assert not console.stdout._emoji and not console.stderr._emoji
    assert not console.stdout._markup and not console.stderr._markup

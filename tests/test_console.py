"""The boundary of every command line: whatever happens is one line and a status that no script reads as drift."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.command_line import only_error, parity

from parity import console
from parity.errors import InputError

PLUGINS = {
    "leaves": ("import sys; sys.exit(7)", "sys.exit(7) was called at"),
    "leaves well": ("import sys; sys.exit(0)", "sys.exit(0) was called at"),
    "raises": ("FAULTS = 1 / 0", "division by zero"),
}


@pytest.mark.parametrize("kind", PLUGINS)
def test_code_that_the_user_named_does_not_choose_the_status(tmp_path, kind):
    text, said = PLUGINS[kind]
    (tmp_path / "odd_plugin.py").write_text(text)
    done = parity("calibrate", "--faults", "odd_plugin", environment={"PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"})
    assert said in only_error(done) and "odd_plugin" in done.stderr


@pytest.fixture
def left(monkeypatch, capsys):
    """A function that leaves a command line by an exception: its status, and its lines on stderr."""

    def leave(error: BaseException, *arguments: str) -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, "argv", ["parity", *arguments])

        def app() -> None:
            raise error

        with pytest.raises(SystemExit) as caught:
            console.run_and_exit(app)
        return caught.value.code, capsys.readouterr().err.splitlines()

    return leave


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("x.npy: is odd"), "error: x.npy: is odd"),
        (ValueError("two\nlines"), "error: ValueError: two lines, at "),
        (RecursionError("maximum recursion depth exceeded"), "error: RecursionError: maximum"),
        (MemoryError(), "error: MemoryError, at "),
        (KeyError("k"), "error: KeyError: 'k', at "),
        (OSError(36, "File name too long", "x" * 9), "error: xxxxxxxxx: File name too long"),
        (SystemExit(7), "error: sys.exit(7) was called at "),
    ],
)
def test_whatever_is_raised_is_one_line_and_status_2(left, error, said):
    status, lines = left(error)
    assert status == 2 and len(lines) == 1 and lines[0].startswith(said)


def test_where_it_was_raised_is_named_and_with_traceback_all_is_shown(left):
    _, lines = left(ValueError("odd"))
    assert __file__ in lines[0] and "--traceback" in lines[0]
    status, lines = left(ValueError("odd"), "--traceback", "run")
    assert status == 2 and lines[0].startswith("Traceback") and lines[-1].startswith("error: ValueError: odd, at ")


def test_an_interruption_is_130(left):
    assert left(KeyboardInterrupt()) == (130, ["interrupted; nothing half-written was kept"])


def test_a_closed_pipe_is_141():
    command = [sys.executable, "-m", "parity", "fixtures", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        assert done.stdout is not None and done.stderr is not None
        done.stdout.close()  # before a word is printed
        assert done.wait() == 141
        assert "Traceback" not in done.stderr.read()


def test_a_terminal_that_knows_ascii_only_shows_what_it_can(tmp_path):
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    error = only_error(parity("validate", tmp_path / "日本", environment=environment))
    assert "\\ud" in error or "\\u65e5" in error


def test_traceback_is_an_option_of_the_whole_program():
    assert "--traceback" in parity("--help").stdout

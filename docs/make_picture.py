"""Make the picture of the report's page that the README shows: a real run, with a mistake in one stage.

    python docs/make_picture.py [--fixture NAME ...] [--out docs/page.png]

Replays fixtures with `docs/examples/overlap_port.py` in place of one stage, asks why, and takes a picture of the page
with a headless Chromium. It needs Pillow (matplotlib brings it) and takes a minute or two.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parent
FIXTURES = ("10_summed_overlap", "13_no_speech", "14_partial_tail")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTH, HEIGHT, COLOURS = 1400, 1380, 128  # pixels; a palette keeps the file small


def main() -> None:
    """Run, take the picture, make it small."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixture", action="append", help="repeatable; a few that show the mistake by default")
    parser.add_argument("--out", type=Path, default=DOCS / "page.png")
    arguments = parser.parse_args()
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if browser is None:
        sys.exit(f"error: none of {', '.join(BROWSERS)} is installed")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "parity.json"
        replay(arguments.fixture or list(FIXTURES), report)
        photograph(browser, report.with_name("index.html").as_uri(), arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1000:.0f} kB")


def replay(fixtures: list[str], report: Path) -> None:
    """A run with the mistake in it; it has to end with 1, for drift, or there would be nothing to show."""
    chosen = [word for name in fixtures for word in ("--fixture", name)]
    mistaken = ["--implementation", "overlap_port:stages", "--explain"]
    command = [sys.executable, "-m", "parity", "run", *chosen, *mistaken, "--json", str(report)]
    done = subprocess.run(command, cwd=DOCS / "examples", check=False)
    if done.returncode != 1:
        sys.exit(f"error: the run ended with {done.returncode}, expected 1 (drift)")


def photograph(browser: str, address: str, out: Path) -> None:
    """The page's top, `WIDTH` by `HEIGHT` pixels, in a palette."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")
    taken = out.with_suffix(".taken.png")
    size = f"--window-size={WIDTH},{HEIGHT}"
    subprocess.run([browser, *options, size, f"--screenshot={taken}", address], check=True, capture_output=True)
    with Image.open(taken) as picture:
        picture.convert("RGB").quantize(COLOURS).save(out, optimize=True)
    taken.unlink()


if __name__ == "__main__":
    main()

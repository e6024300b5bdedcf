"""The RNN-T fixtures: a seeded head each, a seeded utterance, and how much of the reference's run is kept.

Heads and encoder frames are not in the repository: they are made from their seeds and known by their hashes, which a
snapshot's manifest carries. No real checkpoint is among them, and nothing they decode is speech (`parity.rnnt.seeded`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from parity.errors import InputError
from parity.fixtures import Snapshot, read_snapshot
from parity.fixtures.catalogue import default_folder
from parity.names import find_names
from parity.pipeline.artefact import STEP_ARTEFACTS
from parity.rnnt.head import Head
from parity.rnnt.search import MAX_SYMBOLS
from parity.rnnt.seeded import SeededHead, SeededUtterance, sha256_of

HEADS = {
    head.name: head
    for head in (
        SeededHead("one_layer_34", 1, 34, 9.5, 134),
        SeededHead("one_layer_1025", 1, 1025, 10.5, 1125),
        SeededHead("two_layers_34", 2, 34, 9.0, 234),
        SeededHead("two_layers_1025", 2, 1025, 11.5, 1225),
        SeededHead("three_layers_small", 3, 20, 9.0, 320, pred_hidden=40, enc_hidden=24, joint_hidden=36),
    )
}

ALL, SCORES, DECISIONS = "everything", "log-probabilities and decisions", "decisions"
KEPT = {
    ALL: tuple(STEP_ARTEFACTS),
    SCORES: ("step_frame", "step_token", "log_probabilities", "chosen", "tokens", "token_frames"),
    DECISIONS: ("step_frame", "step_token", "chosen", "tokens", "token_frames"),
}
"""What of a run is kept. States of real size take 10 kB per token, log-probabilities of 1025 classes 4 kB per step."""


@dataclass(frozen=True)
class RnntFixture:
    """One utterance for one head.

    Attributes
    ----------
    name : in tables, and its folder
    stresses : why it is there
    head, utterance : recipes
    kept : how much of the reference's run its snapshot has
    max_symbols : symbols per frame
    """

    name: str
    stresses: str
    head: SeededHead
    utterance: SeededUtterance
    kept: str
    max_symbols: int = MAX_SYMBOLS

    @property
    def snapshot_folder(self) -> Path:
        """Where its snapshot lies."""
        return default_folder() / "rnnt" / self.name

    def encoded(self) -> np.ndarray:
        """(frames, enc_hidden) float32."""
        return self.utterance.encoded(self.head.enc_hidden)

    def read(self, folder: Path | None = None) -> Snapshot:
        """Its snapshot, checked to be of this head and these frames.

        Raises
        ------
        InputError : there is none, it is damaged, or it was made of other arrays
        """
        snapshot = read_snapshot((folder / self.name) if folder else self.snapshot_folder)
        manifest = snapshot.manifest
        made = {"encoded_sha256": sha256_of(self.encoded()), "head": made_head(self.head).sha256}
        said = {"encoded_sha256": manifest["encoded_sha256"], "head": manifest.get("head", {}).get("sha256")}
        if wrong := [key for key in made if made[key] != said[key]]:
            raise InputError(
                f"{snapshot.folder}: {' and '.join(wrong)} made from seed here are {made[wrong[0]]}, captured "
                f"{said[wrong[0]]}: the recipe was changed after the capture; capture again"
            )
        return snapshot


@cache
def made_head(head: SeededHead) -> Head:
    """A seeded head, made once."""
    return head.head()


def _catalogue() -> tuple[RnntFixture, ...]:
    sizes = ("one_layer_34", "one_layer_1025", "two_layers_34", "two_layers_1025")
    small, kept = "three_layers_small", {h: SCORES if h.endswith("34") else DECISIONS for h in sizes}
    rows = [
        ("empty", "no frames at all", small, SeededUtterance("empty", 0, 1), ALL),
        ("single", "one frame", small, SeededUtterance("single", 1, 7), ALL),
        ("small", "three layers, odd sizes, every step kept", small, SeededUtterance("small", 60, 11, pushed=20), ALL),
        ("crowded", "frames that only the limit of symbols leaves", sizes[0], SeededUtterance("crowded", 6, 3, 4), ALL),
        *((f"short_{h}", "a second, every step kept", h, SeededUtterance("short", 25, 2), ALL) for h in sizes),
        *((f"minute_{h}", "drift over 1,500 frames", h, SeededUtterance("minute", 1500, 5), kept[h]) for h in sizes),
        *((f"long_{h}", "drift over 3,000 frames", h, SeededUtterance("long", 3000, 6), kept[h]) for h in sizes),
    ]  # fmt: skip
    return tuple(RnntFixture(name, why, HEADS[head], utterance, kept) for name, why, head, utterance, kept in rows)


FIXTURES = {fixture.name: fixture for fixture in _catalogue()}


def select(names: Iterable[str]) -> list[RnntFixture]:
    """Fixtures by name; all of them where none is named.

    Raises
    ------
    InputError : a name is unknown
    """
    wanted = find_names(names, FIXTURES, refused="--fixture {}: unknown", there_are="there are:")
    return [FIXTURES[name] for name in wanted] or list(FIXTURES.values())

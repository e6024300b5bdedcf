"""What tests of several rooms share; `ROOT` is the checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SEED_CAPTURES = (
    "01_dialogue",
    "02_pyannote_sample",
    "03_dual_speaker",
    "06_long_recording",
    "08_luyu_jinjing_freedom",
)
"""Full captures with the official weights among the seed's fourteen, which `seed14` is the folder of."""

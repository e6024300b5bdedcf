"""Which samples does the pipeline hear?

`reading` reads and writes audio files and brings them to 16 kHz mono; `long` does it block by block, for files of any
length; `resampling` does it as pyannote.audio's front end does, to its float32 rounding.
"""

from __future__ import annotations

from parity.audio.long import load_16k
from parity.audio.reading import SAMPLE_RATE, check_waveform, load_clip, read_audio
from parity.audio.resampling import mix_down, resample, resampled, resampled_length

__all__ = [
    "SAMPLE_RATE",
    "check_waveform",
    "load_16k",
    "load_clip",
    "mix_down",
    "read_audio",
    "resample",
    "resampled",
    "resampled_length",
]

"""Which samples does the pipeline hear?

`reading` reads and writes audio files; `long` reads block by block, for files of any length; `resampling` mixes down
and resamples as pyannote.audio's front end does, to its float32 rounding.
"""

from __future__ import annotations

from parity.audio.long import FileSamples, open_samples
from parity.audio.reading import SAMPLE_RATE, check_waveform, load_clip, read_audio
from parity.audio.resampling import mix_down, resample, resampled, resampled_length

__all__ = [
    "SAMPLE_RATE",
    "FileSamples",
    "check_waveform",
    "load_clip",
    "mix_down",
    "open_samples",
    "read_audio",
    "resample",
    "resampled",
    "resampled_length",
]

"""A parity lab for ports of the `speaker-diarization-community-1` pipeline.

Importing this package imports no torch, torchaudio or pyannote.audio: only `capture` does.
"""

__version__ = "0.1.0"

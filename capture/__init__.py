"""Runs pyannote.audio (4.0.4 unless another version is asked for) and records every stage.

The only code that imports torch and pyannote.audio.
"""

"""Runs pyannote.audio 4.0.4 and records every stage. The only code that imports torch and pyannote.audio."""

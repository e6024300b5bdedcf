"""Decision cases: inputs made by hand, `catalogue`, and what pyannote.audio 4.0.4 answers, `reference`."""

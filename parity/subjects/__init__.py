"""What does the lab know of one pipeline?

`diarization` is the subject of `community-1`, `rnnt` that of the RNN-T step backend; `parity.replay.subject_of` finds
them by the pipeline's name.
"""

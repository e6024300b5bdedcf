"""Times this project against pyannote.audio 4.0.4 on the same clips in the same run, and weighs both."""

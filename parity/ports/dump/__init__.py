"""What a port in any language left on disk: read strictly, checked completely, compared up to convention.

`docs/reference/dumps.md` is the format, written for somebody who has never seen this code. `files` and `npy` read
bytes, `reading` a folder, `checks` says all that is wrong with it, `conventions` brings a dump to the reference's
numbering (`aligned`, with the parts `local_speakers`, `training`, `clusters`), `turns` compares RTTM, `probes` guesses what a gross mismatch is, `comparison` gives the verdicts.
"""

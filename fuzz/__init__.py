"""Is the lab hard to break? Bad inputs for every reader, kills of every command that writes, checkpoints that attack.

`mutators` spoils files by their format, `readers` is the table of what is read and how, `worker` runs one after the
other with limits of time and memory, `__main__` (`nox -s fuzz`) shares them out and writes `reports/fuzz.json`.
`kills` (`nox -s kills`) ends commands at random moments, `hostile` makes checkpoints that would run something.
"""

"""What can be asked on the command line?

One module per command: it parses, calls the room that answers, and prints; `options` are what several commands take
alike. `parity.__main__` is the table of contents, in the groups of `--help`.
"""

"""A release, made from a clean tree: `nox -s release -- VERSION`.

`plan` is its steps in order, as in a table of contents; `log` keeps what was done for a commit, with minutes, so that a
release that was cut short goes on. `tree` says whether there may be one, `checks` runs the lab's own sessions,
`captures` captures every fixture again, `packages` builds, installs and lists, `moved` says what moved since the last
one, `publish` writes `reports/VERSION/`.
"""

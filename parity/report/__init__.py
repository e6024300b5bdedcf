"""How is a result shown?

`document.to_json` makes JSON for scripts of it, `markdown` a comment for a pull request, `html` a page with `plots`,
`terminal` tables; each other kind of result has a module of its name, and `tables` says which tables each is had as.
Everything is read from results; nothing is computed.

It hands on nothing: each form is loaded by who asks for it, and `--help` asks for none.
"""

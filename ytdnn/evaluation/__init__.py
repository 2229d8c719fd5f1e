"""Offline evaluation of both stages, of the index, and of the whole (DESIGN §9).

`protocol` says who is asked what, `leaks` that nothing of the answer is known; `lists`
makes lists and `ranker` scores impressions, each by name, so that one more system is
one more entry; `measure` makes the report (schema.json), `slices`, `examples` and
`search` parts of it. `evaluate` does so for a run, `predictions` for a file of another
system, `bundles` for an exported bundle; `compare` sets two reports side by side,
`study` the runs of several settings and seeds. `definitions` says what every number
means, `report` shows them. The models are taken as the small interfaces of `models`.
"""

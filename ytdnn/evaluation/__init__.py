"""Offline evaluation of both stages, of the index, and of the whole (DESIGN §9).

`protocol` says who is asked what, `leaks` that nothing of the answer is known; `lists`
makes lists and `ranker` scores impressions, each by name, so that one more system is
one more entry; `measure` makes the report (its types: `report_model`), `slices`,
`examples`, `gains` and `search` parts of it; `true_page` says what lists are worth on a
world (`known_world`). `evaluate_run` measures a run, `other_systems` what `bundles` and
`predictions` open; `report_files` writes and reads evaluations; `compare` sets two of
them side by side, `study` the runs of several settings and seeds, `run_table` the runs
of a directory. `definitions` says what every number means; the package `pages` shows
them. The models are taken as the small interfaces of `models`.
"""

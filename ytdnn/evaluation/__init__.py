"""Offline evaluation of both stages, the index, and the whole system (DESIGN §9).

`protocol` defines the users, requests and right answers, `leaks` checks that no input
contains an answer; `lists` makes lists and `ranker` scores impressions, each by name,
so that one more system is one more entry; `measure` makes the report (its types:
`report_model`), `slices`, `examples`, `gains` and `search` parts of it. `evaluate_run`
measures a run, `other_systems` the systems that `bundles` and `predictions` open;
`report_files` writes and reads evaluations; `compare` compares two of them, `study` the
runs of several settings and seeds, `run_table` the runs of a directory. `definitions`
explains every number; the package `pages` shows them. The models are passed as the
small interfaces of `models`.
"""

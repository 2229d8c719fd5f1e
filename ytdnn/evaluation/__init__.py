"""Offline evaluation of both stages, the index, and the whole system (DESIGN §9).

`user_cases` and `request_cases` define the users, requests and right answers,
`leaks` checks that no input contains an answer; `lists` makes lists and
`shown_scorers` scores impressions, each by name, so that one more system is one
more entry; `measure` makes the report (its types: `report_types`). `evaluate_run`
measures a run, `external_systems` what `bundles` and `prediction_files` open;
`report_files` writes and reads evaluations, `compare` compares two of them. Studies of
several runs and the pages are in `lab`. The models are passed as the small interfaces
of `models`.
"""

"""Offline evaluation of both stages, of the index, and of the whole (DESIGN §9).

`protocol` says who is asked what; `candidates`, `ranker`, `search` and `system`
measure; `evaluate` loads a run and writes `evaluation.json`; `report` shows it.
The models are taken as the small interfaces of `models`.
"""

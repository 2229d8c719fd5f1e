r"""What do other systems get from the same logs, on the same machine?

    python -m experiments.side_by_side --data=DIRECTORY
    python -m experiments.side_by_side --quick
    python -m experiments.side_by_side --logs=ml-100k --systems=rp3beta --table
    python -m experiments.side_by_side --write

Claim: with no setting given, ytdnn is not surely below any system on any log. It does
not hold on one of eleven: on clicks of news (globo-clicks) the most watched videos of
the hour before the test are surely better in lists of a user's next 38 hours.

Protocol: `ytdnn run` makes a log's run; its split is written to files (`splits.py`);
each system is fitted in a process and a virtual environment of its own
(`worker.py`, `requirements/`), to everything known before the test, the validation
watches of leave-one-out too, from which ytdnn does not learn; its lists of 100 videos
are scored as `ytdnn evaluate --predictions=FILE` does, over all videos, watched ones
removed. Each user is asked once, when the test begins (temporal) or before the last
watch (leave-one-out). ytdnn's are its candidates' lists. Differences are paired by
user, with 95 % intervals. One seed.

A system is one file of `systems/`: `GRID` (its settings, the documented ones first),
`fit(watches, **settings)`, `recommend(fitted, users, k)`. Those of `--tuned` have a
second row: their settings are chosen by nDCG@10 on validation, in as much processor
time as ytdnn's whole run took. `settings` of a record says what was chosen.

A cell has at most `--minutes` of processor time and `--gibibytes`; what was stopped
says so. A finished cell is not run again while it is in `--out`. Seconds are the
processor's, of all threads; memory is that of all processes of the cell. BLAS has one
thread, as implicit asks for.

`--run=LOG=WORKDIR@SECONDS` takes a finished run, with the processor seconds that it
took, where they are known. `--write` keeps the records in
experiments/results/side_by_side.json and draws docs/side_by_side.md and its picture.
"""

r"""What do video tables with fewer rows than videos cost in quality?

Claim: with two hashed rows a video (`candidates.hashed_rows`) in place of the paper's
one (PAPER §3.1), a table of half the rows keeps most of the quality, and a table of a
tenth stays above popularity.

    ytdnn study --config=experiments/hashed_rows.py --workdir=runs/hashed/ml-100k \
        --stage=candidates --config.data.dir=ml-100k.zip

Other logs by name: `--config=experiments/hashed_rows.py:topics-10k`, the made log of
experiments/made_logs.py, and `:amazon-toys`, each with its own `--config.data.dir`.

Protocol: no setting given but the number of rows, which is the number of videos divided
by 2, 5 and 10; candidates alone, on test. MovieLens-100K and amazon-toys (11,924 items,
8.6 reviews a user) are leave-one-out; the log of 10,000 videos in 50 topics, each
watched 20 times, is temporal.

Measured 2026-11-28, training seed 0, two cores beside much other work; ± half a 95 %
interval of the difference paired by user:

| log | rows | HR@10 | nDCG@10 | HR@10 less full's | training s |
|---|---|---|---|---|---|
| MovieLens-100K | full, 1,678 | .217 | .115 | | 110 |
| | 841 | .188 | .100 | − .030 ± .020 | 98 |
| | 336 | .153 | .082 | − .065 ± .024 | 112 |
| | 168 | .118 | .066 | − .100 ± .026 | 103 |
| | popularity | .086 | .045 | | |
| amazon-toys | full, 11,876 | .095 | .056 | | 91 |
| | 5,962 | .082 | .051 | − .014 ± .003 | 100 |
| | 2,384 | .051 | .032 | − .045 ± .004 | 131 |
| | 1,192 | .030 | .019 | − .065 ± .004 | 135 |
| | popularity | .009 | .005 | | |
| topics, 10,000 | full, 9,886 | .307 | .081 | | 8 |
| | 5,000 | .290 | .077 | − .017 ± .010 | 6 |
| | 2,000 | .259 | .069 | − .048 ± .012 | 5 |
| | 1,000 | .211 | .058 | − .095 ± .014 | 12 |
| | popularity | .051 | .009 | | |

The claim holds, but the price is high: half the rows cost 6 to 14 % of HR@10, a fifth
16 to 47 %, a tenth 31 to 68 %. So hashed rows are for catalogues whose table does not
fit, no saving otherwise. The start matters as without them: on `topics` rows fitted to
the counted vectors by least squares have an nDCG@10 of .077 at half the rows, a random
start (`candidates.initial_vectors=random`) .008, which is popularity's.

`ranking.hashed_rows` does the same to the ranker's tables
(`--config=experiments/hashed_rows.py:quickstart`, `:slice`; the candidates are those of
full tables). Measured 2026-11-29 on quickstart, 2,543 users, seed 0:

| rows | page of ten, true s | less full's | AUC | grouped AUC | per-user loss |
|---|---|---|---|---|---|
| full, 4,098 | 2,381 | | .7371 | .7008 | .1657 |
| 2,049 | 2,372 | − 8 ± 5 | .7367 | .7006 | .1647 |
| 819 | 2,384 | + 3 ± 5 | .7367 | .7010 | .1650 |
| 409 | 2,381 | 0 ± 5 | .7372 | .7010 | .1647 |
| popularity | 231 | | .6466 | .6413 | .2479 |

There they cost next to nothing: a ranker has other numbers of each video, and shared
rows tell only what those do not.
"""

from experiments import logs
from ytdnn import configs

SHARES = {"full": 0, "half": 2, "fifth": 5, "tenth": 10}


# Videos of each log.
LOGS = {"ml-100k": 1_682, "amazon-toys": 11_924, "topics-10k": 10_000}
# Videos with a vector, of the logs whose ranker has fewer rows.
RANKED = {"quickstart": 4_098, "slice": 4_248}


def get_config() -> configs.Config:
    """Returns MovieLens-100K with no setting given."""
    return get_variants()["full"]


def get_variants(log: str = "ml-100k") -> dict[str, configs.Config]:
    """Returns the tables with a row of each video, the first, and with fewer.

    Args:
      log: One of `LOGS`, whose candidates have fewer rows, or of `RANKED`.
    """
    config = configs.Config(data=logs.data("log" if log == "topics-10k" else log))
    stage = "ranking" if log in RANKED else "candidates"
    videos = (LOGS | RANKED)[log]
    rows = {name: videos // part if part else 0 for name, part in SHARES.items()}
    return {
        name: configs.changed(config, {f"{stage}.hashed_rows": number})
        for name, number in rows.items()
    }

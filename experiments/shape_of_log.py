r"""Does the rule of the log's shape hold on a log that it was not made on?

Claim: whether a log is learned from a random start (dense) or from counted co-watching
(sparse), and with small or large steps, can be told from watches a video, watches a
user and users a video, with thresholds found on other logs (PAPER §3;
docs/defaults.md).

    ytdnn study --config=experiments/shape_of_log.py --workdir=runs/shape/quickstart \
        --stage=candidates --seeds=0
    ytdnn study --config=experiments/shape_of_log.py:ml-100k \
        --workdir=runs/shape/ml-100k --stage=candidates --seeds=0 \
        --config.data.dir=ml-100k
    python -m experiments.shape_of_log runs/shape

There is a study of each of `LOGS`: MovieLens by leave-one-out, `amazon-toys` (the
Parquet file `interactions` with `user_id`, `item_id`, `seq`), `slice` (a slice of
KuaiRand-Pure), `topics` and `tastes` (experiments/made_logs.py, 10k) and the quickstart
world. It trains the candidates by the settings of each of three kinds of log.

The last command leaves one log out at a time: the thresholds are those with the highest
mean share of the best validation nDCG@10 on the others (the middle of those that are
equal), and the table shows which settings they choose for the log left out, and its
test nDCG@10 beside that of the best settings by validation.

Protocol: all videos ranked, watched ones removed; the epoch is chosen on validation,
the test is measured once for each kind.
"""

import argparse
import dataclasses
import itertools
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import rich
from rich import table

from experiments import logs
from ytdnn import configs
from ytdnn.evaluation import lists, report_files
from ytdnn.run import artifacts
from ytdnn.run.configs import by_size

DENSE, LONG, SHORT = "dense", "sparse_long", "sparse_short"
LOGS: dict[str, configs.LogSize] = {
    "ml-100k": configs.LogSize(watches=100_000, users=943, videos=1_678),
    "ml-latest-small": configs.LogSize(watches=100_836, users=610, videos=9_681),
    "amazon-toys": configs.LogSize(watches=167_597, users=19_412, videos=11_876),
    "slice": configs.LogSize(watches=76_099, users=24_076, videos=4_248),
    "topics": configs.LogSize(watches=200_000, users=4_000, videos=9_886),
    "tastes": configs.LogSize(watches=200_000, users=4_000, videos=9_835),
    "quickstart": configs.LogSize(watches=197_689, users=3_990, videos=4_098),
}
_MADE = ("topics", "tastes")  # by experiments/made_logs.py
_KINDS = (DENSE, LONG, SHORT)
_METRIC = "ndcg@10"
# Thresholds that are tried: watches a video below which a log is sparse, watches a user
# below which it is not (co-watching says little), and above which histories are long.
_PER_VIDEO = (0, 5, 10, 15, 20, 30, 45, 70)
_LEAST_PER_USER = (0, 2, 3, 5, 7, 10)
_LONG_PER_USER = (0, 5, 10, 20, 40, 80, 200)
_USERS_PER_VIDEO = (0.0, 0.1, 0.2, 0.5)  # below which it is dense too


def get_config(log: str = "quickstart") -> configs.Config:
    """Returns a log by name with the settings of a dense one."""
    return get_variants(log)[DENSE]


def get_variants(log: str = "quickstart") -> dict[str, configs.Config]:
    """Returns the settings of each kind of log."""
    size = LOGS[log]
    settings = {
        DENSE: by_size.of_dense_log(size),
        LONG: by_size.of_sparse_log(size, has_long=True),
        SHORT: by_size.of_sparse_log(size, has_long=False),
    }
    return {
        name: configs.Config(
            data=logs.data("log" if log in _MADE else log),
            candidates=by_size.filled(
                configs.CandidatesConfig(), by_size.OF_CANDIDATES, values
            ),
            ranking=configs.RankingConfig(enabled=False),
        )
        for name, values in settings.items()
    }


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """A rule of the shape of a log.

    Attributes:
      per_video: Watches a video below which a log is sparse.
      least_per_user: Watches a user below which it is dense all the same.
      long_per_user: Watches a user from which histories are long.
      users_per_video: Users for each video below which it is dense, too.
    """

    per_video: float
    least_per_user: float
    long_per_user: float
    users_per_video: float

    def kind(self, size: configs.LogSize) -> str:
        """Returns the kind of a log of some size."""
        per_user = size.watches / size.users
        is_dense = size.watches >= self.per_video * size.videos
        has_few = size.users < self.users_per_video * size.videos
        if is_dense or has_few or per_user < self.least_per_user:
            return DENSE
        return LONG if per_user >= self.long_per_user else SHORT


RULES = [
    Thresholds(*values)
    for values in itertools.product(
        _PER_VIDEO, _LEAST_PER_USER, _LONG_PER_USER, _USERS_PER_VIDEO
    )
]


def fitted(validation: Mapping[str, Mapping[str, float]]) -> Thresholds:
    """Returns the thresholds with the highest mean share of the best nDCG.

    Args:
      validation: Validation metric of each kind of settings, by log.

    Returns:
      Of the rules that are equal, the middle by the order of `RULES`.
    """
    shares = np.array(
        [
            np.mean(
                [
                    found[rule.kind(LOGS[log])] / max(found.values())
                    for log, found in validation.items()
                ]
            )
            for rule in RULES
        ]
    )
    best = np.flatnonzero(shares >= shares.max() - 1e-9)
    return RULES[int(best[len(best) // 2])]


def read(
    directory: pathlib.Path,
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Returns the validation and the test metric of each kind, by log.

    Args:
      directory: Directory of the studies, each under its log's name.
    """
    validation: dict[str, dict[str, float]] = {}
    test: dict[str, dict[str, float]] = {}
    for log in LOGS:
        runs = {kind: directory / log / kind / "seed-0" for kind in _KINDS}
        if not all((run / "evaluation").exists() for run in runs.values()):
            continue
        validation[log] = {
            kind: _validated(run / "candidates") for kind, run in runs.items()
        }
        test[log] = {
            kind: report_files.read(run).number(lists.CANDIDATES, _METRIC)
            for kind, run in runs.items()
        }
    return validation, test


def _validated(directory: pathlib.Path) -> float:
    facts = artifacts.read_manifest(directory, "candidates").facts
    return float(facts["validation"][_METRIC])


def show(
    validation: Mapping[str, Mapping[str, float]],
    test: Mapping[str, Mapping[str, float]],
) -> table.Table:
    """Returns each log, and the kind that thresholds of the others choose for it."""
    found = table.Table(title=f"one log left out, {_METRIC} by the network alone")
    for heading in (
        *("log", *(f"{kind}: validation, test" for kind in _KINDS)),
        *("the others choose", "the shipped rule", "share of the best on test"),
    ):
        found.add_column(heading, justify="right")
    for log in validation:
        others = {name: row for name, row in validation.items() if name != log}
        chosen = fitted(others).kind(LOGS[log])
        best = max(_KINDS, key=validation[log].__getitem__)
        numbers = [
            f"{validation[log][kind]:.4f}, {test[log][kind]:.4f}" for kind in _KINDS
        ]
        share = test[log][chosen] / test[log][best]
        found.add_row(log, *numbers, chosen, _shipped(LOGS[log]), f"{share:.3f}")
    return found


def _shipped(size: configs.LogSize) -> str:
    if not by_size.is_sparse(size):
        return DENSE
    is_long = by_size.candidates(size) == by_size.of_sparse_log(size, has_long=True)
    return LONG if is_long else SHORT


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table of the studies below a directory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    options = parser.parse_args(arguments)
    rich.get_console().width = 160
    rich.print(show(*read(options.directory)))


if __name__ == "__main__":
    main()

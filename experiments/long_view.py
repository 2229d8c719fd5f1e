r"""Does the ranker order each user's own impressions better than boosting does?

Claim: on a public protocol of KuaiRand-Pure the ranker's order of each user's own
impressions is above LightGBM on the same inputs and a video's own rate (PAPER §4).

    pip install -c constraints.txt '.[experiments]'
    python -m experiments.long_view --data_dir=DIR --workdir=runs/long-view

Protocol: that of a contest on this data. The label is upstream's `long_view`. Settings
are chosen with the validation days held out; the chosen model is trained again on
training and validation days, as many epochs as its best took, and asked once for the
test days. Every user's impressions of the test days are one list, ordered by what was
known before it: nothing that a user did on those days is read. GAUC: AUC within each
user who has both kinds, weighted by the user's positives. nDCG@5: binary, over all
users, 0 for one without a positive; ties share their ranks.

The dates are settings (China's days, by the time of an impression: upstream's `date`
counts some of the hour before, 114 of the 113,930 rows of the test). The defaults are
those of a part of the log, of ten days: training from 04-25, validation 04-28, test
from 04-29 to the end. The candidate model learns from what lies before the training:
there the table of earlier watches, `--histories`, which are ordered but have no times.
The whole archive, whose contest trains on 04-08 to 04-21, holds its own:

    python -m experiments.long_view --data_dir=ARCHIVE --workdir=runs/archive \
        --histories= --ranking_from=2022-04-12 --validation_from=2022-04-22 \
        --test_from=2022-04-29

Measured 2026-11-28 beside much other work, one seed, the ten days, test of 113,816
impressions of 21,576 users; GAUC on the validation day .6399 for click × watch time and
.6411 for click, so click:

| | GAUC | nDCG@5 |
|---|---|---|
| random order | .5000 | .447 ± .005 |
| long-view rate | .6150 ± .0053 | .491 ± .006 |
| candidates | .5857 ± .0054 | .479 ± .006 |
| ranker | .6414 ± .0051 | .500 ± .006 |
| LightGBM | .6407 ± .0053 | .501 ± .006 |

Both are ahead of the rate, and level with each other. (The data and the candidates
are those of a run of the day before, in which the earlier watches stood an hour later,
right before the first row; the rankers and the trees were trained anew.)

Rows: a random order; each video's smoothed rate of long views in the training days; the
candidate model's product; LightGBM of the label on the ranker's inputs (sizes of
`lightgbm_ranker.py`, rounds by the validation days, then grown on all days); the ranker
in the order of its click probability. Of the ranker, two heads are tried on the
validation days, and the one with the higher GAUC is taken.
"""

import argparse
import dataclasses
import pathlib
import shutil
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import rich
from rich import table

import ytdnn
from experiments import lightgbm_ranker
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.base.metrics import binary, predicted_seconds
from ytdnn.candidates import model as candidate_model
from ytdnn.evaluation import ranker, shown_lists, summary
from ytdnn.features import base_feature
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage
from ytdnn.run.pipeline import sizes
from ytdnn.run.pipeline import workdir as workdir_room
from ytdnn.training import candidates as candidates_training
from ytdnn.training import ranking as ranking_training

GAUC, NDCG = "GAUC", "nDCG@5"
RANDOM, RATE, CANDIDATES = "random order", "long-view rate", "candidates"
BOOSTED, RANKER = "LightGBM", "ranker"
_CHINA = "T00:00:00+08:00"
_K = 5
_ROUNDS, _PATIENCE = 3_000, 50
HEADS: dict[str, configs.Head] = {
    "click × watch time": configs.ClickTimesWatchTimeConfig(),
    "click": configs.ClickConfig(),
}

Orders = dict[str, npt.NDArray[np.floating]]
Row = dict[str, tuple[float, float, float]]
"""By metric: value and the ends of its 95 % interval over users."""
_Split = events.Split


def config_of(given: argparse.Namespace) -> configs.Config:
    """Returns the run whose validation days are held out.

    Args:
      given: Of the command line.
    """
    data = configs.DataConfig(
        source="kuairand",
        name=given.name,
        dir=str(given.data_dir),
        click="long_view",
        histories=given.histories,
        page_gap_seconds=600.0,
        ranking_from=given.ranking_from + _CHINA,
        ranking_validation_from=given.validation_from + _CHINA,
        test_from=given.test_from + _CHINA,
    )
    return configs.changed(
        configs.Config(data=data, seed=given.seed),
        {
            "candidates.training.epochs": given.candidate_epochs,
            "ranking.enabled": True,
        },
    )


def scores(shown: ranker.SplitImpressions, order: npt.NDArray[np.floating]) -> Row:
    """Returns GAUC and nDCG@5 of an order of each user's impressions.

    Args:
      shown: Impressions with their labels.
      order: `[n]`, higher = placed first.
    """
    num_users, label = shown.num_users, shown.clicked.astype(np.float64)
    within = binary.grouped_auc(shown.users, shown.clicked, order, num_users)
    defined = np.isfinite(within)
    weights = np.where(defined, shown.by_user(label), 0.0)
    rows, ndcg = predicted_seconds.page_ndcg(shown.users, order, label, _K)
    of_users = np.zeros(num_users)
    of_users[shown.users[rows]] = ndcg
    parts = {
        GAUC: (np.where(defined, within, 0.0) * weights, weights),
        NDCG: (of_users, np.ones(num_users)),
    }
    entry = summary.of_ratios(parts, configs.EvaluationConfig())
    found: Row = {}
    for name in parts:
        low, high = entry.intervals[name]
        found[name] = (entry.values[name] or 0.0, low or 0.0, high or 0.0)
    return found


def choose(config: configs.Config, workdir: pathlib.Path) -> pathlib.Path:
    """Trains each head with the validation days held out; returns the best one's run.

    Args:
      config: The run.
      workdir: Of the experiment.
    """
    found: dict[pathlib.Path, float] = {}
    first = workdir / "head-0"
    ytdnn.prepare(first, config, verbose=True)
    ytdnn.train(first, config, stage="candidates", verbose=True)
    for number, (name, head) in enumerate(HEADS.items()):
        directory = workdir / f"head-{number}"
        run = configs.changed(config, {"ranking.head": head})
        if not directory.exists():
            left_out = shutil.ignore_patterns(".lock", ranking_model.KIND)
            shutil.copytree(first, directory, ignore=left_out)
        ytdnn.train(directory, run, stage="ranking", verbose=True)
        data, _, trained = _opened(directory, run)
        shown = ranker.SplitImpressions(data.log, _Split.VALIDATION)
        row = scores(shown, _by_click(data, trained, shown))
        rich.print(f"{name}: {GAUC} {row[GAUC][0]:.4f} on the validation days")
        found[directory] = row[GAUC][0]
    return max(found, key=found.__getitem__)


def train_again(
    config: configs.Config, chosen: pathlib.Path, directory: pathlib.Path
) -> configs.Config:
    """Trains the chosen models on training and validation days alike.

    Args:
      config: The run of all days.
      chosen: The run whose settings and epochs are repeated.
      directory: Where the models will stand.

    Returns:
      The run, with the settings of the chosen one.
    """
    like = workdir_room.require_config(chosen)
    run = configs.changed(
        sizes.resolved(like, chosen),
        {
            "data": config.data,
            "data.ranking_validation_from": config.data.test_from,
        },
    )
    kinds = candidate_model.KIND, ranking_model.KIND
    first, second = (artifacts.read_manifest(chosen / k, k) for k in kinds)
    data = prepare.prepare(run.data, directory / prepared.KIND)
    workdir_room.write_config(directory, run)
    home = directory / candidate_model.KIND
    candidates_training.train(run, data, home, first)
    first_stage = stage.load(home, data, run.composition)
    target = directory / ranking_model.KIND
    ranking_training.train(run, data, target, first_stage, second)
    return run


def _opened(
    directory: pathlib.Path, config: configs.Config
) -> tuple[prepared.PreparedData, stage.FirstStage, ranking_model.RankingModel]:
    data = prepared.load(directory / prepared.KIND)
    first = stage.load(directory / candidate_model.KIND, data, config.composition)
    trained = ranking_model.load(directory / ranking_model.KIND, data, first)
    return data, first, trained


def _by_click(
    data: prepared.PreparedData,
    trained: ranking_model.RankingModel,
    shown: ranker.SplitImpressions,
) -> npt.NDArray[np.floating]:
    """Returns the click probability of each impression, or what stands for it.

    By what was known when the user's list began: nothing of the days that are ordered.
    """
    found = trained.predictions(data, shown.rows, shown.list_starts)
    chance = found.click_probability
    return np.asarray(found.order if chance is None else chance)


def orders(config: configs.Config, directory: pathlib.Path) -> Orders:
    """Returns the orders of the test days' impressions by all but LightGBM.

    Args:
      config: The run of all days.
      directory: Of its models.
    """
    data, first, trained = _opened(directory, config)
    shown = ranker.SplitImpressions(data.log, _Split.TEST)
    rate = ranker.popularity_predictions(data, shown).click_probability
    vectors = first.candidates.video_vectors()
    product = shown_lists.candidates(data, first.candidates, vectors)
    return {
        RANDOM: np.zeros(len(shown.rows)),
        RATE: np.asarray(rate),
        CANDIDATES: product(shown).order,
        RANKER: _by_click(data, trained, shown),
    }


def boosted(held_out: pathlib.Path, whole: pathlib.Path) -> npt.NDArray[np.floating]:
    """Returns LightGBM's scores of the test days.

    Args:
      held_out: The run that holds validation days out: they choose the rounds.
      whole: The run of all days: the trees are grown on it.
    """
    import lightgbm

    settings: dict[str, Any] = lightgbm_ranker._BOOSTING | {"objective": "binary"}
    training, validation = _matrices(held_out, (_Split.TRAIN, _Split.VALIDATION))
    stop = lightgbm.early_stopping(_PATIENCE, verbose=False)
    early = lightgbm.train(
        settings,
        training.dataset(),
        _ROUNDS,
        valid_sets=[validation.dataset()],
        callbacks=[stop],
    )
    rounds = max(1, int(early.best_iteration))
    training, asked = _matrices(whole, (_Split.TRAIN, _Split.TEST))
    trees = lightgbm.train(settings, training.dataset(), rounds)
    rich.print(f"LightGBM: {rounds} trees on {len(training.values):,} impressions")
    return np.asarray(trees.predict(asked.values, raw_score=True))


@dataclasses.dataclass(frozen=True)
class _Matrix:
    """The ranker's inputs of some impressions, as trees read them."""

    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float64]
    categorical: list[int]

    def dataset(self) -> Any:
        """Returns it as LightGBM's data set."""
        import lightgbm

        return lightgbm.Dataset(
            self.values, self.labels, categorical_feature=self.categorical
        )


def _matrices(
    directory: pathlib.Path, splits: tuple[events.Split, events.Split]
) -> tuple[_Matrix, _Matrix]:
    data = prepared.load(directory / prepared.KIND)
    read_by = lightgbm_ranker.open_ranker(directory, data)
    training, asked = (
        lightgbm_ranker.read(
            data, read_by.open_log(data, is_test), split, as_lists=is_test
        )
        for split in splits
        for is_test in [split == _Split.TEST]
    )
    for feature in read_by.features:
        if isinstance(feature, base_feature.TrainingOnly):
            lightgbm_ranker.made_neutral(feature.name, training, asked, asked)
    encoding = lightgbm_ranker.Encoding(training)
    made = [
        _Matrix(
            encoding.matrix(part),
            part.shown.clicked.astype(np.float64),
            encoding.categorical,
        )
        for part in (training, asked)
    ]
    return made[0], made[1]


def measure(config: configs.Config, workdir: pathlib.Path) -> dict[str, Row]:
    """Goes through the protocol and returns each row's GAUC and nDCG@5.

    Args:
      config: The run whose validation days are held out.
      workdir: Of the experiment.
    """
    chosen, whole = choose(config, workdir), workdir / "all-days"
    run = train_again(config, chosen, whole)
    found = orders(run, whole) | {BOOSTED: boosted(chosen, whole)}
    shown = ranker.SplitImpressions(
        prepared.load(whole / prepared.KIND).log, _Split.TEST
    )
    return {name: scores(shown, order) for name, order in found.items()}


def show(found: dict[str, Row]) -> table.Table:
    """Returns the rows as a table."""
    result = table.Table(title="each user's own impressions of the test days")
    for heading in ("", GAUC, NDCG):
        result.add_column(heading, justify="right" if heading else "left")
    for name, row in found.items():
        cells = [
            f"{value:.4f} ± {(high - low) / 2:.4f}" for value, low, high in row.values()
        ]
        result.add_row(name, *cells)
    return result


def main() -> None:
    """Runs the protocol and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data_dir", type=pathlib.Path, required=True)
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--name", default="pure", help="edition of KuaiRand")
    parser.add_argument("--histories", default="histories.parquet")
    parser.add_argument("--ranking_from", default="2022-04-25")
    parser.add_argument("--validation_from", default="2022-04-28")
    parser.add_argument("--test_from", default="2022-04-29")
    parser.add_argument("--candidate_epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    try:
        found = measure(config_of(given), given.workdir)
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    rich.print(show(found))
    rich.print(f"in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

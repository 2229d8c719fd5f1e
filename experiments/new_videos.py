r"""Are videos found that were uploaded after the candidates' training?

Claim: with a vector made of channel, topic, language, title and duration, and with what
videos of their age are watched, new uploads are retrieved without a training of their
own, and old ones no less (PAPER §3.3: users prefer fresh content).

    ytdnn study --config=experiments/new_videos.py --workdir=runs/new-videos \
        --stage=candidates
    python -m experiments.new_videos --workdir=runs/new-videos/content/seed-0

The second command sets the right answers that first appeared after the training window
beside all; `ytdnn evaluate` shows them as the slice "not in training" of popularity.

Protocol: temporal, as in quickstart.py. A video that is not uploaded when the tested
window begins is in no list; a quarter of the new answers are such videos.

Measured 2026-11-25 on two cores shared with other work, one seed. World `small`, 7,546
test users, 79,111 right answers, of which 27,920 first appeared after the training
window; content with 10 epochs, ids with 24 (world_small.py):

| | ids | content |
|---|---|---|
| hit rate@10 | 0.276 | 0.459 |
| recall@100 | 0.166 | 0.335 |
| recall@100 of the new answers, in lists of all videos | 0 | 0.308 |
| of those uploaded by the time of the request | 0 | 0.414 |
| recall@100 of the new answers, in lists of the 2,595 new videos alone | 0 | 0.487 |
| validation nDCG@10 | 0.093 | 0.127 |

Shares of all answers, whosever they are; the means over users with a new answer are
0.363 in lists of all videos and 0.549 in those of new ones. Half of the videos in
lists of ten are new. With ids dropped twice as often (id_dropout 0.4 for 0.2,
2026-11-27) all is level: hit rate 0.458, recall@100 0.334, of the new answers 0.312, in
lists of the new videos alone 0.489, of those uploaded by the time of the request 0.657;
validation nDCG@10 0.124.

A second world (`--config.data.world.seed=1` of `quickstart`), six epochs for all:

| | hit rate@10 | recall@100 | of new answers | of old | validation nDCG@10 |
|---|---|---|---|---|---|
| ids | 0.197 | 0.190 | 0 | 0.307 | 0.053 |
| content without age | 0.266 | 0.296 | 0.113 | 0.357 | 0.077 |
| content, id_dropout 0.05 | 0.421 | 0.406 | 0.386 | 0.335 | 0.123 |
| content, id_dropout 0.4 | 0.421 | 0.406 | 0.409 | 0.323 | 0.117 |

World `quickstart` itself (quickstart.py, 14 epochs): hit rate@10 0.494 (ids 0.297),
recall@100 0.473 (0.254), 0.456 of the new answers and 0.605 of those uploaded, in lists
of the new videos alone 0.716; the page of both stages 2,338 ± 55 true seconds (2,276),
its best order 3,132 (3,021), AUC of the ranker 0.734 (0.734).

How much of it counting alone would find (`small`, measured 2026-11-27, another training
of the same settings): lists by the plain product of the user's shares of channel, topic
and language, a watch counting exp(-age / 20 days), share of the new answers found in
lists of 100:

| lists of | content | plain product |
|---|---|---|
| new videos uploaded by the time of the request | 0.489 | 0.393 |
| new videos, uploaded or not | 0.598 | 0.518 |

A quarter of the new answers, uploaded after the request, can be in no list of the first
kind, so it finds at most 0.743 of them.

The claim holds: of the old answers, too, lists of 100 hold more than with ids alone,
though new videos take many of their places. Content raises the recall of old answers;
age makes the scores of new videos comparable with those of old ones. The rate of
dropped ids matters little.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import rich
from rich import table

from ytdnn import configs
from ytdnn.base import errors, ragged
from ytdnn.base.metrics import exact_top_k, top_k_selection
from ytdnn.candidates import model as candidate_model
from ytdnn.evaluation import lists, user_cases
from ytdnn.features import past_sums
from ytdnn.log import events, prepared
from ytdnn.run.pipeline import workdir

IDS, CONTENT, NO_AGE = "ids", "content", "content-without-age"
ALL, NEW, NEW_AT_ANY_TIME = (
    "all videos",
    "new videos alone",
    "new videos, uploaded or not",
)
PLAIN = "plain product"
_KS = (10, 100)
_ALWAYS, _NEVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_DECAY_SECONDS = 20 * 86_400
_RARE = 1e-3  # added to each share, so that one of nothing does not decide alone


def get_config() -> configs.Config:
    """Returns the model that knows content and age."""
    return _config(configs.ContentConfig(enabled=True))


def get_variants() -> dict[str, configs.Config]:
    """Returns the model of ids alone, with content, and with content but no age."""
    return {
        IDS: _config(configs.ContentConfig(enabled=False)),
        CONTENT: get_config(),
        NO_AGE: _config(configs.ContentConfig(enabled=True, popularity_by_age=False)),
    }


def _config(content: configs.ContentConfig) -> configs.Config:
    training = configs.TrainingConfig(epochs=14, patience=5)
    return configs.Config(
        data=configs.DataConfig(world=configs.WORLDS["quickstart"]),
        candidates=configs.CandidatesConfig(content=content, training=training),
        ranking=configs.RankingConfig(),
    )


@dataclasses.dataclass(frozen=True)
class Measured:
    """One list, of all videos or of the new ones alone.

    Attributes:
      hit_rate: At 10, of all answers.
      recall: At 100, of all answers, the mean over users.
      recall_of_new: Share of all new answers that lists of 100 hold.
      recall_of_uploaded: The same of those uploaded by the time of the request.
      share_of_new: Share of new videos in lists of ten.
    """

    hit_rate: float
    recall: float
    recall_of_new: float
    recall_of_uploaded: float
    share_of_new: float


def measure(directory: pathlib.Path, split: events.Split) -> dict[str, Measured]:
    """Returns lists of a run's candidate model and of plain products, measured.

    The names say what the lists may hold: all videos, new ones uploaded by the time of
    the request, or new ones whether uploaded or not; behind `PLAIN` are the lists that
    need no training.
    """
    config = workdir.require_config(directory).evaluation
    data = prepared.load(directory / prepared.KIND)
    trained = candidate_model.load(directory / candidate_model.KIND, data)
    cases = user_cases.cases(data, split, config, trained.num_listed)
    users = trained.user_vectors(data, cases.users, cases.ends, cases.times)
    videos = trained.video_vectors(user_cases.moment(cases, split))
    is_new = np.arange(trained.num_listed) >= data.vocabulary_size
    uploads = data.catalogue.listed_from[: trained.num_listed]
    kept = {
        ALL: cases,
        NEW: _listed_from(cases, np.where(is_new, uploads, _NEVER)),
        NEW_AT_ANY_TIME: _listed_from(cases, np.where(is_new, _ALWAYS, _NEVER)),
    }
    plain = _plain_product(data, cases)
    found = {}
    for name, of in kept.items():
        learned = lists.from_vectors(of, users, videos, 100)
        found[name] = _of_lists(data, of, learned)
    for name in (NEW, NEW_AT_ANY_TIME):
        of = kept[name]
        counted = lists.from_scores(of, plain, trained.num_listed, 100)
        found[f"{name}, {PLAIN}"] = _of_lists(data, of, counted)
    return found


def _listed_from(
    cases: user_cases.Cases, moments: npt.NDArray[np.int64]
) -> user_cases.Cases:
    return dataclasses.replace(cases, available_from=moments)


def _plain_product(
    data: prepared.PreparedData, cases: user_cases.Cases
) -> top_k_selection.Scorer:
    """Scores by the product of the user's shares of channel, topic and language.

    A watch counts exp(-age / 20 days); what is unknown of a video has no share.
    """
    shares = [_shares(data, cases, column) for column in past_sums.KEY_COLUMNS]

    def score(rows: slice, videos: slice, out: npt.NDArray[np.float32]) -> None:
        out[:] = 1.0
        for of_users, keys in shares:
            out *= of_users[rows][:, keys[1:][videos]] + _RARE

    return score


def _shares(
    data: prepared.PreparedData, cases: user_cases.Cases, column: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Returns shares of each value `[cases, values]` and the value of each video."""
    keys = past_sums.keys(data, column)
    stride = int(keys.max(initial=0)) + 1
    history = ragged.ranges(data.watches.offsets[cases.users], cases.ends)
    ages = cases.times[history.rows] - data.watches.times[history.values]
    cells = history.rows * stride + keys[data.watches.videos[history.values]]
    counts = np.bincount(cells, np.exp(-ages / _DECAY_SECONDS), len(cases) * stride)
    of_users = counts.reshape(-1, stride)
    total = of_users.sum(axis=1, keepdims=True)
    of_users[:, 0] = 0.0  # no value
    return (of_users / np.maximum(total, 1e-9)).astype(np.float32), keys


def _of_lists(
    data: prepared.PreparedData, cases: user_cases.Cases, found: lists.Lists
) -> Measured:
    values = exact_top_k.metrics_at(found, *cases.targets, _KS)
    targets = cases.targets
    is_new = targets.values > data.vocabulary_size
    uploads = data.catalogue.listed_from[targets.values - 1]
    is_uploaded = is_new & (uploads <= cases.times[targets.rows])
    is_hit = _are_listed(found, targets.rows, targets.values)
    return Measured(
        hit_rate=float(values["hit_rate@10"].mean()),
        recall=float(values["recall@100"].mean()),
        recall_of_new=float(is_hit[is_new].mean()),
        recall_of_uploaded=float(is_hit[is_uploaded].mean()),
        share_of_new=float((found[:, :10] > data.vocabulary_size).mean()),
    )


def _are_listed(
    found: lists.Lists,
    rows: npt.NDArray[np.integer],
    videos: npt.NDArray[np.integer],
) -> npt.NDArray[np.bool_]:
    """Returns which of the videos are in the list of their row."""
    stride = int(max(found.max(initial=0), videos.max(initial=0))) + 1
    keys = np.arange(len(found))[:, np.newaxis] * stride + found
    listed: npt.NDArray[np.bool_] = np.isin(rows * stride + videos, keys)
    return listed


def show(found: dict[str, Measured]) -> table.Table:
    """Returns the lists as rows."""
    result = table.Table(title="right answers found, and new videos in lists of ten")
    for heading in (
        "lists of",
        "hit rate@10",
        "recall@100",
        "of new answers",
        "of those uploaded",
        "share of new",
    ):
        result.add_column(heading, overflow="fold")
    for name, one in found.items():
        result.add_row(name, *(f"{v:.3f}" for v in dataclasses.astuple(one)))
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures a run and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    options = parser.parse_args(arguments)
    try:
        found = measure(options.workdir, events.Split[options.split.upper()])
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    rich.print(show(found))


if __name__ == "__main__":
    main()

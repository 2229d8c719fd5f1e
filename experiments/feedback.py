r"""Does one ranker of several outcomes predict each as well as a ranker of that alone?

Claim: on KuaiRand-Pure one network that predicts the click, the watch time and six
outcomes is not worse than a network for each: grouped AUC of `is_click` and of
`long_view`, log loss and calibration of `is_like` (docs/feedback.md).

    python -m experiments.feedback --data_dir=KuaiRand-Pure --workdir=runs/feedback \
        --results=runs/feedback/results.json

Protocol: temporal windows of the log as `ytdnn run` makes them, impressions within ten
minutes on a page. All networks have the same inputs, sizes, batches and epochs at most,
without the scores of candidates; they differ in the weights of the losses alone
(`ranking.loss_weights`). Of a network for one outcome the loss of the click and the
watch time weighs 0, and the epoch is chosen by that outcome's loss. Whether outcomes of
the one network have towers of their own or share the click's, and the weight of their
losses, is chosen on the validation window by the sum of the click's log loss and those
of the outcomes; the test window is asked once. Grouped AUC is by what was known when a
user's list began. Differences are paired by user: 1,000 resamples.

`is_follow`, `is_hate`, `is_comment` and `is_forward` have too few positive rows in the
test window for a claim of their own.

Measured 2026-11-28, seed 0, ten days (17,041 test impressions of 8,841 users, 276 of
them liked); the sum of log losses on validation 1.254 with own towers, 1.261 and 1.260
with one tower at weights .1 and 1, 1.264 with experts. On test, a network for each
alone, all outcomes with towers of their own, and the difference; of one tower at weight
1 the difference:

| | alone | towers | difference | one tower |
|---|---|---|---|---|
| click, grouped AUC | .6374 | .6353 | −.0021 (−.0108, +.0063) | −.0174 ± .009 |
| click, log loss | .5963 | .5968 | +.0004 (−.0010, +.0019) | +.0022 ± .002 |
| `long_view`, grouped AUC | .6401 | .6337 | −.0063 (−.0186, +.0052) | −.0123 ± .012 |
| `long_view`, log loss | .5459 | .5453 | −.0006 (−.0026, +.0015) | −.0005 ± .002 |
| `is_like`, grouped AUC | .6154 | .5976 | −.0178 (−.0890, +.0489) | −.0344 ± .076 |
| `is_like`, log loss | .0752 | .0770 | +.0018 (+.0005, +.0033) | +.0048 ± .002 |
| `is_like`, predicted / observed | .84 | .91 | | 1.07 |

So the claim holds with towers of their own, but for the log loss of likes; it does not
hold with one tower, nor with experts. Gradients of the outcomes into the embeddings do
not help: log loss of likes on validation .0856 (.0859 without), of the click .593
(.592). Widths of 64-32 have .0881, of 256-64 .0855 at twice the products.
"""

import argparse
import dataclasses
import json
import pathlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import rich

from ytdnn import configs
from ytdnn.base import errors, schema
from ytdnn.base.metrics import binary, bootstrap
from ytdnn.evaluation import outcome_metrics, ranker
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.ranking import predictions
from ytdnn.training import ranking as training

CLICK = schema.CLICKED
# Weight of each outcome's loss, and the widths of an outcome's own tower.
JOINT: dict[str, tuple[float, tuple[int, ...]]] = {
    "own towers": (0.1, (128, 64)),
    "one tower, weight 0.1": (0.1, ()),
    "one tower, weight 1": (1.0, ()),
}
ALONE = (CLICK, schema.COMPLETED, schema.LIKED)
_Split = events.Split
Parts = outcome_metrics.Parts
Weights = tuple[str, ...]


def config_of(
    data_dir: pathlib.Path,
    epochs: int,
    weights: Weights,
    outcome_tower: tuple[int, ...] = (),
    seed: int = 0,
) -> configs.Config:
    """Returns the settings of a network.

    Args:
      data_dir: Folder or archive of KuaiRand-Pure.
      epochs: Number of epochs, at most.
      weights: Weights of the losses.
      outcome_tower: Widths of each outcome's own tower.
      seed: Seed of the run.
    """
    scores = ("candidate_score", "candidate_source")
    return configs.Config(
        data=configs.DataConfig(
            source="kuairand", name="pure", dir=str(data_dir), page_gap_seconds=600.0
        ),
        ranking=configs.RankingConfig(
            features=configs.FeaturesConfig(remove=scores[:1]),
            tower=(256, 64),
            dropout=0.3,
            least_impressions=200_000,
            head=configs.ClickTimesWatchTimeConfig(watch_time="seconds"),
            training=configs.TrainingConfig(
                epochs=epochs,
                batch_size=512,
                learning_rate=1e-3,
                patience=2,
                table_learning_rate=0.003,
                table_accumulator=1e-7,
            ),
            loss_weights=weights,
            outcome_tower=outcome_tower,
        ),
        seed=seed,
    )


def loss_weights(names: Sequence[str], only: str = "", weight: float = 0.1) -> Weights:
    """Returns the weights of a network.

    Args:
      names: Outcomes of the log.
      only: Outcome that is learned alone, or `clicked`; empty: all are.
      weight: Weight of each outcome.
    """
    if not only:
        return tuple(f"{name}={weight:g}" for name in names)
    of_head = () if only == CLICK else ("head=0",)
    return (*of_head, *(f"{name}={int(name == only)}" for name in names))


def train(
    data: prepared.PreparedData, config: configs.Config, directory: pathlib.Path
) -> ranking_model.RankingModel:
    """Returns a network, trained unless it is there already."""
    if not directory.exists():
        training.train(config, data, directory)
    return ranking_model.load(directory, data)


@dataclasses.dataclass(frozen=True)
class Predicted:
    """The predictions of a network for the impressions of a split.

    Attributes:
      at: By what was known at each impression.
      listed: By what was known when the user's list began.
    """

    at: predictions.Predictions
    listed: predictions.Predictions

    def for_target(self, target: str) -> tuple[Any, Any] | None:
        """Returns the predictions of a target; None where there are none."""
        if target == CLICK:
            return self.at.click_probability, self.listed.click_probability
        if target not in self.at.outcomes:
            return None
        return self.at.outcomes[target], self.listed.outcomes[target]


def predict(
    data: prepared.PreparedData,
    model: ranking_model.RankingModel,
    shown: ranker.SplitImpressions,
) -> Predicted:
    """Returns a network's predictions."""
    at = model.predictions(data, shown.rows)
    return Predicted(at, model.predictions(data, shown.rows, shown.list_starts))


def parts_of(
    shown: ranker.SplitImpressions,
    names: Sequence[str],
    predicted: Predicted,
    target: str,
) -> Parts | None:
    """Returns numerator and denominator, by user, of each metric of a target."""
    given = predicted.for_target(target)
    if given is None:
        return None
    observed = shown.clicked.astype(np.float64)
    if target != CLICK and shown.outcomes is not None:
        observed = shown.outcomes[:, names.index(target)].astype(np.float64)
    return outcome_metrics.parts(shown, observed, given[0], given[1], is_binary=True)


def total_loss(
    shown: ranker.SplitImpressions, names: Sequence[str], predicted: Predicted
) -> float:
    """Returns the sum of the log losses of the click and of every outcome."""
    total = 0.0
    for target in (CLICK, *names):
        found = parts_of(shown, names, predicted, target)
        if found is not None:
            above, below = found[outcome_metrics.LOG_LOSS]
            total += float(above.sum() / below.sum())
    return total


def compared(own: Parts, other: Parts, name: str) -> list[float]:
    """Returns a difference of a metric, first less second, with its 95 % interval.

    Of calibration it is the difference of |log(predicted / observed)|.
    """

    def draws(parts: Parts) -> np.ndarray:
        above, below = (part[:, np.newaxis] for part in parts[name])
        once = above.sum() / below.sum()
        drawn = bootstrap.ratio_draws(above, below, bootstrap.NUM_RESAMPLES)[:, 0]
        values = np.append(once, drawn)
        if name == outcome_metrics.CALIBRATION_RATIO:
            values = np.abs(np.log(values))
        return values

    difference = draws(own) - draws(other)
    low, high = bootstrap.percentiles(difference[1:, np.newaxis])
    return [float(difference[0]), float(low[0]), float(high[0])]


def numbers(
    shown: ranker.SplitImpressions, names: Sequence[str], predicted: Predicted
) -> dict[str, dict[str, float]]:
    """Returns the metrics of every target that a network predicts."""
    found: dict[str, dict[str, float]] = {}
    for target in (CLICK, *names):
        parts = parts_of(shown, names, predicted, target)
        given = predicted.for_target(target)
        if parts is None or given is None or given[0] is None:
            continue
        happened = shown.clicked
        if target != CLICK and shown.outcomes is not None:
            happened = shown.outcomes[:, names.index(target)] > 0.0
        found[target] = {"auc": binary.auc(happened, given[0])}
        for name, (above, below) in parts.items():
            found[target][name] = float(above.sum() / below.sum())
        found[target]["positives"] = float(happened.sum())
    return found


CLAIMS = (
    (CLICK, outcome_metrics.GROUPED_AUC),
    (CLICK, outcome_metrics.LOG_LOSS),
    (schema.COMPLETED, outcome_metrics.GROUPED_AUC),
    (schema.COMPLETED, outcome_metrics.LOG_LOSS),
    (schema.LIKED, outcome_metrics.GROUPED_AUC),
    (schema.LIKED, outcome_metrics.LOG_LOSS),
    (schema.LIKED, outcome_metrics.CALIBRATION_RATIO),
)


def measure(
    data_dir: pathlib.Path, workdir: pathlib.Path, epochs: int, seed: int = 0
) -> dict[str, Any]:
    """Trains all networks, chooses on validation, and compares on the test window."""
    plain = config_of(data_dir, epochs, (), seed=seed)
    directory = workdir / prepared.KIND
    if directory.exists():
        data = prepared.load(directory)
    else:
        data = prepare.prepare(plain.data, directory)
    names = [one.name for one in data.catalogue.outcomes]
    models = {}
    for variant, (weight, own) in JOINT.items():
        weights = loss_weights(names, weight=weight)
        config = config_of(data_dir, epochs, weights, own, seed)
        models[variant] = train(data, config, workdir / variant.replace(" ", "-"))
    for target in ALONE:
        weights = loss_weights(names, target)
        config = config_of(data_dir, epochs, weights, seed=seed)
        models[target] = train(data, config, workdir / f"alone-{target}")
    return report(data, names, models)


def report(
    data: prepared.PreparedData,
    names: Sequence[str],
    models: dict[str, ranking_model.RankingModel],
) -> dict[str, Any]:
    """Returns the numbers of each network and the paired differences."""
    validated, tested = (
        ranker.SplitImpressions(data.log, split)
        for split in (_Split.VALIDATION, _Split.TEST)
    )
    on_validation = {
        variant: total_loss(validated, names, predict(data, models[variant], validated))
        for variant in JOINT
    }
    chosen = min(on_validation, key=on_validation.__getitem__)
    found = {name: predict(data, model, tested) for name, model in models.items()}
    differences = {}
    for target, metric in CLAIMS:
        own, alone = (
            parts_of(tested, names, found[name], target) for name in (chosen, target)
        )
        if own is not None and alone is not None:
            differences[f"{target} {metric}"] = compared(own, alone, metric)
    return {
        "impressions": len(tested.rows),
        "users": tested.num_users,
        "validation_sum_of_log_losses": on_validation,
        "chosen": chosen,
        "differences_chosen_less_alone": differences,
        "test": {name: numbers(tested, names, one) for name, one in found.items()},
    }


def main() -> None:
    """Runs the protocol and writes the numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data_dir", type=pathlib.Path, required=True)
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--results", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    try:
        found = measure(given.data_dir, given.workdir, given.epochs, given.seed)
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    text = json.dumps(found, indent=2)
    if given.results:
        given.results.write_text(text + "\n")
    rich.print(text)
    rich.print(f"in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()

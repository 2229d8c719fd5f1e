r"""Does the age of the example let the model follow a video's popularity over time?

Claim: without the feature a video's class probability is its average over the training
window, flat over the days since upload; with it, it follows the empirical curve, which
peaks soon after upload (PAPER §3.3, figure 4).

    ytdnn study --config=experiments/example_age.py --workdir=runs/age \
        --stage=candidates --split=validation
    python -m experiments.example_age --workdir=runs/age

The second writes runs/age/example_age.html. Of any trained, refitted or refreshed run,
such as those of refresh.py, the curves of single videos too:

    python -m experiments.example_age --runs=refreshed=runs/refresh/refreshed \
        --workdir=runs/age

Protocol: temporal, measured on
`validation`, right after the candidates' training, where age 0 is true. The curves are
of the training window of 43 days, as in the paper: for each day the videos' share of
its watches, and the mean class probability in 400 of its examples, each with its own
age and history; averaged over the videos uploaded in the window 5 days after it begins
and 20 before it ends.

Measured 2026-11-24 on two cores of an AMD EPYC with AVX-512 bfloat16, seed 0, 2,385
users (± half a 95 % interval of the difference):

| | hit_rate@10 | nDCG@10 | recall@50 | MAP@100 |
|---|---|---|---|---|
| without | 0.3107 | 0.0760 | 0.2471 | 0.0528 |
| with | 0.3572 | 0.0884 | 0.2637 | 0.0597 |
| difference | + 0.0465 ± 0.0208 | | | |
| popularity | 0.1421 | 0.0296 | 0.0961 | 0.0184 |
| oracle | 0.7824 | 0.3442 | 0.6178 | 0.2639 |

Class probability in thousandths, by days since upload:

| | -5 | -1 | 0 | 2 | 5 | 10 | 15 | 20 |
|---|---|---|---|---|---|---|---|---|
| empirical | 0.000 | 0.000 | 0.471 | 1.913 | 1.157 | 0.517 | 0.421 | 0.280 |
| without | 0.401 | 0.407 | 0.406 | 0.417 | 0.423 | 0.429 | 0.424 | 0.433 |
| with | 0.345 | 0.425 | 0.448 | 0.497 | 0.550 | 0.588 | 0.542 | 0.460 |

The claim holds in part. Without the feature the curve is flat; with it it rises and
falls, and the hit rate is much higher. But the peak is low, wide and late: 0.592 on day
9, where the empirical one is 1.913 on day 2, and a third of a thousandth before the
upload. Whether longer training sharpens it was not measured.

Refreshed models, which read popularity by age (candidates.content), measured
2026-11-26 on the runs of refresh.py on a third of this world (1,500 users, 2,000
videos), one seed: mean over videos, thousandths, and the distance of each curve from
the empirical one (0 the same, 2 apart). `with age` is trained from scratch with the
feature beside it.

| | -1 | 0 | 1 | 2 | 3 | 5 | 10 | 20 | distance |
|---|---|---|---|---|---|---|---|---|---|
| empirical | 0.000 | 1.720 | 4.696 | 4.944 | 4.254 | 2.960 | 1.470 | 0.770 | 0 |
| never | 1.270 | 1.280 | 1.721 | 2.394 | 2.222 | 1.584 | 0.851 | 0.467 | .45 |
| refreshed | 1.348 | 1.359 | 1.901 | 2.624 | 2.362 | 1.656 | 0.892 | 0.501 | .45 |
| scratch | 1.342 | 1.358 | 1.889 | 2.609 | 2.351 | 1.646 | 0.884 | 0.499 | .45 |
| with age | 1.338 | 1.351 | 1.873 | 2.596 | 2.342 | 1.635 | 0.881 | 0.498 | .45 |

The peak stands where it belongs, on day 2, at about half its height, of the refreshed
model too; single videos follow it at distances of .56 to .66 where looked at. Before
the upload the models say what they say of day 0. With the feature the curve is the
same, and no difference in quality can be told at this size: hit rate@10 right after the
training .486 with it and .496 without on the first day, .605 and .594 in all four, of
440 and 921 users.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import rich
from rich import table

from ytdnn import configs
from ytdnn.base import artifacts, errors, schema
from ytdnn.candidates import model as candidate_model
from ytdnn.candidates import user_tower
from ytdnn.lab.pages import page, plots
from ytdnn.log import log_tensors, prepared, slice_batches

WITHOUT, WITH = "without", "with"
EMPIRICAL = "empirical"
DAYS_BEFORE, DAYS_AFTER = 5, 20
_DAY_SECONDS = 86_400
_EXAMPLES_A_DAY = 400
_NUM_SINGLE = 3  # videos

Probabilities = npt.NDArray[np.float64]


def get_config() -> configs.Config:
    """Returns the model that reads the age of the example."""
    return _config(example_age=True)


def get_variants() -> dict[str, configs.Config]:
    """Returns the model without and with the feature."""
    return {WITHOUT: _config(example_age=False), WITH: _config(example_age=True)}


def _config(example_age: bool) -> configs.Config:
    return configs.Config(
        data=configs.DataConfig(world=configs.WORLDS["quickstart"]),
        candidates=configs.CandidatesConfig(
            content=configs.ContentConfig(enabled=False),
            features=configs.FeaturesConfig(
                add=("example_age",) if example_age else ()
            ),
            decay_rates=(),  # the paper's bag alone
            tower=(256, 128, 64),
            training=configs.TrainingConfig(
                epochs=6,
                patience=6,
                learning_rate=0.003,
                table_optimizer="lazy_adam",
                table_learning_rate=0.003,
            ),
        ),
        ranking=configs.RankingConfig(),
    )


@dataclasses.dataclass(frozen=True)
class Window:
    """The days of the training window, and the labels drawn of each.

    Attributes:
      log: The training watches.
      start: When the first day begins, seconds since the epoch.
      label_days: `[watches] int64`, the day of each, from 0.
      upload_days: `[videos] int64`, negative before the window.
      num_days: Whole days.
    """

    log: log_tensors.WatchLog
    start: int
    label_days: npt.NDArray[np.int64]
    upload_days: npt.NDArray[np.int64]
    num_days: int

    @classmethod
    def from_data(
        cls, data: prepared.PreparedData, trained: candidate_model.CandidateModel
    ) -> "Window":
        """Returns a model's training window; its last days are whole."""
        log = user_tower.open_log(
            trained.tower_inputs, slice_batches.training_set(data)
        )
        first, last = data.windows.training_window
        num_days = (last - first) // _DAY_SECONDS
        start = last - num_days * _DAY_SECONDS
        uploads = data.videos[schema.UPLOAD_TIME].head(data.vocabulary_size).to_numpy()
        return cls(
            log=log,
            start=int(start),
            label_days=(log.times.numpy().astype(np.int64) - start) // _DAY_SECONDS,
            upload_days=(uploads.astype(np.int64) - start) // _DAY_SECONDS,
            num_days=int(num_days),
        )

    def labels(self, day: int) -> npt.NDArray[np.int64]:
        """Returns the flat positions of a day's labels."""
        return np.flatnonzero((self.label_days == day) * self.log.weights.numpy())


def empirical(window: Window) -> Probabilities:
    """Returns the share of each day's watches that each video has, `[days, videos]`."""
    videos = window.log.videos.numpy()
    num_videos = len(window.upload_days)
    counts = [
        np.bincount(videos[window.labels(day)], minlength=num_videos + 1)[1:]
        for day in range(window.num_days)
    ]
    return np.stack([count / max(count.sum(), 1) for count in counts])


def predicted(window: Window, trained: candidate_model.CandidateModel) -> Probabilities:
    """Returns the mean class probability in some of each day's examples."""
    rng = np.random.default_rng(0)
    rows = []
    for day in range(window.num_days):
        labels = window.labels(day)
        size = min(_EXAMPLES_A_DAY, len(labels))
        chosen = np.sort(rng.choice(labels, size, replace=False))
        moment = window.start + day * _DAY_SECONDS
        rows.append(_class_probability(window.log, trained, chosen, moment))
    return np.stack(rows)


def _class_probability(
    log: log_tensors.WatchLog,
    trained: candidate_model.CandidateModel,
    positions: npt.NDArray[np.int64],
    moment: int,
) -> Probabilities:
    """Returns the mean over examples, `[vocabulary]`, of videos as old as then."""
    config = trained.config
    lengths = config.history_length, config.search_length
    queries = trained.query_vectors(slice_batches.cut(log, positions, 1, *lengths))[
        :, 0
    ]
    size = trained.tower_inputs.vocabulary_size
    vectors = trained.video_vectors(moment)[:size]
    logits = queries.numpy().astype(np.float64) @ vectors.T
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    mean: Probabilities = (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
    return mean


def by_age(
    window: Window,
    probabilities: Probabilities,
    among: npt.NDArray[np.int64] | None = None,
) -> Probabilities:
    """Returns the mean over videos by days since upload, from `-DAYS_BEFORE` on.

    Of videos uploaded in the window all of whose days are in it, so that every day is
    a mean over the same videos.

    Args:
      window: Of the training.
      probabilities: `[days, videos]`.
      among: Rows of videos; None: all.
    """
    days = np.arange(-DAYS_BEFORE, DAYS_AFTER + 1)
    uploads = window.upload_days
    is_whole = (uploads >= DAYS_BEFORE) & (uploads < window.num_days - DAYS_AFTER)
    videos = np.flatnonzero(is_whole)
    if among is not None:
        videos = np.intersect1d(videos, among)
    if not len(videos):
        raise errors.UserError(
            f"expected videos uploaded {DAYS_BEFORE} days after the training window "
            f"begins and {DAYS_AFTER} before it ends, found none in "
            f"{window.num_days} days"
        )
    found: Probabilities = np.stack(
        [probabilities[uploads[videos] + day, videos].mean() for day in days]
    )
    return found


def distance(of_model: Probabilities, happened: Probabilities) -> float:
    """Returns how far a curve is from the empirical one: 0 the same, 2 apart.

    Both are divided by their sums over the days; the absolute differences are summed.
    """
    left, right = (curve / curve.sum() for curve in (of_model, happened))
    return float(np.abs(left - right).sum())


def of_runs(
    runs: Mapping[str, pathlib.Path], num_videos: int
) -> dict[str, dict[str, Probabilities]]:
    """Returns the curves of runs on their own training windows, by title and name.

    Args:
      runs: Directories with `data` and `candidates`, by name.
      num_videos: Single videos to show: those most watched that came out in the window.
    """
    found: dict[str, dict[str, Probabilities]] = {}
    for name, run in runs.items():
        data = prepared.load(run / prepared.KIND)
        trained = candidate_model.load(run / candidate_model.KIND, data)
        window = Window.from_data(data, trained)
        happened, said = empirical(window), predicted(window, trained)
        titles = {"mean over videos": np.arange(len(window.upload_days))}
        for number, video in enumerate(_most_watched(window, happened, num_videos)):
            titles[f"new video {number + 1}"] = np.array([video])
        for title, videos in titles.items():
            curves_of = found.setdefault(title, {})
            curves_of.setdefault(EMPIRICAL, by_age(window, happened, videos))
            curves_of[name] = by_age(window, said, videos)
    return found


def _most_watched(
    window: Window, happened: Probabilities, number: int
) -> npt.NDArray[np.int64]:
    uploads = window.upload_days
    is_whole = (uploads >= DAYS_BEFORE) & (uploads < window.num_days - DAYS_AFTER)
    share = np.where(is_whole, happened.sum(axis=0), -1.0)
    best: npt.NDArray[np.int64] = np.argsort(-share, kind="stable")[:number]
    return best


def curves(directory: pathlib.Path, seed: int = 0) -> dict[str, Probabilities]:
    """Returns the curve of each model of a study, and what happened, by name."""
    found: dict[str, Probabilities] = {}
    for name in (WITHOUT, WITH):
        run = directory / name / f"seed-{seed}"
        data = prepared.load(run / prepared.KIND)
        trained = candidate_model.load(run / candidate_model.KIND, data)
        window = Window.from_data(data, trained)
        if not found:
            found[EMPIRICAL] = by_age(window, empirical(window))
        found[name] = by_age(window, predicted(window, trained))
    return found


def draw_all(every: Mapping[str, dict[str, Probabilities]]) -> str:
    """Returns the page with a plot of the curves under each title."""
    text = (
        "Mean over the videos uploaded in the training window, or single ones. "
        "Empirical: their share of each day's watches. The models: their mean "
        "probability in examples of the day."
    )
    plotted = [_plot(title, found) for title, found in every.items()]
    section = page.Section("Days since upload", text, plotted)
    summary = "Figure 4 of the paper: class probability and the age of videos."
    return page.render("Example age", summary, [section])


def _plot(title: str, found: dict[str, Probabilities]) -> str:
    days = list(range(-DAYS_BEFORE, DAYS_AFTER + 1))
    series = {
        name: plots.Series(days, (1_000.0 * values).tolist())
        for name, values in found.items()
    }
    return plots.lines(
        title,
        series,
        "days since upload",
        "probability, thousandths",
        from_zero=True,
    )


def show(
    found: dict[str, Probabilities], title: str = "probability, thousandths"
) -> table.Table:
    """Returns the curves as a table, in thousandths, and their distances."""
    result = table.Table("days since upload", *found, title=title)
    for row, day in enumerate(range(-DAYS_BEFORE, DAYS_AFTER + 1)):
        values = (f"{1_000.0 * found[name][row]:.3f}" for name in found)
        result.add_row(str(day), *values)
    far = (f"{distance(curve, found[EMPIRICAL]):.2f}" for curve in found.values())
    result.add_row("distance", *far)
    return result


def main() -> None:
    """Prints the curves of a study and writes `WORKDIR/example_age.html`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--runs", default="", help="NAME=DIR,… of trained runs")
    options = parser.parse_args()
    if options.runs:
        pairs = (one.partition("=") for one in options.runs.split(","))
        runs = {name: pathlib.Path(place) for name, _, place in pairs}
        every = of_runs(runs, _NUM_SINGLE)
    else:
        every = {"Class probability by days since upload": curves(options.workdir)}
    for title, found in every.items():
        rich.print(show(found, f"{title}: probability, thousandths"))
    options.workdir.mkdir(parents=True, exist_ok=True)
    path = options.workdir / "example_age.html"
    artifacts.write_text(path, draw_all(every))
    rich.print(f"plot: {path}")


if __name__ == "__main__":
    main()

r"""Does the age of the example let the model follow a video's popularity over time?

Claim: without the feature a video's class probability is its average over the training
window, flat over the days since upload; with it, it follows the empirical curve, which
peaks soon after upload (PAPER §3.3, figure 4).

    ytdnn study --config=experiments/example_age.py --workdir=runs/age \
        --stage=candidates --split=validation
    python -m experiments.example_age --workdir=runs/age

The second writes runs/age/example_age.html. Protocol: temporal, measured on
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
"""

import argparse
import dataclasses
import pathlib

import numpy as np
import numpy.typing as npt
import rich
from rich import table

from ytdnn import artifacts, configs, errors, schema
from ytdnn.candidates import model as candidate_model
from ytdnn.candidates import tower_inputs
from ytdnn.data import inputs, prepared, watch_log
from ytdnn.pages import page, plots

WITHOUT, WITH = "without", "with"
EMPIRICAL = "empirical"
DAYS_BEFORE, DAYS_AFTER = 5, 20
_DAY_SECONDS = 86_400
_EXAMPLES_A_DAY = 400

Probabilities = npt.NDArray[np.float64]


def get_config() -> configs.Config:
    """Returns the model that reads the age of the example."""
    return _config(example_age=True)


def get_variants() -> dict[str, configs.Config]:
    """Returns the model without and with the feature."""
    return {WITHOUT: _config(example_age=False), WITH: _config(example_age=True)}


def _config(example_age: bool) -> configs.Config:
    return configs.Config(
        data=configs.Data(world=configs.WORLDS["quickstart"]),
        candidates=configs.Candidates(
            content=configs.Content(enabled=False),
            features=configs.Features(add=("example_age",) if example_age else ()),
            decay_rates=(),  # the paper's bag alone
            tower=(256, 128, 64),
            training=configs.Training(
                epochs=6,
                patience=6,
                learning_rate=0.003,
                table_optimizer="lazy_adam",
                table_learning_rate=0.003,
            ),
        ),
        ranking=configs.Ranking(),
    )


@dataclasses.dataclass(frozen=True)
class Window:
    """The days of the training window, and the labels drawn of each.

    Attributes:
      log: The training watches.
      label_days: `[watches] int64`, the day of each, from 0.
      upload_days: `[videos] int64`, negative before the window.
      num_days: Whole days.
    """

    log: watch_log.Log
    label_days: npt.NDArray[np.int64]
    upload_days: npt.NDArray[np.int64]
    num_days: int

    @classmethod
    def of(
        cls, data: prepared.PreparedData, trained: candidate_model.CandidateModel
    ) -> "Window":
        """Returns a model's training window; its last days are whole."""
        log = tower_inputs.open_log(trained.tower_inputs, inputs.training_set(data))
        first, last = data.training_window
        num_days = (last - first) // _DAY_SECONDS
        start = last - num_days * _DAY_SECONDS
        uploads = data.videos[schema.UPLOAD_TIME].head(data.vocabulary_size).to_numpy()
        return cls(
            log=log,
            label_days=(log.times.numpy().astype(np.int64) - start) // _DAY_SECONDS,
            upload_days=(uploads.astype(np.int64) - start) // _DAY_SECONDS,
            num_days=int(num_days),
        )

    def labels(self, day: int) -> npt.NDArray[np.int64]:
        """Returns the flat positions of a day's labels."""
        return np.flatnonzero((self.label_days == day) & self.log.is_label.numpy())


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
        rows.append(_class_probability(window.log, trained, chosen))
    return np.stack(rows)


def _class_probability(
    log: watch_log.Log,
    trained: candidate_model.CandidateModel,
    positions: npt.NDArray[np.int64],
) -> Probabilities:
    config = trained.config
    lengths = config.history_length, config.search_length
    queries = trained.query_vectors(inputs.cut(log, positions, 1, *lengths))[:, 0]
    logits = queries.numpy().astype(np.float64) @ trained.video_vectors().T
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    mean: Probabilities = (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
    return mean


def by_age(window: Window, probabilities: Probabilities) -> Probabilities:
    """Returns the mean over videos by days since upload, from `-DAYS_BEFORE` on.

    Of videos uploaded in the window all of whose days are in it, so that every day is
    a mean over the same videos.
    """
    days = np.arange(-DAYS_BEFORE, DAYS_AFTER + 1)
    uploads = window.upload_days
    is_whole = (uploads >= DAYS_BEFORE) & (uploads < window.num_days - DAYS_AFTER)
    videos = np.flatnonzero(is_whole)
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


def curves(directory: pathlib.Path, seed: int = 0) -> dict[str, Probabilities]:
    """Returns the curve of each model of a study, and what happened, by name."""
    found: dict[str, Probabilities] = {}
    for name in (WITHOUT, WITH):
        run = directory / name / f"seed-{seed}"
        data = prepared.load(run / prepared.KIND)
        trained = candidate_model.load(run / candidate_model.KIND, data)
        window = Window.of(data, trained)
        if not found:
            found[EMPIRICAL] = by_age(window, empirical(window))
        found[name] = by_age(window, predicted(window, trained))
    return found


def draw(found: dict[str, Probabilities]) -> str:
    """Returns the page with the plot of the curves."""
    days = list(range(-DAYS_BEFORE, DAYS_AFTER + 1))
    series = {
        name: plots.Series(days, (1_000.0 * values).tolist())
        for name, values in found.items()
    }
    plot = plots.lines(
        "Class probability by days since upload",
        series,
        "days since upload",
        "probability, thousandths",
        from_zero=True,
    )
    text = (
        "Mean over the videos uploaded in the training window. Empirical: their share "
        "of each day's watches. The models: their mean probability in examples of the "
        "day."
    )
    section = page.Section("Days since upload", text, [plot])
    summary = "Figure 4 of the paper: with and without the age of the example."
    return page.render("Example age", summary, [section])


def show(found: dict[str, Probabilities]) -> table.Table:
    """Returns the curves as a table, in thousandths."""
    result = table.Table("days since upload", *found, title="probability, thousandths")
    for row, day in enumerate(range(-DAYS_BEFORE, DAYS_AFTER + 1)):
        values = (f"{1_000.0 * found[name][row]:.3f}" for name in found)
        result.add_row(str(day), *values)
    return result


def main() -> None:
    """Prints the curves of a study and writes `WORKDIR/example_age.html`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    directory = parser.parse_args().workdir
    found = curves(directory)
    rich.print(show(found))
    path = directory / "example_age.html"
    artifacts.write_text(path, draw(found))
    rich.print(f"plot: {path}")


if __name__ == "__main__":
    main()

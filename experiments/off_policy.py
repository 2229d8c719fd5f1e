r"""Do off-policy estimates tell what other pages would bring, and is their interval?

Claim: by the log of a recommender that samples its pages (`composition.temperature`),
what another recommender's pages would bring is estimated without bias where the log
could have shown them, and 95 % intervals hold the truth as often as they say. Live
tests decide (PAPER §2); this tells which are worth one (docs/evaluation.md).

    python -m experiments.off_policy --workdir=runs/off_policy

Protocol: temporal; a world of 1,500 users and 2,000 videos, both stages trained, 1,000
requests of the test window as they were logged. Each of 100 logs draws the users of
these requests with replacement, pages of eight places at temperature 1 among the first
50 of 100 candidates, clicks with the world's probability of the place given what the
user remembers, and seconds about its mean. Policies that are judged by it: itself; the
same at temperature 0.5; the best first; a ranker by clicks, sampled at temperature 1;
popularity. The truth is the world's own expectation: of a place that the policy fills
behind the logged ones, and of the places of its own pages.

Measured 2026-11-26 on one thread beside much other work: training 4 to 7 minutes, 57 s
of processor time for the logs. By watch seconds, bias ± standard deviation of the
estimates over logs in percent of the truth, and how many of 100 intervals hold it; w is
the mean weight, n the effective number of 8,000 places:

| policy | of a | truth | w | n | IPS | SNIPS | DR |
|---|---|---|---|---|---|---|---|
| itself | place | 108 | 1.00 | 8,046 | +0 ± 5, 98 | +0 ± 5, 98 | +1 ± 5, 93 |
| t. 0.5 | place | 175 | 1.00 | 4,558 | +0 ± 6, 95 | +0 ± 6, 94 | +0 ± 7, 95 |
| t. 0.5 | page | 138 | 1.00 | 820 | +0 ± 13, 93 | +0 ± 10, 93 | -0 ± 10, 96 |
| best first | place | 238 | .99 | 861 | -1 ± 9, 93 | +0 ± 8, 94 | +0 ± 9, 93 |
| best first | page | 162 | .52 | 19 | -36 ± 69, 30 | +57 ± 92, 77 | +8 ± 77, 71 |
| by clicks | place | 62 | .79 | 4,592 | -6 ± 3, 61 | +19 ± 4, 1 | +1 ± 3, 96 |
| by clicks | page | 66 | .42 | 684 | -46 ± 5, 0 | +28 ± 12, 19 | +15 ± 6, 17 |
| popularity | place | 17 | .21 | 18 | -58 ± 23, 32 | +101 ± 98, 90 | +49 ± 21, 38 |
| popularity | page | 26 | .07 | 2 | -89 ± 66, 1 | +130 ± 473, 46 | +34 ± 46, 4 |

The claim holds where the log could have shown the other pages (mean weight 1) and
hundreds of places are left: bias within 1 %, 93 to 98 of 100 intervals hold the truth;
of clicks within 1 % and 94 to 97. Where it could not, neither IPS nor SNIPS can be
read, and DR is as good as the ranker: right for places of the ranker by clicks (its
clicks 3 % high, 85 of 100), not for popularity. Pages of the best first have weights on
19 places: nothing is told, and no interval says so, but the effective size does. A
mean over places is not a page's: the best first is worth 238 s a place behind logged
places, 162 a place of its own page.

Not measured: users' later visits, which other pages would change; a live arm.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich import console, table

from ytdnn import configs
from ytdnn.base import errors, progress, ragged
from ytdnn.evaluation import lists, models, protocol
from ytdnn.lab.metrics import off_policy
from ytdnn.lab.off_policy import (
    counterfactual,
    judged_systems,
    logged_pages,
    page_choices,
)
from ytdnn.lab.truth import true_page
from ytdnn.log import events, prepared
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage as stage_room
from ytdnn.run import pipeline

PLACES = 8  # of a page
TEMPERATURE, EXPLORE_TOP = 1.0, 50  # of the recommender that made the log
LOGGING, COOLER, BEST_FIRST = "as the log", "temperature 0.5", "best first"
BY_CLICKS, POPULARITY = "by clicks", "popularity"
PLACE, PAGE = "place", "page"
_WIDTH = 140
_DRAWS = 4  # of pages, for the truth of policies that draw
_SHAPE = 4.0  # of the gamma distribution of a click's seconds

Floats = npt.NDArray[np.float64]
Estimates = Mapping[str, off_policy.Estimate]
Key = tuple[str, str, str]  # policy, PLACE or PAGE, reward


def get_settings() -> configs.Config:
    """Returns a run of minutes, its ranker of clicks and of seconds."""
    world = configs.WorldConfig(num_users=1_500, num_videos=2_000, num_topics=6)
    return configs.Config(
        data=configs.DataConfig(world=world),
        candidates=configs.CandidatesConfig(training=configs.TrainingConfig(epochs=4)),
        ranking=configs.RankingConfig(
            tower=(64, 32), training=configs.TrainingConfig(epochs=3, batch_size=512)
        ),
        composition=configs.CompositionConfig(num_candidates=100),
    )


class Found(NamedTuple):
    """What the repeats gave for one policy, scope and reward.

    Attributes:
      truth: Of a place, or of a page's places.
      estimates: `[repeats, 3]` by estimator: value, low and high end.
      effective_size: Mean over repeats, of places.
      weight: Mean weight, over repeats.
    """

    truth: float
    estimates: dict[str, Floats]
    effective_size: float
    weight: float


@dataclasses.dataclass(frozen=True)
class Setting:
    """Requests of a run, what policies order for them, and the truth of the world.

    Attributes:
      cases: The requests.
      users: `[requests]`, whose they are, as a log tells users apart.
      truth: Of pages.
      policies: What each orders; `LOGGING` makes the log.
    """

    cases: protocol.Cases
    users: npt.NDArray[np.integer]
    truth: true_page.TruePages
    policies: dict[str, page_choices.Ordered]

    def subset(self, users: npt.NDArray[np.integer], rows: npt.NDArray) -> "Setting":
        """Returns some requests, any of them more than once, as those of some users."""
        policies = {
            name: dataclasses.replace(
                given,
                videos=given.videos[rows],
                order=given.order[rows],
                modelled={n: values[rows] for n, values in given.modelled.items()},
            )
            for name, given in self.policies.items()
        }
        return Setting(protocol.take(self.cases, rows), users, self.truth, policies)

    def worth(self, videos: npt.NDArray[np.int32]) -> dict[str, Floats]:
        """Returns what the places of pages are truly worth, `[requests, places]`."""
        found = self.truth.worth(self.cases, videos, np.arange(videos.shape[1]))
        return _named(found.clicks, found.seconds)

    def pages(self, name: str, rng: np.random.Generator) -> npt.NDArray[np.int32]:
        """Returns pages that a policy makes from their first place on."""
        given = self.policies[name]
        slots = page_choices.drawn_pages(given, PLACES, rng)
        videos = np.take_along_axis(given.videos, np.maximum(slots, 0), axis=1)
        return np.where(slots >= 0, videos, 0).astype(np.int32)


def _named(clicks: Floats, seconds: Floats) -> dict[str, Floats]:
    return {counterfactual.CLICKS: clicks, counterfactual.WATCH_SECONDS: seconds}


def set_up(workdir: pathlib.Path, config: configs.Config, num_pages: int) -> Setting:
    """Trains a run, or takes it where it is, and asks it for pages.

    Args:
      workdir: Of the run.
      config: Its settings.
      num_pages: Requests of the test window that are asked.
    """
    data = pipeline.prepare(workdir, config, verbose=True)
    pipeline.train(workdir, config, verbose=True)
    stage = stage_room.load(workdir / stage_room.KIND, data, config.composition)
    ranker = ranking_model.load(workdir / ranking_model.KIND, data, stage)
    asked = models.RunModels(
        data,
        stage.candidates,
        stage.candidates.video_vectors(),
        ranker,
        stage.other_sources,
        config,
    )
    pages = _requests(data, num_pages)
    found = judged_systems.ordered(asked, pages)
    truth = true_page.from_data(data)
    if truth is None:
        raise errors.UserError("expected a world, found another log")
    cases = protocol.at_requests(
        data, pages.requests, config.evaluation, asked.trained.num_listed
    )
    return Setting(cases, cases.users, truth, _policies(found))


def _requests(data: prepared.PreparedData, most: int) -> logged_pages.LoggedPages:
    """Returns pages that the world's own recommender was asked for, as requests."""
    shown = data.impressions
    rows = np.flatnonzero(np.asarray(shown.splits) == events.Split.TEST)
    first = rows[np.unique(np.asarray(shown.pages)[rows], return_index=True)[1]]
    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(first, min(most, len(first)), replace=False))
    places = np.full((len(chosen), PLACES), -1)
    places[:, 0] = chosen
    return logged_pages.LoggedPages(data, places, len(first), 0)


def _policies(
    found: Mapping[str, page_choices.Ordered],
) -> dict[str, page_choices.Ordered]:
    """Returns the recommender that makes the log, and those to judge."""
    both = found[lists.SYSTEM]
    clicks = np.log(np.maximum(both.modelled[counterfactual.CLICKS], 1e-9))
    sampled = dataclasses.replace(
        both, temperature=TEMPERATURE, explore_top=EXPLORE_TOP
    )
    return {
        LOGGING: sampled,
        COOLER: dataclasses.replace(sampled, temperature=0.5),
        BEST_FIRST: both,
        BY_CLICKS: dataclasses.replace(sampled, order=clicks),
        POPULARITY: found[lists.POPULARITY],
    }


def repeat(setting: Setting, repeats: int) -> dict[Key, Found]:
    """Makes logs, estimates by each what the policies would bring, beside the truth.

    Every log has users drawn with replacement, each drawn one another user, pages drawn
    by the logging policy, and clicks and seconds drawn by the world's laws.
    """
    rng = np.random.default_rng(0)
    users = np.unique(setting.users, return_inverse=True)[1]
    num_users = int(users.max()) + 1
    per_user = ragged.of_rows(users, np.arange(len(users)), num_users)
    estimates: dict[Key, list[Estimates]] = {}
    weights: dict[Key, list[float]] = {}
    for _ in progress.through(range(repeats), "logs", "logs"):
        rows = per_user.take(rng.integers(num_users, size=num_users))
        drawn = setting.subset(rows.rows, rows.values)
        log, shown = _log(drawn, rng)
        for name, given in drawn.policies.items():
            chosen = page_choices.of_pages(given, shown)
            own = page_choices.modelled_pages(given, PLACES)
            for scope, modelled in ((PLACE, None), (PAGE, own)):
                by = counterfactual.estimates(log, chosen, own=modelled)
                for reward, one in by.items():
                    decisions = log.decisions(reward, chosen, modelled)
                    key = name, scope, reward
                    estimates.setdefault(key, []).append(one)
                    weights.setdefault(key, []).append(decisions.weights().mean())
    truth = dict(_true_places(setting, rng)) | dict(_true_pages(setting, rng))
    return {
        key: Found(
            truth[key],
            {
                name: np.array([dataclasses.astuple(one[name])[:3] for one in several])
                for name in several[0]
            },
            float(np.mean([one["ips"].effective_size for one in several])),
            float(np.mean(weights[key])),
        )
        for key, several in estimates.items()
    }


def _log(
    setting: Setting, rng: np.random.Generator
) -> tuple[counterfactual.DecisionLog, npt.NDArray[np.int32]]:
    """Returns a log of all requests, and the videos shown."""
    given, shown = setting.policies[LOGGING], setting.pages(LOGGING, rng)
    chances = page_choices.of_pages(given, shown).target
    clicks, seconds = setting.worth(shown).values()
    clicked = rng.random(clicks.shape) < clicks
    mean = seconds / np.maximum(clicks, 1e-12)
    watched = np.where(clicked, rng.gamma(_SHAPE, mean / _SHAPE), 0.0)
    modelled = {
        name: _of_shown(given.videos, values, shown)
        for name, values in given.modelled.items()
    }
    log = counterfactual.DecisionLog(
        users=setting.users,
        is_place=shown > 0,
        propensities=np.where(shown > 0, chances, 1.0),
        rewards=_named(clicked.astype(float), watched),
        modelled=modelled,
    )
    return log, shown


def _of_shown(
    videos: npt.NDArray[np.integer],
    values: npt.NDArray[np.floating],
    shown: npt.NDArray[np.integer],
) -> Floats:
    """Returns the values of shown videos, which are among those ordered."""
    slots = (videos[:, np.newaxis] == shown[:, :, np.newaxis]).argmax(axis=2)
    return np.take_along_axis(values, slots, axis=1).astype(np.float64)


def _worth_by_place(setting: Setting, name: str) -> list[dict[str, Floats]]:
    """Returns what each ordered video would be worth in each place, `[n, length]`."""
    videos = setting.policies[name].videos.astype(np.int32)
    found = [
        setting.truth.worth(setting.cases, videos, np.full(1, place))
        for place in range(PLACES)
    ]
    return [_named(one.clicks, one.seconds) for one in found]


def _true_places(
    setting: Setting, rng: np.random.Generator
) -> Iterator[tuple[Key, float]]:
    """Yields the true mean of a place that a policy fills, the log those before."""
    pages = [setting.pages(LOGGING, rng) for _ in range(_DRAWS)]
    for name, given in setting.policies.items():
        worth = _worth_by_place(setting, name)
        for reward in worth[0]:
            modelled = {str(place): one[reward] for place, one in enumerate(worth)}
            asked = dataclasses.replace(given, modelled=modelled)
            found = []
            for shown in pages:
                means = page_choices.of_pages(asked, shown).modelled
                by_place = [means[str(p)][:, p] for p in range(PLACES)]
                found.append(np.stack(by_place, axis=1)[shown > 0].mean())
            yield (name, PLACE, reward), float(np.mean(found))


def _true_pages(
    setting: Setting, rng: np.random.Generator
) -> Iterator[tuple[Key, float]]:
    """Yields the true mean of the policies' own pages, by place."""
    for name, given in setting.policies.items():
        draws = 4 * _DRAWS if given.temperature else 1
        found = [setting.worth(setting.pages(name, rng)) for _ in range(draws)]
        for reward in found[0]:
            yield (name, PAGE, reward), float(np.mean([f[reward] for f in found]))


def show(found: Mapping[Key, Found]) -> table.Table:
    """Returns the truth, and of each estimator its bias, spread and coverage."""
    result = table.Table(title="bias ± spread of an estimate, coverage of its interval")
    for heading in ("policy", "of a", "reward", "truth", "weight", "effective"):
        result.add_column(heading, justify="right", no_wrap=True)
    for name in counterfactual.ESTIMATORS:
        result.add_column(name, justify="right", no_wrap=True)
    for (policy, scope, reward), one in found.items():
        cells = []
        for values in one.estimates.values():
            value, low, high = values[np.isfinite(values[:, 0])].T
            bias, spread = value.mean() / one.truth - 1.0, value.std() / one.truth
            covers = ((low <= one.truth) & (one.truth <= high)).mean()
            cells.append(f"{bias:+.1%} ± {spread:.1%}, {covers:.0%}")
        size = f"{one.effective_size:,.0f}"
        numbers = f"{one.truth:.3g}", f"{one.weight:.2f}", size
        result.add_row(policy, scope, reward, *numbers, *cells)
    return result


def run(
    workdir: pathlib.Path, config: configs.Config, num_pages: int, repeats: int
) -> dict[Key, Found]:
    """Returns what the repeats gave, by policy, scope and reward."""
    return repeat(set_up(workdir, config, num_pages), repeats)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains, makes logs, prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workdir", type=pathlib.Path, required=True)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=100)
    given = parser.parse_args(arguments)
    try:
        found = run(given.workdir, get_settings(), given.pages, given.repeats)
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    console.Console(width=_WIDTH).print(show(found))


if __name__ == "__main__":
    main()

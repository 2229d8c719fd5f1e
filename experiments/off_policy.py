r"""Do off-policy estimates tell what other pages would bring, and is their interval?

    python -m experiments.off_policy --workdir=runs/off_policy

NOT MEASURED YET
"""

import argparse
import dataclasses
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich import console, table

from ytdnn import configs, errors, pipeline, progress, ragged
from ytdnn.data import prepared
from ytdnn.evaluation import (
    counterfactual,
    judged_systems,
    lists,
    logged_pages,
    page_choices,
    protocol,
    true_page,
)
from ytdnn.metrics import off_policy
from ytdnn.ranking import model as ranking_model
from ytdnn.retrieval import stage as stage_room

PLACES = 8  # of a page
TEMPERATURE, EXPLORE_TOP = 1.0, 50  # of the recommender that made the log
LOGGING, COOLER, BEST_FIRST = "as the log", "temperature 0.5", "best first"
BY_CLICKS, POPULARITY = "by clicks, temperature 1", "popularity"
_WIDTH = 140
_DRAWS = 10  # of pages, for the truth of policies that draw
_SHAPE = 4.0  # of the gamma distribution of a click's seconds

Floats = npt.NDArray[np.float64]
Key = tuple[str, str, str]  # policy, "place" or "page", reward


def get_settings() -> configs.Config:
    """Returns a run of minutes, its ranker of clicks and of seconds."""
    world = configs.World(num_users=1_500, num_videos=2_000, num_topics=6)
    return configs.Config(
        data=configs.Data(world=world),
        candidates=configs.Candidates(training=configs.Training(epochs=4)),
        ranking=configs.Ranking(
            tower=(64, 32), training=configs.Training(epochs=3, batch_size=512)
        ),
        composition=configs.Composition(num_candidates=100),
    )


class Found(NamedTuple):
    """What the repeats gave for one policy, scope and reward.

    Attributes:
      truth: Of a place, or of a page.
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
      truth: Of pages.
      policies: What each orders; `LOGGING` makes the log.
    """

    cases: protocol.Cases
    truth: true_page.TruePages
    policies: dict[str, page_choices.Ordered]

    def worth(self, videos: npt.NDArray[np.int32]) -> dict[str, Floats]:
        """Returns what the places of pages are truly worth, `[n, places]`."""
        found = self.truth.worth(self.cases, videos, np.arange(videos.shape[1]))
        return _named(found.clicks, found.seconds)

    def pages(self, name: str, seed: int) -> npt.NDArray[np.int32]:
        """Returns the pages that a policy makes from their first place on."""
        given, rng = self.policies[name], np.random.default_rng([1, seed])
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
    asked = judged_systems.Asked(
        data,
        stage.candidates,
        stage.candidates.video_vectors(),
        ranker,
        stage.other_sources,
        config,
    )
    pages = _requests(data, num_pages)
    found = judged_systems.ordered(asked, pages)
    truth = true_page.of(data)
    if truth is None:
        raise errors.UserError("expected a world, found another log")
    cases = protocol.at_requests(
        data, pages.requests, config.evaluation, asked.trained.num_listed
    )
    return Setting(cases, truth, _policies(found))


def _requests(data: prepared.PreparedData, most: int) -> logged_pages.LoggedPages:
    """Returns pages that the world's own recommender was asked for, as requests."""
    shown = data.impressions
    rows = np.flatnonzero(np.asarray(shown.splits) == prepared.Split.TEST)
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

    Every log has users drawn with replacement, pages drawn by the logging policy, and
    clicks and seconds drawn by the world's laws.
    """
    rng = np.random.default_rng(0)
    per_user = ragged.of_rows(
        np.unique(setting.cases.users, return_inverse=True)[1],
        np.arange(len(setting.cases)),
        len(np.unique(setting.cases.users)),
    )
    estimates: dict[Key, list[dict[str, off_policy.Estimate]]] = {}
    alone: dict[tuple[str, str], list[float]] = {}
    weights: dict[tuple[str, str], list[float]] = {}
    worth = {name: _worth_by_place(setting, name) for name in setting.policies}
    for number in progress.through(range(repeats), "logs", "logs"):
        log, shown = _log(setting, rng, number)
        who = rng.integers(len(per_user.sizes), size=len(per_user.sizes))
        rows = per_user.take(who)
        some = _of(log, rows)
        for name, given in setting.policies.items():
            chosen = page_choices.of_pages(given, shown)
            if number < _DRAWS:
                for reward, value in _true_places(given, worth[name], shown).items():
                    alone.setdefault((name, reward), []).append(value)
            chosen = _some(chosen, rows.values)
            for scope in ("place", "page"):
                whole = scope == "page"
                by = counterfactual.estimates(some, chosen, math.inf, whole)
                decisions = some.decisions(counterfactual.CLICKS, chosen, whole)
                mean = float(decisions.weights().mean())
                weights.setdefault((name, scope), []).append(mean)
                for reward, one in by.items():
                    estimates.setdefault((name, scope, reward), []).append(one)
    truth = {(n, "place", r): float(np.mean(v)) for (n, r), v in alone.items()}
    truth |= dict(_true_pages(setting))
    return {
        key: _found(truth[key], several, weights[key[:2]])
        for key, several in estimates.items()
    }


def _log(
    setting: Setting, rng: np.random.Generator, number: int
) -> tuple[counterfactual.Log, npt.NDArray[np.int32]]:
    """Returns a log of all requests, and the videos shown."""
    given = setting.policies[LOGGING]
    shown = setting.pages(LOGGING, number)
    chances = page_choices.of_pages(given, shown).target
    expected = setting.worth(shown)
    clicks, seconds = expected.values()
    clicked = rng.random(clicks.shape) < clicks
    mean = seconds / np.maximum(clicks, 1e-12)
    watched = np.where(clicked, rng.gamma(_SHAPE, mean / _SHAPE), 0.0)
    modelled = {
        name: _of_shown(given.videos, values, shown)
        for name, values in given.modelled.items()
    }
    log = counterfactual.Log(
        users=setting.cases.users,
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


def _of(log: counterfactual.Log, rows: ragged.Ragged) -> counterfactual.Log:
    """Returns the pages of some users, each time another user."""
    return counterfactual.Log(
        users=rows.rows,
        is_place=log.is_place[rows.values],
        propensities=log.propensities[rows.values],
        rewards={name: v[rows.values] for name, v in log.rewards.items()},
        modelled={name: v[rows.values] for name, v in log.modelled.items()},
    )


def _some(
    chosen: page_choices.Choices, rows: npt.NDArray[np.integer]
) -> page_choices.Choices:
    modelled, own = (
        {name: values[rows] for name, values in several.items()}
        for several in (chosen.modelled, chosen.own)
    )
    return page_choices.Choices(chosen.target[rows], modelled, own)


def _worth_by_place(setting: Setting, name: str) -> list[dict[str, Floats]]:
    """Returns what each ordered video would be worth in each place, `[n, length]`."""
    videos = setting.policies[name].videos.astype(np.int32)
    found = [
        setting.truth.worth(setting.cases, videos, np.full(1, place))
        for place in range(PLACES)
    ]
    return [_named(one.clicks, one.seconds) for one in found]


def _true_places(
    given: page_choices.Ordered,
    worth: Sequence[Mapping[str, Floats]],
    shown: npt.NDArray[np.integer],
) -> dict[str, float]:
    """Returns the true mean of a place that a policy fills, the log those before."""
    every = {
        f"{reward} {place}": values
        for place, of_place in enumerate(worth)
        for reward, values in of_place.items()
    }
    chosen = page_choices.of_pages(dataclasses.replace(given, modelled=every), shown)
    there = shown > 0
    found = {}
    for reward in worth[0]:
        means = [chosen.modelled[f"{reward} {p}"][:, p] for p in range(PLACES)]
        found[reward] = float(np.stack(means, axis=1)[there].mean())
    return found


def _true_pages(setting: Setting) -> Iterator[tuple[Key, float]]:
    """Yields the true mean of the policies' own pages."""
    for name, given in setting.policies.items():
        draws = range(1_000, 1_000 + _DRAWS) if given.temperature else range(1)
        found = [setting.worth(setting.pages(name, seed)) for seed in draws]
        for reward in found[0]:
            each = [one[reward].sum(axis=1).mean() for one in found]
            yield (name, "page", reward), float(np.mean(each))


def _found(
    truth: float,
    several: Sequence[Mapping[str, off_policy.Estimate]],
    weights: Sequence[float],
) -> Found:
    return Found(
        truth,
        {
            name: np.array(
                [[o[name].value, o[name].low, o[name].high] for o in several]
            )
            for name in several[0]
        },
        float(np.mean([one["ips"].effective_size for one in several])),
        float(np.mean(weights)),
    )


def show(found: Mapping[Key, Found], places: int = PLACES) -> table.Table:
    """Returns the truth, and of each estimator its mean, bias and coverage."""
    result = table.Table(title="bias ± spread of an estimate, coverage of its interval")
    for heading in ("policy", "of a", "reward", "truth", "weight", "effective"):
        result.add_column(heading, justify="right")
    for name in counterfactual.ESTIMATORS:
        result.add_column(name, justify="right")
    for (policy, scope, reward), one in found.items():
        factor = places if scope == "page" else 1
        cells = []
        for values in one.estimates.values():
            value, low, high = factor * values.T
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
    parser.add_argument("--pages", type=int, default=1_500)
    parser.add_argument("--repeats", type=int, default=200)
    given = parser.parse_args(arguments)
    try:
        found = run(given.workdir, get_settings(), given.pages, given.repeats)
    except errors.UserError as error:
        raise SystemExit(f"error: {error}") from None
    console.Console(width=_WIDTH).print(show(found))


if __name__ == "__main__":
    main()

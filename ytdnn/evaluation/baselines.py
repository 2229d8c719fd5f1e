"""Baselines without training: counts of the training window, as makers of lists.

The network is compared with these in addition to popularity, as chosen by
`evaluation.baselines`, by default (`auto`) all but `als`:

* `recent_popularity`: the most watched of the window's last week;
* `markov`: a first-order Markov chain, the videos watched most often right after the
  last one of the history;
* `co_watch`: videos that others watched near the last ten, the candidate source as a
system of its own (`ytdnn/retrieval/co_watch.py`);
* `user_neighbours` and `als`: see `ytdnn/evaluation/matrix_baselines.py`.

Ties of counts, and videos without counts, are ordered by popularity.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ytdnn.base import configs, progress
from ytdnn.evaluation import lists, matrix_baselines, protocol
from ytdnn.log import catalogues, inputs, prepared, user_log
from ytdnn.retrieval import co_watch, popular

_NEIGHBOURS = 200  # of each watch
_AUTO_NAME = "auto"
_AUTO = ("recent_popularity", "markov", "co_watch", "user_neighbours")
# Above these a baseline takes more than a minute, and `auto` leaves it out.
_MOST_SCORES = 5e9
_MOST_PRODUCTS = 3e10
_MOST_WATCHES = 20_000_000
Floats = npt.NDArray[np.float32]


def makers(
    data: prepared.PreparedData,
    config: configs.EvaluationConfig,
    cases: protocol.Cases,
) -> dict[str, lists.Maker]:
    """Returns the makers of the chosen baselines, in the order of the config.

    Each counts the log when its first lists are made.

    Args:
      data: The prepared set.
      config: Chosen baselines.
      cases: Cases that lists are made for. Their number decides the baselines that
        `auto` can afford, and only what was watched near their last watches is counted.

    Raises:
      errors.UserError: The package of a baseline is not installed.
    """
    known: dict[str, Callable[[], lists.Maker]] = {
        "recent_popularity": lambda: _recent_popularity(data),
        "markov": lambda: _markov(data, cases),
        "co_watch": lambda: _co_watch(data, cases),
        "user_neighbours": lambda: matrix_baselines.user_neighbours(data),
        "als": lambda: matrix_baselines.als(data),
    }
    chosen = _chosen(data.catalogue, config, len(cases))
    if "als" in chosen:
        matrix_baselines.require_als()
    return {name: _on_first_use(known[name]) for name in chosen}


def _on_first_use(make: Callable[[], lists.Maker]) -> lists.Maker:
    """Returns the maker that `make` returns, which is called for the first lists."""
    made = functools.cache(make)
    return lambda cases, k: made()(cases, k)


def _chosen(
    catalogue: catalogues.Catalogue, config: configs.EvaluationConfig, num_users: int
) -> list[str]:
    """Returns the names in the config, with `auto` replaced by its baselines."""
    auto = [_AUTO[0], *(n for n in _AUTO[1:] if _is_cheap(n, catalogue, num_users))]
    missing = [name for name in _AUTO if name not in auto]
    if missing and _AUTO_NAME in config.baselines:
        progress.say(
            f"baselines: {', '.join(missing)} would take minutes on a log of this size "
            f"and are left out; --config.evaluation.baselines={','.join(_AUTO)} "
            f"measures them"
        )
    parts = [auto if name == _AUTO_NAME else [name] for name in config.baselines]
    return list(dict.fromkeys(name for part in parts for name in part))


def _is_cheap(name: str, catalogue: catalogues.Catalogue, num_users: int) -> bool:
    """Returns whether a baseline takes a minute at most."""
    watches = int(catalogue.facts["watches"])
    if name == "user_neighbours":
        products = num_users * watches
        return products <= _MOST_PRODUCTS and watches <= _MOST_WATCHES
    scores = num_users * catalogue.vocabulary_size
    return scores <= _MOST_SCORES and watches <= _MOST_WATCHES


def _recent_popularity(data: prepared.PreparedData) -> lists.Maker:
    """Returns the maker of the videos most watched in the last week of training."""
    order = popular.most_watched(data)
    scores = _popularity(data.catalogue)
    inside = order[order <= len(scores)]
    # Counts below 1 behind all that was watched in the week.
    scores[inside - 1] += np.arange(len(inside), 0, -1, dtype=np.float32)

    def make(cases: protocol.Cases, k: int) -> lists.Lists:
        users = np.ones((len(cases), 1), np.float32)
        return lists.from_vectors(cases, users, scores[:, np.newaxis], k)

    return make


def _markov(data: prepared.PreparedData, cases: protocol.Cases) -> lists.Maker:
    """Returns the maker of lists of videos watched most often after the last watch."""
    parts, stride = [], data.num_videos + 1
    is_seed = np.zeros(stride, np.bool_)
    is_seed[_last(data.log, cases, 1)] = True
    for shard in inputs.training_set(data).log.shards:
        watches = shard.read().watches
        videos = np.asarray(watches.videos, np.int64)
        follows = (watches.users[1:] == watches.users[:-1]) & is_seed[videos[:-1]]
        parts.append((videos[:-1] * stride + videos[1:])[follows])
    found, counts = np.unique(np.concatenate(parts), return_counts=True)
    of, after = np.divmod(found, stride)
    table = _Table(_offsets(of, stride), after, counts.astype(np.float32))
    return _of_last_watches(data, table, np.ones(1, np.float32))


def _co_watch(data: prepared.PreparedData, cases: protocol.Cases) -> lists.Maker:
    """Returns the maker of lists of videos watched by others near the last ones."""
    seeds = np.unique(_last(data.log, cases, co_watch.SEEDS))
    near, weights = co_watch.neighbours(data, _NEIGHBOURS, seeds)
    table = _Table(near.offsets, near.values, weights)
    decay = co_watch.DECAY ** np.arange(co_watch.SEEDS, dtype=np.float32)
    return _of_last_watches(data, table, decay)


@dataclasses.dataclass(frozen=True)
class _Table:
    """Videos related to v, `videos[offsets[v] : offsets[v + 1]]`, with weights."""

    offsets: npt.NDArray[np.int64]
    videos: npt.NDArray[np.integer]
    weights: Floats

    def add(
        self,
        seeds: npt.NDArray[np.integer],
        factor: np.float32,
        first: int,
        out: Floats,
    ) -> None:
        """Adds the weights of each row's seed.

        Args:
          seeds: `[rows]` video indices, 0 = none.
          factor: Factor of the weights.
          first: Video index of the first column.
          out: `[rows, columns]`, scores that the weights are added to.
        """
        sizes = self.offsets[seeds + 1] - self.offsets[seeds]
        rows = np.repeat(np.arange(len(seeds)), sizes)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        places += np.repeat(self.offsets[seeds], sizes)
        columns = self.videos[places] - first
        keep = (columns >= 0) & (columns < out.shape[1])
        # A seed names a video once, so no place is added to twice.
        out[rows[keep], columns[keep]] += factor * self.weights[places[keep]]


def _of_last_watches(
    data: prepared.PreparedData, table: _Table, weights: Floats
) -> lists.Maker:
    """Returns the maker of the sum over the last watches, the latest first."""
    popularity = _popularity(data.catalogue)
    scale = float(table.weights.min(initial=1.0) * weights.min())

    def make(cases: protocol.Cases, k: int) -> lists.Lists:
        seeds = _last(data.log, cases, len(weights))

        def score(users: slice, videos: slice, out: Floats) -> None:
            out[:] = popularity[videos] * scale
            for of_watch, weight in zip(seeds[users].T, weights, strict=True):
                table.add(of_watch, weight, videos.start + 1, out)

        return lists.from_scores(cases, score, len(popularity), k)

    return make


def _last(
    log: user_log.UserLog, cases: protocol.Cases, num: int
) -> npt.NDArray[np.int64]:
    """Returns the last watches, latest first, `[cases, num]`, 0 = none."""
    index = log.shard_index
    starts = index.offsets("watches")[cases.users]
    places = cases.ends[:, np.newaxis] - 1 - np.arange(num)
    is_there = places >= starts[:, np.newaxis]
    found = np.zeros(places.shape, np.int64)
    found[is_there] = index.gather("watches", "videos", places[is_there])
    return found


def _popularity(catalogue: catalogues.Catalogue) -> Floats:
    """Returns shares of the training watches, `[vocabulary] float32`, below 1."""
    watched = catalogue.videos[catalogues.TRAIN_COUNT].head(catalogue.vocabulary_size)
    counts = watched.to_numpy()
    return np.asarray(counts / (counts.sum() + 1.0), np.float32)


def _offsets(of: npt.NDArray[np.integer], size: int) -> npt.NDArray[np.int64]:
    """Returns where each video's entries begin, of ascending `of`, `[size + 1]`."""
    return np.searchsorted(of, np.arange(size + 1)).astype(np.int64)

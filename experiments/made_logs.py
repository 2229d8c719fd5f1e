r"""Does the network learn taste where a video has ten watches, with no setting given?

Claim: on made logs with a plain structure the candidate network (PAPER §3) finds it
with the settings that the log's shape decides, at ten thousand to a million videos.

    python -m experiments.made_logs runs/made/tastes-10k --law=tastes --size=10k
    ytdnn run --source=log --data_dir=runs/made/tastes-10k --workdir=runs/tastes-10k

Four laws write logs whose structure is known:

* `topics`: each video has one topic. A user likes four of them and takes .8 of the
  watches from these; within a topic popularity is log-uniform in the rank; the other
  watches are of any topic. Each video is watched at least once.
* `tastes`: users and videos have vectors of 16 coordinates. A watch is the choice of
  one video among 64 that were drawn by popularity, which falls as (rank + 20)^-0.9, by
  a softmax of eight times the cosine; .25 of the watches ignore the vectors;
* `series`: of 20 episodes each, of popularity as in `tastes`. A watch is with .85 the
  episode after the user's last one, else of another series, with .7 its first;
* `plays`: `tastes`, but .65 of the watches are of one that the user had, a mean of 30
  watches before (for `--repeats`).

Protocol: temporal. Candidates train on the first seven tenths of the watches, tests are
the last tenth; all videos are ranked, watched ones removed.

Measured 2026-11-27 and 28, one seed, two cores beside much other work, HR@10 and
nDCG@10, all counted or trained on the same window; more numbers and the commands are in
experiments/results/made_logs.json:

| | topics, 10k | topics, 100k | topics, 1m | tastes, 10k |
|---|---|---|---|---|
| network | .307, .0814 | .264, .0662 | .215, .0523 | .168, .0392 |
| user neighbours | .283, .0700 | .252, .0574 | | .144, .0342 |
| least squares, 64 factors | .307, .0784 | .198, .0498 | .073, .0181 | .125, .0260 |
| popularity | .051, .0085 | .011, .0024 | .001, .0002 | .122, .0270 |

The claim holds there; least squares are level with the network on `topics` at 10k
(+ 0.0030 ± 0.0048), and below it elsewhere. Where the network begins, counted
co-watching, makes nearly all of the difference: validation nDCG@10 before training and
at its best is .0870 and .0870, .0646 and .0661, .0513 and .0513, .0362 and .0366. A
million videos take 15 minutes of one core to train, a fifth of the users was tested.
Not measured: 100 thousand of `tastes`, other seeds. The logs of `topics` were made by
another script of the same law, with impressions.
"""

import argparse
import dataclasses
import pathlib

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]

_BEGIN, _SECONDS = 1_700_000_000, 90 * 86_400
_ACTIVITY = 1.2  # exponent of the users' activity, a Pareto law
_LIKED, _OF_TASTE = 4, 0.8  # topics of a user, and the share of watches from them
_DIM, _SHOWN, _SHARPNESS = 16, 64, 8.0
_POPULARITY, _PLATEAU = 0.9, 20.0
_NOISE = 0.25
_BLOCK = 1 << 16  # watches chosen at a time
_EPISODES, _GOES_ON, _AT_FIRST = 20, 0.85, 0.7
_AGAIN, _WATCHES_AGO = 0.65, 30


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a made log is.

    Attributes:
      videos: In the catalogue, and at least so many watches.
      users: Each with at least one watch.
      watches: In all.
      topics: Of the law `topics`.
    """

    videos: int
    users: int
    watches: int
    topics: int


SIZES = {
    "tiny": Size(videos=60, users=40, watches=1_500, topics=6),
    "10k": Size(10_000, 4_000, 200_000, 50),
    "100k": Size(100_000, 20_000, 1_000_000, 200),
    "1m": Size(1_000_000, 200_000, 10_000_000, 2_000),
}


def topics(size: Size, users: Ints, rng: np.random.Generator) -> Ints:
    """Returns the video of each watch, of those topics that its user likes.

    Args:
      size: Of the log.
      users: `[watches]`, who watches.
      rng: Of every draw.
    """
    topic_of = rng.integers(0, size.topics, size.videos)
    order = np.argsort(topic_of, kind="stable")
    starts = np.searchsorted(topic_of[order], np.arange(size.topics))
    sizes = np.maximum(np.bincount(topic_of, minlength=size.topics), 1)
    liked = rng.integers(0, size.topics, (size.users, _LIKED))
    own = liked[users, rng.integers(0, _LIKED, len(users))]
    other = rng.integers(0, size.topics, len(users))
    of_watch = np.where(rng.random(len(users)) < _OF_TASTE, own, other)
    # Log-uniform in the rank: the r-th video of a topic has log(1 + 1 / r) of it.
    ranks = np.floor(sizes[of_watch] ** rng.random(len(users))).astype(np.int64) - 1
    videos = order[np.minimum(starts[of_watch] + ranks, size.videos - 1)]
    some = rng.choice(len(users), size.videos, replace=False)
    videos[some] = np.arange(size.videos)
    return videos


def tastes(size: Size, users: Ints, rng: np.random.Generator) -> Ints:
    """Returns the video of each watch, near its user's vector among those shown.

    Args:
      size: Of the log.
      users: `[watches]`, who watches.
      rng: Of every draw.
    """
    of_users = _directions(size.users, rng)
    of_videos = _directions(size.videos, rng)
    chances = _chances(size.videos, rng)
    found = []
    for start in range(0, len(users), _BLOCK):
        own = users[start : start + _BLOCK]
        shown = np.searchsorted(chances, rng.random((len(own), _SHOWN)))
        shown = np.minimum(shown, size.videos - 1)
        scores = np.einsum("wsd,wd->ws", of_videos[shown], of_users[own]) * _SHARPNESS
        scores[rng.random(len(own)) < _NOISE] = 0.0
        scores += rng.gumbel(size=scores.shape)  # the greatest: a draw of the softmax
        found.append(shown[np.arange(len(own)), scores.argmax(axis=1)])
    return np.concatenate(found)


def series(size: Size, users: Ints, rng: np.random.Generator) -> Ints:
    """Returns the video of each watch, most often the episode after the last.

    Args:
      size: Of the log.
      users: `[watches]`, who watches.
      rng: Of every draw.
    """
    number, watches = size.videos // _EPISODES, len(users)
    begun = np.searchsorted(_chances(number, rng), rng.random(watches))
    begun = np.minimum(begun, number - 1) * _EPISODES
    is_later = rng.random(watches) > _AT_FIRST
    begun += np.where(is_later, rng.integers(0, _EPISODES, watches), 0)
    goes_on = rng.random(watches) < _GOES_ON
    nexts = np.zeros(size.users, np.int64)  # after each user's last; 0: none
    for row, user in enumerate(users.tolist()):
        if goes_on[row] and nexts[user] % _EPISODES:
            begun[row] = nexts[user]
        nexts[user] = begun[row] + 1
    return begun


def plays(size: Size, users: Ints, rng: np.random.Generator) -> Ints:
    """Returns the video of each watch, most often one that the user had.

    Args:
      size: Of the log.
      users: `[watches]`, who watches.
      rng: Of every draw.
    """
    videos = tastes(size, users, rng)
    again = rng.random(len(users)) < _AGAIN
    ago = rng.geometric(1.0 / _WATCHES_AGO, len(users))
    own: list[list[int]] = [[] for _ in range(size.users)]
    for row, user in enumerate(users.tolist()):
        if again[row] and own[user]:
            videos[row] = own[user][max(0, len(own[user]) - ago[row])]
        own[user].append(int(videos[row]))
    return videos


def _chances(number: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Returns running sums of the popularity of each, in no order."""
    weights = (np.arange(number) + _PLATEAU) ** -_POPULARITY
    return np.cumsum(rng.permutation(weights) / weights.sum())


def _directions(number: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    vectors = rng.standard_normal((number, _DIM), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


LAWS = {"topics": topics, "tastes": tastes, "series": series, "plays": plays}


def watches(law: str, size: Size, seed: int = 0) -> pl.DataFrame:
    """Returns a made log's table `watches`.

    Args:
      law: Of `LAWS`.
      size: Of the log.
      seed: Of every draw.
    """
    rng = np.random.default_rng(seed)
    activity = (rng.pareto(_ACTIVITY, size.users) + 1.0).clip(max=100.0)
    users = rng.choice(size.users, size.watches, p=activity / activity.sum())
    users[: size.users] = np.arange(size.users)
    users = rng.permutation(users)
    videos = LAWS[law](size, users, rng)
    seconds = rng.integers(0, _SECONDS, size.watches)
    return pl.DataFrame(
        {
            "user_id": pl.Series(users).cast(pl.String),
            "video_id": pl.Series(videos).cast(pl.String),
            "time": np.sort(_BEGIN + seconds),
        }
    )


def main() -> None:
    """Writes a made log."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("out", type=pathlib.Path, help="directory of the log")
    parser.add_argument("--law", choices=LAWS, default="topics")
    parser.add_argument("--size", choices=SIZES, default="100k")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    made = watches(args.law, SIZES[args.size], args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    made.write_parquet(args.out / "watches.parquet")
    print(f"{args.out / 'watches.parquet'}: {made.height:,} watches")


if __name__ == "__main__":
    main()

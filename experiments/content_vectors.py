r"""Are new uploads found by vectors of what they show, as well as by topic and channel?

Claim: where nothing is known of a new upload but a vector of what it shows, as an image
and a sentence encoder make it, the candidate network finds at least nine tenths of the
answers that it finds with topic, channel, language, title and duration, and none
without either (PAPER §3.3: new uploads; §3.4: signals besides the ids).

    ytdnn study --config=experiments/content_vectors.py --workdir=runs/content-vectors \
        --stage=candidates
    python -m experiments.content_vectors --workdir=runs/content-vectors

The second command sets the right answers of each variant that no training has seen
beside all.

Protocol: temporal, as in quickstart.py. The world writes a column `videos.vector` of 64
numbers: factors of leaf, channel and language, and the style, mixed into all
coordinates, with noise of half their size. Metadata are without faults, so that the
other side is at its best. All variants read the popularity of videos by age; the one
without content has none to read it with.

Measured 2026-11-28 on two cores shared with much other work, one seed, on a smaller
world with six epochs (`--config.data.world.num_users=1500
--config.data.world.num_videos=2000 --config.candidates.training.epochs=6`), 921 test
users:

| known of a video | hit rate@10 | recall@100 | of new answers | share of metadata's |
|---|---|---|---|---|
| vectors | 0.489 | 0.482 | 0.506 | 0.905 |
| metadata | 0.553 | 0.514 | 0.559 | 1 |
| nothing | 0.140 | 0.143 | 0 | 0 |

The claim holds there; the world of its own size was not measured.
"""

import argparse
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich
from rich import table

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.log import events

if TYPE_CHECKING:
    from experiments import new_videos

VECTORS, METADATA, NOTHING = "vectors", "metadata", "nothing"
_VECTOR = "videos.vector"
_METADATA = (
    "channel_id",
    "topic",
    "title",
    "video_language",
    "duration_seconds",
)


def get_config() -> configs.Config:
    """Returns the model that knows new videos by their vectors alone."""
    return _config(*_METADATA)


def get_variants() -> dict[str, configs.Config]:
    """Returns the model with vectors, with metadata, and without either."""
    return {
        VECTORS: get_config(),
        METADATA: _config(_VECTOR),
        NOTHING: _config(_VECTOR, *_METADATA),
    }


def _config(*removed: str) -> configs.Config:
    world = configs.changed(
        configs.WORLDS["quickstart"], {"metadata_noise": 0.0, "vector_dim": 64}
    )
    content = configs.ContentConfig(features=configs.FeaturesConfig(remove=removed))
    training = configs.TrainingConfig(epochs=10, patience=3)
    return configs.Config(
        data=configs.DataConfig(world=world),
        candidates=configs.CandidatesConfig(content=content, training=training),
        ranking=configs.RankingConfig(),
    )


def measure(
    directory: pathlib.Path, split: events.Split
) -> "dict[str, new_videos.Measured]":
    """Returns the lists of all videos of each variant, the first seed's, measured."""
    from experiments import new_videos  # a config file is read outside the package

    found = {}
    for name in get_variants():
        run = directory / name / "seed-0"
        found[name] = new_videos.measure(run, split)[new_videos.ALL]
    return found


def show(found: "dict[str, new_videos.Measured]") -> table.Table:
    """Returns a row for each variant, the share of the metadata's new answers last."""
    result = table.Table(title="right answers found, by what is known of a video")
    for heading in ("known", "hit rate@10", "recall@100", "of new answers", "share"):
        result.add_column(heading, overflow="fold")
    whole = found[METADATA].recall_of_new
    for name, one in found.items():
        numbers = one.hit_rate, one.recall, one.recall_of_new, one.recall_of_new / whole
        result.add_row(name, *(f"{number:.3f}" for number in numbers))
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures a study and prints the table."""
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

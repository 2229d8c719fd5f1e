"""The encoder of the watch history that the config chooses."""

from collections.abc import Callable
from typing import Any

from ytdnn import configs, registries
from ytdnn.encoders import (
    own_file,
    side_by_side,
    watch_bags,
    watched,
)

Watches = watched.Watched | side_by_side.SideBySide


def make(
    config: configs.CandidatesConfig,
    vocabulary_size: int,
    content: watched.ContentSource | None = None,
    knows_request_times: bool = False,
    own_encoder: str = "",
) -> Watches:
    """Returns the encoder, named `watches`.

    Args:
      config: Settings of candidate generation, with the kind of encoder.
      vocabulary_size: Videos with an id embedding.
      content: Content features of videos; None: there are none.
      knows_request_times: Whether the time of the request may be read.
      own_encoder: Text of the file of the user's own encoder.
    """
    if isinstance(config.encoder, configs.BagsConfig):
        return watch_bags.WatchBags(config, vocabulary_size, content, name="watches")
    shared: dict[str, Any] = {"knows_request_times": knows_request_times}
    cls = _class(config.encoder, own_encoder)
    if not config.encoder.beside_bags:
        return cls(config, vocabulary_size, content, name="watches", **shared)
    bags = watch_bags.WatchBags(config, vocabulary_size, content, name="bags")
    shared |= {"videos": bags.videos, "name": "sequence"}
    ordered = cls(config, vocabulary_size, content, **shared)
    return side_by_side.SideBySide(bags, ordered, name="watches")


def _class(config: Any, own_encoder: str) -> Callable[..., Any]:
    if isinstance(config, configs.OwnEncoderConfig):
        return own_file.load(own_encoder, config.file)
    return registries.ENCODERS[config.kind].make

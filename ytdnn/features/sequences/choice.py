"""The encoder of the watch history that the config chooses."""

from typing import TYPE_CHECKING, Any, Union

from ytdnn.base import configs, registries

if TYPE_CHECKING:
    from ytdnn.features.sequences import side_by_side, watch_bags, watched

Watches = Union["watched.Watched", "side_by_side.SideBySide"]


def make(
    config: configs.CandidatesConfig,
    vocabulary_size: int,
    content: "watched.ContentSource | None" = None,
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
    sizes = config, vocabulary_size, content
    if isinstance(config.encoder, configs.BagsConfig):
        return _bags(*sizes, name="watches")
    shared: dict[str, Any] = {"knows_request_times": knows_request_times}
    if isinstance(config.encoder, configs.OwnEncoderConfig):
        shared["own_encoder"] = own_encoder
    make_sequence = registries.ENCODERS[config.encoder.kind].make
    if not config.encoder.beside_bags:
        found: watched.Watched = make_sequence(*sizes, name="watches", **shared)
        return found
    from ytdnn.features.sequences import side_by_side

    bags = _bags(*sizes, name="bags")
    shared |= {"videos": bags.videos, "name": "sequence"}
    ordered = make_sequence(*sizes, **shared)
    return side_by_side.SideBySide(bags, ordered, name="watches")


def _bags(*args: Any, name: str) -> "watch_bags.WatchBags":
    from ytdnn.features.sequences import watch_bags

    return watch_bags.WatchBags(*args, name=name)

"""Chooses the initial weights of a counted start by validation.

Co-watching measures the similarity of videos. It does not tell how many of the last
watches matter, nor how to weigh similarity against popularity. Both differ between logs
by more than training corrects. On a log of 8.6 ordered watches per user, the last
watch's neighbours at three times the vector length have a validation nDCG@10 of .065,
the neighbours of all watches .037; on a log of 50 watches per user without order, the
neighbours of all watches are best.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ytdnn.base import configs, progress
from ytdnn.candidates import initial, model
from ytdnn.log import prepared
from ytdnn.training import devices, validation

_FACT = "start"
# Of validation: each bag and length that is tried is evaluated on them.
_USERS = 2_000
# A bag other than the mean is passed only where its metric on validation is 3 % higher:
# a small difference is chance.
_LEAST_GAIN = 1.03
_LENGTHS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)  # steps of about √2

Value = Callable[[initial.Start], float]


def begin(
    config: configs.CandidatesConfig,
    data: prepared.PreparedData,
    candidate_model: model.CandidateModel,
    vectors: initial.Floats | None,
    on: devices.OneDevice,
    refitted: Mapping[str, Any] | None,
) -> initial.Start | None:
    """Gives a model with a counted start the initial weights of the best validation.

    Args:
      config: Config of the network.
      data: The prepared set.
      candidate_model: See `initial.set_weights`.
      vectors: Counted vectors that `initial.set_weights` returned.
      on: Devices; with several workers, the chief's choice holds.
      refitted: Facts of the network to refit, with the start to use; None: this is no
        refit.

    Returns:
      The chosen start; None for a model without a counted start.
    """
    if vectors is None:
        return None
    start = initial.Start()
    if refitted is not None:
        start = initial.Start(**refitted.get(_FACT, {}))
    elif not config.train_on_validation and validation.has_targets(config, data):
        found = _best(config, data, candidate_model, vectors)
        bag, length = on.agreed([found.bag, found.length])
        start = initial.Start(int(bag), length)
        progress.say(
            f"candidates: begins at counted co-watching (bag {start.bag + 1}, videos' "
            f"vectors of length {start.length:g}: chosen on validation)"
        )
    initial.begin_at(candidate_model, vectors, start)
    return start


def facts(start: initial.Start | None) -> dict[str, Any]:
    """Returns facts about the start of a training for its manifest."""
    return {} if start is None else {_FACT: dataclasses.asdict(start)}


def _best(
    config: configs.CandidatesConfig,
    data: prepared.PreparedData,
    candidate_model: model.CandidateModel,
    vectors: initial.Floats,
) -> initial.Start:
    """Returns the start that is best on a sample of the validation users."""
    users = min(config.validation_users or _USERS, _USERS)
    few = dataclasses.replace(config, validation_users=users)
    validate = validation.validator(few, data, candidate_model, is_stated=False)

    def value(start: initial.Start) -> float:
        initial.begin_at(candidate_model, vectors, start)
        return validate()[validation.METRIC]

    return search(value, *initial.choices(config))


def search(value: Value, num_bags: int, tries_lengths: bool) -> initial.Start:
    """Returns the best bag at length 1, then its best length, searched up and down.

    Another bag than the first, the mean, must be clearly better: validation on a sample
    does not resolve smaller differences.

    Args:
      value: Function that returns the metric of a start, higher is better.
      num_bags: Number of bags to choose from.
      tries_lengths: Whether lengths change the scores.
    """
    known = {bag: value(initial.Start(bag)) for bag in range(num_bags)}
    bag = max(known, key=lambda place: known[place])
    if known[bag] <= _LEAST_GAIN * known[0]:
        bag = 0
    found, best = initial.Start(bag), known[bag]
    if not tries_lengths:
        return found
    first = _LENGTHS.index(1.0)
    for lengths in (_LENGTHS[first + 1 :], _LENGTHS[:first][::-1]):
        for length in lengths:
            start = initial.Start(bag, length)
            now = value(start)
            if now <= best:
                break
            found, best = start, now
        if found.length != 1.0:
            break
    return found

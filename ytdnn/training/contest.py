"""Chooses the settings of the candidates by a contest on the validation window.

By successive halving (Jamieson and Talwalkar, 2016): each member of a small portfolio
(`ytdnn/base/configs/by_size.py`) trains for a part of an epoch, the better half goes
on, but those far behind and the dearer of two alike and level ones. Of those that are
not clearly below the best, the best of the narrowest wins. One model is in memory at a
time. The winner's training is resumed by `candidates`, not begun again.
"""

import dataclasses
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ytdnn.base import artifacts, configs, errors, machine_facts, progress, whole_files
from ytdnn.candidates import model
from ytdnn.log import prepared
from ytdnn.training import candidates, checkpoints, validation

Config = configs.Config
PreparedData = prepared.PreparedData
Path = pathlib.Path

KIND = "contest"
# Shares of its own epochs that each member has trained for when they are compared;
# twice as much of a small log, whose trainings are short.
_ROUNDS = (1 / 16, 3 / 16)
_SMALL = 100_000  # watches
_FAR = 0.9  # of the best, below which a member leaves if it is surely below
_BEST = "best.npy"  # the metric of each request where its mean was best

Floats = npt.NDArray[np.float64]


def run(
    members: Mapping[str, Config],
    data: PreparedData,
    directory: Path,
    config: Mapping[str, Any],
) -> None:
    """Compares members, or resumes, and publishes the artefact `contest`.

    Args:
      members: Config of the run with each member's settings, the cheapest first.
      data: The prepared set.
      directory: Directory of the artefact; `candidates` is trained beside it.
      config: Settings that the contest depends on, for its manifest.
    """
    any_member = next(iter(members.values()))
    inputs = candidates.made_from(any_member, data)
    work = checkpoints.workspace(directory, config, inputs)
    if validation.has_targets(any_member.candidates, data):
        facts = _held(members, data, work)
        name = str(facts["winner"])
        won = directory.with_name(model.KIND)
        candidates.adopt(work / name, members[name], data, won)
    else:
        name = next(n for n in (configs.UNCONTESTED, *members) if n in members)
        line = f"contest of settings: no watch is held out to judge by, {name} is taken"
        facts = {"winner": name, validation.METRIC: [], "lines": [line]}
        progress.say(line)
    with artifacts.publish(directory, KIND, config, inputs, facts):
        pass
    shutil.rmtree(work)


def _held(
    members: Mapping[str, Config], data: PreparedData, work: Path
) -> dict[str, Any]:
    """Trains members round by round in `work`; returns facts for a manifest.

    Raises:
      errors.UserError: No member can be trained.
    """
    data = dataclasses.replace(data)  # its own cache, of what members share
    left = tuple(members)
    is_small = int(data.manifest.facts["watches"]) <= _SMALL
    shares = [share * (2 if is_small else 1) for share in _ROUNDS]
    rounds: list[dict[str, float]] = []
    lines: list[str] = []
    with progress.Bar(KIND, len(left) + (len(left) + 1) // 2, "trainings") as bar:
        for share in shares:
            if len(left) == 1 and rounds:
                break
            values: dict[str, Floats] = {}
            for name in left:
                try:
                    values[name] = _trained(members[name], data, work / name, share)
                except errors.UserError as error:  # such as a loss that is no number
                    if name == left[-1] and not values:
                        raise
                    lines.append(f"contest of settings: {name} left out: {error}")
                    progress.say(lines[-1])
                bar.reach(sum(map(len, rounds)) + len(values), f"({name})")
            rounds.append({name: float(np.nanmean(v)) for name, v in values.items()})
            left = still_open(better_half(values), values, members)
            if share == shares[-1]:
                left = (winner(values, members),)
            lines.append(_line(share, rounds[-1], left))
            progress.say(lines[-1])
    return {"winner": left[0], validation.METRIC: rounds, "lines": lines}


def better_half(values: Mapping[str, Floats]) -> tuple[str, ...]:
    """Returns the members with the highest means, in their order.

    Args:
      values: `[requests, kinds]` by member, see `validation.validator`.
    """
    ranked = sorted(values, key=lambda name: -np.nanmean(values[name]))
    kept = ranked[: (len(ranked) + 1) // 2]
    return tuple(name for name in values if name in kept)


def still_open(
    left: tuple[str, ...], values: Mapping[str, Floats], members: Mapping[str, Config]
) -> tuple[str, ...]:
    """Returns members that may still win; of two alike and level ones the cheaper.

    Alike are vectors of one width and similarity from one start: training changes them
    in the same way, so what is level goes on level. None is surely a tenth below the
    best.

    Args:
      left: Names of members, the cheapest first.
      values: `[requests, kinds]` by member, see `validation.validator`.
      members: Config of the run with each member's settings.
    """
    best = max((values[name] for name in left), key=np.nanmean)

    def kind(name: str) -> tuple[str, str, int]:
        own = members[name].candidates
        return own.initial_vectors, own.similarity, own.embedding_dim

    kept: list[str] = []
    for name in left:
        own = values[name]
        is_below = np.nanmean(own) < _FAR * np.nanmean(best)
        is_far = is_below and not _is_level(best, own, 2.0)
        alike = [values[other] for other in kept if kind(other) == kind(name)]
        if not is_far and not any(_is_level(own, other) for other in alike):
            kept.append(name)
    return tuple(kept)


def winner(values: Mapping[str, Floats], members: Mapping[str, Config]) -> str:
    """Returns the best of the narrowest members that are level with the best one.

    Of two alike and level ones only the cheaper may win (`still_open`).

    Args:
      values: `[requests, kinds]` by member (`validation.validator`), cheapest first.
      members: Config of the run with each member's settings.
    """
    best = max(values.values(), key=np.nanmean)
    level = tuple(name for name, own in values.items() if _is_level(best, own))
    dims = {name: members[name].candidates.embedding_dim for name in level}
    narrowest = tuple(name for name in level if dims[name] == min(dims.values()))
    left = still_open(narrowest, values, members)
    return max(left, key=lambda name: np.nanmean(values[name]))


def _is_level(first: Floats, second: Floats, errors: float = 1.0) -> bool:
    """Returns whether the first is not some standard errors above the second.

    Neither by lists nor by last watches, where both were asked for.
    """
    leads = [v[~np.isnan(v)] for v in (first - second).reshape(len(first), -1).T]
    return all(v.mean() <= errors * v.std() / np.sqrt(len(v)) for v in leads if len(v))


def _trained(config: Config, data: PreparedData, work: Path, share: float) -> Floats:
    """Trains a member up to a share of its epochs.

    Returns:
      `[requests, kinds]`, the metric of each where its mean was best.
    """
    done = work / f"after-{share:g}.npy"
    if done.exists():
        return np.load(done)
    best = work / _BEST
    work.mkdir(exist_ok=True)

    def watch(values: Floats) -> None:
        if not best.exists() or np.nanmean(values) > np.nanmean(np.load(best)):
            _save(best, values)

    one = dataclasses.replace(config.candidates, ensemble_size=1, distillation=0.0)
    config = dataclasses.replace(config, candidates=one)
    pause_at = share * one.training.epochs
    with progress.shown(False):
        candidates.fit_network(config, data, work, pause_at=pause_at, watch=watch)
    machine_facts.collect()  # the network, before the next one's
    _save(done, np.load(best))
    return np.load(done)


def _save(path: Path, values: Floats) -> None:
    with whole_files.whole_file(path) as partial, partial.open("wb") as file:
        np.save(file, values)


def _line(share: float, means: Mapping[str, float], left: tuple[str, ...]) -> str:
    """Returns the result of a round in words."""
    values = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
    ends = f"{left[0]} wins" if len(left) == 1 else f"{', '.join(left)} go on"
    return (
        f"contest of settings, validation {validation.METRIC} after {share:.0%} of "
        f"each training: {values}; {ends}"
    )

"""The size of the prepared log, and what of a config depends on it.

`auto` in a run's config names settings that are chosen from the size
(`ytdnn/base/configs/by_size.py`). They are computed each time from the counts in the
manifest of the prepared set, so they follow the data.

Sizes beyond the available memory are refused before the work starts: the kernel kills a
process that allocates too much, without a message. The arrays of a few settings are
estimated, on the low side: a refused setting cannot work, but an accepted one may still
need too much in total.
"""

import contextlib
import dataclasses
import itertools
import pathlib
from typing import Any

from ytdnn.base import artifacts, configs, errors, formats, machine_facts

available_memory = machine_facts.available_memory
_DATA, _CONTEST = "data", "contest"
_FLOAT = 4.0  # bytes
_GIGA = 1e9
_LEAST_ROWS = 1_024  # of a batch, of however few events


def log_size(workdir: pathlib.Path) -> configs.LogSize | None:
    """Returns the size of a run's log; None if nothing is prepared."""
    try:
        facts = artifacts.read_manifest(workdir / _DATA, _DATA).facts
    except errors.UserError:
        return None
    member = ""
    with contextlib.suppress(errors.UserError):  # none was held
        contest = artifacts.read_manifest(workdir / _CONTEST, _CONTEST)
        member = str(contest.facts["winner"])
    return configs.LogSize(
        watches=int(facts["watches"]),
        users=int(facts["users"]),
        videos=int(facts["vocabulary"]),
        impressions=int(facts.get("impressions") or 0),
        member=member,
    )


def members(config: configs.Config, workdir: pathlib.Path) -> dict[str, configs.Config]:
    """Returns the config of each member of the contest of candidates, by its name.

    Members that the user's own settings make equal are one.

    Args:
      config: Config of the run.
      workdir: Directory of the run, with `data`.
    """
    size = log_size(workdir)
    if size is None or not config.candidates.auto:
        return {}
    several: dict[str, configs.Config] = {}
    for name in configs.members(size, config.candidates):
        one = configs.resolved(config, dataclasses.replace(size, member=name))
        if one not in several.values():
            several[name] = one
    return several


def resolved(config: configs.Config, workdir: pathlib.Path) -> configs.Config:
    """Returns a run's config with the settings that depend on the size of its log."""
    if not (config.candidates.auto or config.ranking.auto):
        return config
    size = log_size(workdir)
    return config if size is None else configs.resolved(config, size)


def describe(config: configs.Config, workdir: pathlib.Path, section: str) -> list[str]:
    """Returns lines on the settings chosen for a stage that is about to train.

    Args:
      config: Config of the run.
      workdir: Directory of the run, with `data`.
      section: `candidates` or `ranking`.
    """
    size = log_size(workdir)
    if size is None:
        return []
    lines = [
        f"{path.removeprefix(f'{section}.')} {_text(value)}"
        for path, value in configs.chosen(config, size).items()
        if path.startswith(f"{section}.")
    ]
    if not lines:
        return []
    won = size.member if section == "candidates" and config.candidates.contest else ""
    by = f"by the contest that {won} won, and by" if won else "from"
    return [
        f"settings chosen {by} the size of the log ({_words(size, section)}): "
        f"{'; '.join(lines)}; give --config.{section}.NAME=VALUE to change one"
    ]


def _words(size: configs.LogSize, section: str) -> str:
    if section == "ranking":
        # The rule reads all of them; fewer train (`prepare` says how many).
        return f"{formats.counted(size.impressions, 'impression')} of all windows"
    return (
        f"{formats.counted(size.watches, 'watch', 'es')}, "
        f"{formats.counted(size.users, 'user')}, "
        f"{formats.counted(size.videos, 'video')}"
    )


def _text(value: object) -> str:
    """Returns a value in words; of a choice, its kind and changed settings."""
    kind = getattr(value, configs.KIND, "")
    if kind:
        plain = type(value)()
        names = configs.own_settings(value)
        own = {name: getattr(value, name) for name in names}
        values = [f"{k} {v}" for k, v in own.items() if v != getattr(plain, k)]
        return f"{kind} ({', '.join(values)})" if values else kind
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value)


def require_memory(
    config: configs.Config, size: configs.LogSize | None, stage: str
) -> None:
    """Checks that the tables, layers and batches of a stage fit into memory.

    Args:
      config: Config of the run.
      size: Size of the prepared log; None: unknown, and nothing is checked.
      stage: `candidates` or `ranking`.

    Raises:
      errors.UserError: One of them does not fit.
    """
    if size is None:
        return
    section = getattr(config, stage)
    events = size.watches if stage == "candidates" else size.impressions
    dim, widths = section.embedding_dim, (section.embedding_dim, *section.tower)
    batch = min(section.training.batch_size, max(events, _LEAST_ROWS))
    rows = max(1, batch // getattr(getattr(section, "label", None), "slice_length", 1))
    weights = sum(float(a) * b for a, b in itertools.pairwise(widths))
    # Tables and layers with the optimiser's state.
    _require_fits(f"{stage}.embedding_dim", dim, 2 * _FLOAT * dim * size.videos)
    _require_fits(f"{stage}.tower", section.tower, 2 * _FLOAT * weights)
    _require_fits(
        f"{stage}.history_length",
        section.history_length,
        _FLOAT * dim * rows * section.history_length,
    )


def require_memory_of_world(world: configs.WorldConfig) -> None:
    """Checks that the corpus and the users of a synthetic world fit into memory.

    Args:
      world: Settings of the world.

    Raises:
      errors.UserError: They do not fit.
    """
    for name in ("num_videos", "num_users"):
        number = getattr(world, name)
        _require_fits(f"data.world.{name}", number, 16 * _FLOAT * number)


def _require_fits(key: str, value: Any, needed: float) -> None:
    there = available_memory()
    if needed > there:
        shown = f"{value:,}" if isinstance(value, int) else ",".join(map(str, value))
        raise errors.UserError(
            f"expected config.{key} to fit into the {there / _GIGA:.3g} GB of memory "
            f"available, received {shown}, which needs at least "
            f"{needed / _GIGA:.3g} GB: lower it"
        )

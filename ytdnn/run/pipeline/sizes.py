"""Settings chosen from the size of the prepared log (`ytdnn/base/configs/by_size.py`).

`auto` in a run's config names these settings. They are computed each time from the
counts in the manifest of the prepared set, so they follow the data.
"""

import pathlib

from ytdnn.base import artifacts, configs, errors, formats

_DATA = "data"


def log_size(workdir: pathlib.Path) -> configs.LogSize | None:
    """Returns the size of a run's log; None if nothing is prepared."""
    try:
        facts = artifacts.read_manifest(workdir / _DATA, _DATA).facts
    except errors.UserError:
        return None
    return configs.LogSize(
        watches=int(facts["watches"]),
        users=int(facts["users"]),
        videos=int(facts["vocabulary"]),
        impressions=int(facts.get("impressions") or 0),
        order=float(facts.get("order_ratio") or 0.0),
        lift=float(facts.get("co_watch_lift") or 0.0),
    )


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
    return [
        f"settings chosen from the size of the log ({_words(size, section)}): "
        f"{'; '.join(lines)}; give --config.{section}.NAME=VALUE to change one"
    ]


def _words(size: configs.LogSize, section: str) -> str:
    if section == "ranking":
        # The rule reads all of them; fewer train (`prepare` says how many).
        return f"{formats.counted(size.impressions, 'impression')} of all windows"
    parts = [
        formats.counted(size.watches, "watch", "es"),
        formats.counted(size.users, "user"),
        formats.counted(size.videos, "video"),
        *([f"order {size.order:.2f}"] if size.order else []),
        *([f"lift {size.lift:.2f}"] if size.lift else []),
    ]
    return ", ".join(parts)


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

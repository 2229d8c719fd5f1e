"""The models of a run that go on learning: `to_test` and `to_end`.

    to_test/{data,candidates,index,ranking}   up to the test window: they are measured
    to_end/{data,candidates,index,ranking}    up to the end of the log: they are served

`models` beside them is written last. It imports no large package at once.
"""

import pathlib

from ytdnn.base import artifacts, configs

KIND = "models"
TO_TEST, TO_END = "to_test", "to_end"
_DATA, _REFIT = "data", "refit"  # the prepared set, and its fact
_AT_THE_END = "the models have learned to the end of the log"
_MARGIN = 1.96  # standard errors


def left_out(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why no models learn up to the test window; empty if some do.

    Args:
      config: Config of the run.
      workdir: Directory of the run, with `data`.
    """
    if config.data.protocol != "temporal":
        return f"data.protocol={config.data.protocol} has no later watches"
    obstacle = _obstacle(config, workdir)
    if obstacle:
        return obstacle
    windows = artifacts.peek(workdir / _DATA / artifacts.MANIFEST).get("windows")
    if windows is None:
        return _AT_THE_END
    if windows["ranking"] < windows["validation"]:
        return "the ranker has no window of its own"
    learned_to = "ranking" if config.candidates.train_on_validation else "validation"
    if windows[learned_to] >= windows["test"]:
        return "the candidates have learned up to the test window"
    return ""


def end_left_out(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why no models learn up to the end of the log; empty if some do."""
    if config.refit:
        return "the bundle has refitted models (refit=true)"
    if config.advance == "test":
        return "config.advance is test"
    if config.data.protocol == "leave_one_out":  # the last watches are left to learn
        return _obstacle(config, workdir)
    return left_out(config, workdir) or _lost(workdir)


def home(config: configs.Config, workdir: pathlib.Path) -> pathlib.Path:
    """Returns the folder of the models that are measured on the test.

    Args:
      config: Config of the run.
      workdir: Directory of the run.
    """
    place = workdir / TO_TEST
    is_made = (place / KIND / artifacts.MANIFEST).exists()
    return place if is_made and not left_out(config, workdir) else workdir


def known_before_test(directory: pathlib.Path) -> pathlib.Path:
    """Returns the prepared set with all watches before the test to train on, if made.

    Args:
      directory: Directory of the prepared set of a run.
    """
    later = directory.parent / TO_TEST / directory.name
    if not (later / artifacts.MANIFEST).exists():
        return directory
    grown, own = (artifacts.read_manifest(d, "data") for d in (later, directory))
    return later if own.fingerprint in grown.inputs.values() else directory


def _obstacle(config: configs.Config, workdir: pathlib.Path) -> str:
    """Returns why the candidates of a run cannot go on learning; empty if they can."""
    if config.advance == "none":
        return "config.advance is none"
    if not config.candidates.is_network:
        return f"candidates.model={config.candidates.model.kind} is no network"
    if not configs.rows_are_videos(config.candidates.loss):
        return f"candidates.loss={config.candidates.loss.kind} cannot grow"
    if _REFIT in artifacts.peek(workdir / _DATA / artifacts.MANIFEST):
        return _AT_THE_END
    return ""


def _lost(workdir: pathlib.Path) -> str:
    """Returns the words for learning on that surely made lists worse; else empty."""
    import polars as pl

    from ytdnn.evaluation import lists, report_files

    path = workdir / report_files.DIRECTORIES["test"] / report_files.USERS
    if not path.exists():
        return ""
    columns = pl.read_parquet_schema(path)
    then = next((c for c in columns if c.startswith(f"{lists.AS_TRAINED}/ndcg@")), "")
    metric = then.rpartition("/")[2]
    pairs = [f"{name}/{metric}" for name in (lists.NETWORK, lists.CANDIDATES)]
    now = next((name for name in pairs if name in columns), "")
    if not then or not now:
        return ""
    gains = pl.read_parquet(path, columns=[now, then]).drop_nulls()
    gain = (gains[now] - gains[then]).to_numpy()
    error = gain.std() / max(len(gain), 1) ** 0.5
    if not len(gain) or gain.mean() + _MARGIN * error >= 0.0:
        return ""
    return (
        f"on the test, learning on lowered {metric} of the candidates by "
        f"{-gain.mean():.4f} ± {_MARGIN * error:.4f}"
    )

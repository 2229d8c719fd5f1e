"""Fits one system and writes its lists, in a process and environment of its own.

    ENVIRONMENT/bin/python worker.py SYSTEM.py SPLIT OUT [--tune=SECONDS]

ytdnn is not needed, nor imported. SPLIT is what `splits` writes. A file of a system has
`GRID`, its settings with the documented ones first, `fit(watches, **settings)` and
`recommend(fitted, users, k)`, which returns `user_id` and `video_id`, a user's best
video first. With `--tune`, the settings with the best nDCG@10 on validation are taken,
of as many as are fitted within some processor seconds. Users without a list, since they
have no history, get the most watched videos, whatever the system.
"""

import argparse
import importlib.util
import json
import pathlib
import sys
import time
from typing import Any

import polars as pl

K = 100
_CHOSEN_BY = 10


def load(path: pathlib.Path) -> Any:
    """Returns the module of a system's file; its neighbours can be imported by it."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ndcg(lists: pl.DataFrame, answers: pl.DataFrame) -> float:
    """Returns the mean nDCG@10 over all users with an answer.

    Args:
      lists: `user_id`, `video_id`, the best first.
      answers: `user_id`, `video_id`, each once.
    """
    ranked = lists.with_columns(rank=pl.int_range(pl.len()).over("user_id"))
    hits = ranked.filter(pl.col("rank") < _CHOSEN_BY).join(
        answers, on=["user_id", "video_id"], how="semi"
    )
    gains = hits.group_by("user_id").agg(gain=(1 / (pl.col("rank") + 2).log(2)).sum())
    best = pl.int_range(pl.len().clip(upper_bound=_CHOSEN_BY))
    ideal = answers.group_by("user_id").agg(ideal=(1 / (best + 2).log(2)).sum())
    both = ideal.join(gains, on="user_id", how="left")
    return float(
        both.select((pl.col("gain").fill_null(0) / pl.col("ideal")).mean()).item()
    )


def chosen(
    system: Any, split: pathlib.Path, seconds: float
) -> tuple[dict[str, Any], int]:
    """Returns the best settings of a system on validation, and how many were fitted.

    Args:
      system: Module of the system.
      split: Directory of the split.
      seconds: Processor time for all fits; one that would surely not end within it, as
        the last one took longer than is left, is not begun.
    """
    watches, users, answers = (
        pl.read_parquet(split / f"validation_{name}.parquet")
        for name in ("watches", "users", "answers")
    )
    found: list[tuple[float, int]] = []
    until, last = time.process_time() + seconds, 0.0
    for number, settings in enumerate(system.GRID):
        began = time.process_time()
        if began + last > until:
            break
        fitted = system.fit(watches, **settings)
        lists = system.recommend(fitted, users["user_id"], _CHOSEN_BY)
        found.append((ndcg(lists, answers), -number))
        last = time.process_time() - began
        print(
            f"{settings}: validation nDCG@10 {found[-1][0]:.4f}, {last:.0f} s",
            flush=True,
        )
    best = system.GRID[-max(found)[1]] if found else system.GRID[0]
    return best, len(found)


def filled(
    lists: pl.DataFrame, users: pl.Series, watches: pl.DataFrame
) -> pl.DataFrame:
    """Returns the lists with those of the most watched videos for users without one."""
    popular = watches["video_id"].value_counts(sort=True)["video_id"].head(K)
    missing = users.filter(~users.is_in(lists["user_id"].implode()))
    of_all = pl.DataFrame({"user_id": missing}).join(
        popular.to_frame(), how="cross", maintain_order="left_right"
    )
    return pl.concat([lists.select("user_id", "video_id"), of_all])


def main() -> None:
    """Writes OUT/lists.parquet and OUT/spent.json."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("system", type=pathlib.Path)
    parser.add_argument("split", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--tune", type=float, default=0.0)
    options = parser.parse_args()
    system = load(options.system)
    settings, number = system.GRID[0], 0
    began = time.process_time()
    if options.tune:
        settings, number = chosen(system, options.split, options.tune)
    tuned = time.process_time()
    watches = pl.read_parquet(options.split / "test_watches.parquet")
    users = pl.read_parquet(options.split / "test_users.parquet")["user_id"]
    fitted = system.fit(watches, **settings)
    fit = time.process_time()
    lists = filled(system.recommend(fitted, users, K), users, watches)
    answered = time.process_time()
    lists = lists.with_columns(score=-pl.int_range(pl.len()).cast(pl.Float64))
    lists.write_parquet(options.out / "lists.parquet")
    spent = {
        "settings": settings,
        "tried": number,
        "tuning_seconds": tuned - began,
        "fit_seconds": fit - tuned,
        "answer_seconds": answered - fit,
    }
    (options.out / "spent.json").write_text(json.dumps(spent))


if __name__ == "__main__":
    main()

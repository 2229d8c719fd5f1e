"""Answers of a candidate model other than the network, which has no bundle."""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ytdnn.base import configs, errors, schema, user_paths, whole_files
from ytdnn.run.pipeline import graph, runner

if TYPE_CHECKING:
    import polars as pl


def recommend(
    workdir: pathlib.Path,
    config: configs.Config,
    users: Sequence[Any] | pathlib.Path | None,
    k: int,
) -> "pl.DataFrame":
    """Returns the lists of users at the end of the log.

    Args:
      workdir: Directory of the run, with `data` and `candidates`.
      config: Config of the run.
      users: Ids of the users, or a file of them; None: all.
      k: Number of videos for each.

    Returns:
      `user_id`, `rank` (from 1), `video_id`, and `title` where the log has it.

    Raises:
      errors.UserError: The model is not trained or stale, or a user unknown.
    """
    import polars as pl

    from ytdnn.evaluation import lists, user_cases
    from ytdnn.log import prepared
    from ytdnn.log.sources import id_files
    from ytdnn.retrieval import model_interface

    runner.require([graph.evaluation("test", "candidates")], config, workdir)
    data = prepared.load(workdir / graph.DATA.name)
    directory = workdir / graph.CANDIDATES.name
    model = model_interface.load(directory, config.candidates)
    if isinstance(users, pathlib.Path):
        frame = id_files.read(users, schema.USER_ID)
        users = frame[schema.USER_ID].to_list()
    rows = _rows(data.users[schema.USER_ID], users)
    ends = data.log.shard_index.offsets("watches")[rows + 1]
    times = np.full(len(rows), data.windows.end_of_log + 1, np.int64)
    cases = user_cases.at_requests(
        data, (rows, ends, times), config.evaluation, data.vocabulary_size
    )
    videos = lists.from_candidate_model(model, data)(cases, k)
    is_video = videos > 0
    shown = data.videos[(videos[is_video] - 1).tolist()]
    columns = {
        schema.USER_ID: data.users[schema.USER_ID][
            np.repeat(rows, is_video.sum(axis=1)).tolist()
        ],
        "rank": np.nonzero(is_video)[1] + 1,
        schema.VIDEO_ID: shown[schema.VIDEO_ID],
    }
    if schema.TITLE in shown.columns:
        columns[schema.TITLE] = shown[schema.TITLE]
    return pl.DataFrame(columns)


def write(lists: "pl.DataFrame", path: pathlib.Path, flag: str = "out") -> pathlib.Path:
    """Writes lists as Parquet or CSV, whole or not at all, and returns the path.

    Args:
      lists: The lists.
      path: The file.
      flag: Name of the flag that gives it.

    Raises:
      errors.UserError: The file has another ending.
    """
    path = user_paths.expanded(path)
    if path.suffix not in (".parquet", ".csv"):
        raise errors.UserError(
            f"expected --{flag} as FILE.parquet or FILE.csv, received {path}"
        )
    with whole_files.whole_file(path) as partial:
        if path.suffix == ".csv":
            lists.write_csv(partial)
        else:
            lists.write_parquet(partial)
    return path


def _rows(known: "pl.Series", users: Sequence[Any] | None) -> Any:
    """Returns the rows of some users.

    Raises:
      errors.UserError: A user is unknown.
    """
    if users is None:
        return np.arange(len(known))
    place = {str(user): row for row, user in enumerate(known.to_list())}
    unknown = [user for user in users if str(user) not in place]
    if unknown:
        raise errors.UserError(
            f"expected users of the log, received {unknown[0]!r}"
            f"{errors.hint(str(unknown[0]), place)}"
        )
    return np.array([place[str(user)] for user in users])

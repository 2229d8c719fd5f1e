"""Adds new uploads to the answers of a run's bundle, without training or a rebuild."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import polars as pl

from ytdnn.base import artifacts, errors, registries, schema, user_paths, whole_files
from ytdnn.bundle import added_videos_table, removed_videos, versions
from ytdnn.log import new_videos_table, prepared
from ytdnn.run.pipeline import graph, runner, steps_after_training
from ytdnn.run.pipeline import workdir as run_workdir

_CONTENT = "content.json"  # of a candidate model with a content side


@dataclasses.dataclass(frozen=True)
class TableResult:
    """The result of adding a table of videos.

    Attributes:
      known: Ids in the prepared catalogue, which are unchanged.
      removed: Ids that are removed from all answers, which stay removed.
      unread: Columns that are not in the catalogue.
      dropped: Bad rows that were left out, by reason.
      num_added: Number of added videos after the change.
    """

    known: list[str]
    removed: list[str]
    unread: list[str]
    dropped: dict[str, int]
    num_added: int


@dataclasses.dataclass(frozen=True)
class AdditionResult:
    """The result of adding videos to a run.

    Attributes:
      changed: Changes to the run's list of added videos.
      version: Version of the bundle that lists them; None where there is no bundle yet.
      share: Size of the delta part of the index, as a share of the main part.
    """

    changed: TableResult
    version: int | None
    share: float


@registries.HOOKS.register("add_videos")
def add_videos(
    workdir: runner.Path,
    videos: Any,
    *,
    columns: Sequence[str] = (),
    bad_rows: str = "stop",
    verbose: runner.Verbose = False,
) -> AdditionResult:
    """Adds new uploads to every answer of the current bundle and of later exports.

    Their vectors come from the content side of the trained candidate model, and are
    searched in a delta part next to the built index. The bundle gets a new version.

    Args:
      workdir: Directory of the run.
      videos: Path of a Parquet or CSV file, or a frame of Polars or pandas, in the
        columns of the log's `videos`. The row of an id that was added before is
        replaced; ids of the prepared catalogue are unchanged.
      columns: Own column names of the table, such as `videos.title=name`; they have
        precedence over those of the log.
      bad_rows: `stop`, or `drop` to leave bad rows out.
      verbose: See `ytdnn.run.pipeline.api`.

    Raises:
      errors.UserError: There is no run, it has no content side, an artefact is missing
        or stale, or the table is malformed.
    """
    directory, say = user_paths.expanded(workdir), runner.speaker(verbose)
    config = run_workdir.require_config(directory)
    bundle = graph.bundle(config)
    with run_workdir.lock(directory):
        several = [graph.TO_END, bundle]
        runner.require(several, config, directory)
        home = steps_after_training.served_home(config, directory)
        require_content(home)
        data = prepared.load(directory / graph.DATA.name)
        changed = change(directory, data, videos, columns, bad_rows)
        number = None
        if (directory / bundle.name / artifacts.MANIFEST).exists():
            runner.run(several, config, directory, say)
            number = versions.newest(directory / bundle.name)
        main = artifacts.read_manifest(home / graph.INDEX.name, graph.INDEX.name)
        share = changed.num_added / int(main.facts["num_videos"])
    return AdditionResult(changed, number, share)


def require_content(home: pathlib.Path) -> None:
    """Checks that the candidate model can score a video it was not trained on.

    Args:
      home: Folder of the models of the bundle.

    Raises:
      errors.UserError: It has no content side.
    """
    candidates = home / graph.CANDIDATES.name
    manifest = artifacts.read_manifest(candidates, graph.CANDIDATES.name)
    if _CONTENT not in manifest.files:
        raise errors.UserError(
            f"expected candidates with a content side, which makes vectors of new "
            f"videos, found none in {candidates}: set candidates.content.enabled, and "
            f"train on a log with videos.upload_time and one such as videos.channel_id"
        )


def change(
    workdir: pathlib.Path,
    data: prepared.PreparedData,
    given: Any,
    columns: Sequence[str] = (),
    bad_rows: str = "stop",
) -> TableResult:
    """Adds a table of videos to the added videos of a workdir.

    A later row of a video replaces an earlier one. If nothing changes, the file is not
    written, and the bundle stays current.

    Args:
      workdir: Directory of the run; its lock is held by the caller.
      data: Prepared set of the run.
      given: Table, see `new_videos.read`.
      columns: Own column names, see `new_videos.read`.
      bad_rows: `stop` or `drop`, see `new_videos.read`.

    Raises:
      errors.UserError: The table cannot be read, or has no video.
    """
    videos = new_videos_table.read(given, data, columns, bad_rows)
    if not videos.table.height:
        bad = "".join(f"; {n:,} rows: {why}" for why, n in videos.dropped.items())
        raise errors.UserError(f"expected rows of new videos, received none{bad}")
    ids = videos.table[schema.VIDEO_ID]
    is_known = ids.is_in(data.videos[schema.VIDEO_ID].implode())
    old = added_videos_table.read(workdir)
    kept = videos.table.clear() if old is None else old
    new = videos.table.filter(~is_known)
    table = pl.concat([kept, new], how="diagonal_relaxed")
    table = table.unique(schema.VIDEO_ID, keep="last", maintain_order=True)
    same = table.sort(schema.VIDEO_ID)  # a row that comes again goes to the end
    if table.height and (old is None or not same.equals(old.sort(schema.VIDEO_ID))):
        with whole_files.whole_file(workdir / added_videos_table.FILE) as partial:
            table.write_parquet(partial)
            whole_files.flush(partial)
    texts = ids.cast(pl.String)
    known, removed = (
        texts.filter(some).to_list()
        for some in (is_known, texts.is_in(removed_videos.read(workdir)))
    )
    return TableResult(known, removed, videos.unread, videos.dropped, table.height)

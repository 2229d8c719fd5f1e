"""Adds new uploads to the answers of a run's bundle, without training or a rebuild."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ytdnn.base import artifacts, configs, errors, registries, user_paths
from ytdnn.ops.refit import refitting
from ytdnn.run.pipeline import api, graph, runner
from ytdnn.run.pipeline import workdir as workdir_room

if TYPE_CHECKING:
    from ytdnn.ops.catalogue import additions

_CONTENT = "content.json"  # of a candidate model with a content side
_MOST_ADDED_SHARE = 0.1  # beyond it a search is no more what the index was tuned for


@dataclasses.dataclass(frozen=True)
class Added:
    """The result of adding videos to a run.

    Attributes:
      changed: Changes to the run's list of added videos.
      version: Version of the bundle that lists them; None where there is no bundle yet.
      share: Size of the delta part of the index, as a share of the main part.
    """

    changed: "additions.Changed"
    version: int | None
    share: float

    @property
    def is_large(self) -> bool:
        """Whether the delta part is so large that a rebuild is advised."""
        return self.share > _MOST_ADDED_SHARE


@registries.HOOKS.register("add_videos")
def add_videos(
    workdir: api.Path,
    videos: Any,
    *,
    columns: Sequence[str] = (),
    bad_rows: str = "stop",
    verbose: api.Verbose = False,
) -> Added:
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
    from ytdnn.log import prepared
    from ytdnn.ops.catalogue import additions

    directory, say = user_paths.expanded(workdir), api.speaker(verbose)
    config = workdir_room.require_config(directory)
    bundle = graph.bundle(config)
    with workdir_room.lock(directory):
        runner.require([bundle], config, directory)
        home = directory / refitting.LATER if config.refit else directory
        _require_content(home / graph.CANDIDATES.name, config)
        data = prepared.load(directory / graph.DATA.name)
        changed = additions.change(directory, data, videos, columns, bad_rows)
        number = None
        if (directory / bundle.name / artifacts.MANIFEST).exists():
            runner.run([bundle], config, directory, say)
            number = _version(directory / bundle.name)
        main = artifacts.read_manifest(home / graph.INDEX.name, graph.INDEX.name)
        share = changed.num_added / int(main.facts["num_videos"])
    return Added(changed, number, share)


def _version(bundle: pathlib.Path) -> int:
    from ytdnn.bundle import versions

    return versions.newest(bundle)


def _require_content(candidates: pathlib.Path, config: configs.Config) -> None:
    """Checks that the candidate model can score a video it was not trained on."""
    manifest = artifacts.read_manifest(candidates, graph.CANDIDATES.name)
    if _CONTENT in manifest.files:
        return
    why = (
        "the log it was trained on lacks videos.upload_time, or any column of content "
        "such as videos.channel_id"
        if config.candidates.content.enabled
        else "config.candidates.content.enabled is false"
    )
    raise errors.UserError(
        f"expected candidates with a content side, which makes vectors of new videos, "
        f"found none in {candidates} ({why}): without it a video can be listed only "
        f"after a model was trained on watches of it"
    )

"""Removes videos from every answer, or restores them, without a rebuild.

An existing bundle gets a new version at once: links to the files of its newest version,
except the list that each model reads when it is loaded. TensorFlow is not needed.
"""

import dataclasses
import pathlib
from collections.abc import Collection, Iterable

import polars as pl

from ytdnn.base import artifacts, errors, registries, schema, user_paths
from ytdnn.bundle import removed_videos, versions
from ytdnn.run.pipeline import bulk_answers, runner
from ytdnn.run.pipeline import workdir as run_workdir

Ids = Iterable[str | int]
_MOST_COMPARED = 100_000  # ids, with which a comparison takes a second


@dataclasses.dataclass(frozen=True)
class RemovalResult:
    """The result of removing or restoring videos.

    Attributes:
      video_ids: Ids of all removed videos.
      unknown: Given ids that are not in the catalogue; they are kept for later exports.
      version: New version of the bundle; None without a bundle.
    """

    video_ids: list[str]
    unknown: list[str]
    version: int | None


@registries.HOOKS.register("remove_videos")
def remove_videos(workdir: runner.Path, video_ids: Ids) -> RemovalResult:
    """Removes videos from every answer of the current bundle and of later exports.

    The bundle gets a new version with the models of the newest; nothing is rebuilt.
    Ids that are not in the catalogue are kept for later exports, beside ones that are.

    Args:
      workdir: Directory of the run.
      video_ids: Ids as in the log.

    Raises:
      errors.UserError: There is no run, or no id of the catalogue is given.
    """
    return _changed(workdir, video_ids, restored=False)


@registries.HOOKS.register("restore_videos")
def restore_videos(workdir: runner.Path, video_ids: Ids) -> RemovalResult:
    """Restores removed videos.

    Args:
      workdir: Directory of the run.
      video_ids: Ids as in the log.

    Raises:
      errors.UserError: There is no run, or a video was not removed.
    """
    return _changed(workdir, video_ids, restored=True)


def _changed(workdir: runner.Path, video_ids: Ids, restored: bool) -> RemovalResult:
    directory = user_paths.expanded(workdir)
    run_workdir.require_config(directory)
    named = bulk_answers.frame_of(video_ids, "video_ids", schema.VIDEO_ID)
    ids = pl.Series() if named is None else named[schema.VIDEO_ID].cast(pl.String)
    with run_workdir.lock(directory):
        return change(directory, ids.unique(maintain_order=True).to_list(), restored)


def change(
    workdir: pathlib.Path, video_ids: Collection[str], restored: bool = False
) -> RemovalResult:
    """Removes videos from all answers, or restores removed ones.

    Args:
      workdir: Directory of the run; its lock is held by the caller.
      video_ids: Ids as in the log; integers as text.
      restored: Whether to restore the videos.

    Raises:
      errors.UserError: There is no run, a video to be restored was not removed, or none
        of those to be removed is in the catalogue.
    """
    old = removed_videos.read(workdir)
    directory = workdir / removed_videos.BUNDLE
    catalogue = _catalogue(directory)
    unknown: list[str] = []
    if restored:
        strange = [video for video in video_ids if video not in set(old)]
        if strange:
            raise errors.UserError(
                f"expected removed videos to restore ({len(old)} are removed), "
                f"received {strange[0]}, which is not removed: leave it out"
            )
        new = [video for video in old if video not in set(video_ids)]
    else:
        new = list(dict.fromkeys([*old, *video_ids]))
        unknown = [] if catalogue is None else _unknown(catalogue, video_ids)
    artifacts.write_json(workdir / removed_videos.FILE, {removed_videos.FACT: new})
    if catalogue is None:
        return RemovalResult(new, [], None)
    indices = removed_videos.indices(catalogue, new)
    return RemovalResult(new, unknown, _revise(directory, workdir, new, indices))


def _catalogue(directory: pathlib.Path) -> pl.Series | None:
    """Returns the ids of a bundle's videos as text; None without a bundle."""
    if not (directory / artifacts.MANIFEST).exists():
        return None
    number = str(versions.newest(directory))
    titles = directory / versions.VERSIONS / number / removed_videos.TITLES
    ids = pl.read_parquet(titles, columns=[schema.VIDEO_ID])[schema.VIDEO_ID]
    return ids.cast(pl.String)


def _unknown(catalogue: pl.Series, video_ids: Collection[str]) -> list[str]:
    """Returns the ids that are not in the catalogue.

    Raises:
      errors.UserError: None of them is in it.
    """
    given = pl.Series(list(video_ids), dtype=pl.String)
    unknown: list[str] = given.filter(~given.is_in(catalogue.implode())).to_list()
    if len(unknown) == len(given):
        hint = errors.hint(unknown[0], catalogue.head(_MOST_COMPARED))
        raise errors.UserError(
            f"expected ids of the {len(catalogue):,} videos of the catalogue, such as "
            f"{catalogue[0]}, received {unknown[0]}, none of them{hint}"
        )
    return unknown


def _revise(
    directory: pathlib.Path,
    workdir: pathlib.Path,
    video_ids: Collection[str],
    indices: Collection[int],
) -> int:
    """Publishes a bundle without some videos, unless it is without them already."""
    fact, changed = removed_videos.FACT, removed_videos.inputs(workdir)
    manifest = artifacts.load_manifest(directory, removed_videos.BUNDLE)
    if manifest.inputs.get(fact) == changed.get(fact):
        return versions.newest(directory)
    kept = {name: of for name, of in manifest.inputs.items() if name != fact}
    facts = manifest.facts | {fact: len(video_ids)}
    manifest = dataclasses.replace(manifest, inputs=kept | dict(changed), facts=facts)
    asset = {removed_videos.ASSET: removed_videos.text(indices).encode()}
    return versions.revise(directory, manifest, lambda path: asset.get(path.name))

"""Removed videos: out of every answer, without a rebuild (DESIGN §8).

The workdir keeps the list, which the next export carries. A bundle at hand gets a new
version at once: links to the files of its newest, but for the list that each model
reads when it is loaded. Nothing here needs TensorFlow.
"""

import dataclasses
import json
import pathlib
from collections.abc import Collection, Mapping

import polars as pl

from ytdnn import artifacts, errors, schema, versions

FILE = "removed_videos.json"  # in the workdir
ASSET = "removed_videos.txt"  # in each model
FACT = "removed_videos"
TITLES = "titles.parquet"
BUNDLE = "bundle"


@dataclasses.dataclass(frozen=True)
class Removed:
    """The result of removing videos or taking them back.

    Attributes:
      video_ids: Ids of all removed videos.
      unknown: Named ids that are not in the catalogue: kept for later exports.
      version: Version of the bundle that leaves them out; None where there is no
        bundle.
    """

    video_ids: list[str]
    unknown: list[str]
    version: int | None


def read(workdir: pathlib.Path) -> list[str]:
    """Returns the ids of removed videos, as text.

    Raises:
      errors.UserError: The list is damaged.
    """
    path = workdir / FILE
    if not path.exists():
        return []
    try:
        found = json.loads(path.read_text())
        return [str(video_id) for video_id in found[FACT]]
    except (ValueError, KeyError, TypeError):
        raise errors.UserError(
            f'expected {{"{FACT}": […]}} in {path}, found something else: repair or '
            f"remove it"
        ) from None


def change(
    workdir: pathlib.Path, video_ids: Collection[str], restored: bool = False
) -> Removed:
    """Removes videos from all answers, or takes removed ones back.

    Args:
      workdir: Directory of the run; its lock is held by the caller.
      video_ids: Ids as in the log; integers as text.
      restored: Whether they are taken back.

    Raises:
      errors.UserError: There is no run, or a video to be restored was not removed.
    """
    old = read(workdir)
    if restored:
        _require_removed(video_ids, old)
        new = [video for video in old if video not in set(video_ids)]
    else:
        new = list(dict.fromkeys([*old, *video_ids]))
    artifacts.write_json(workdir / FILE, {FACT: new})
    directory = workdir / BUNDLE
    if not (directory / artifacts.MANIFEST).exists():
        return Removed(new, [], None)
    catalogue = _catalogue(directory)
    found = indices(catalogue, new)
    known = {catalogue[index - 1] for index in found}
    unknown = [video for video in video_ids if video not in known and not restored]
    return Removed(new, unknown, _revise(directory, inputs(workdir), new, found))


def _revise(
    directory: pathlib.Path,
    changed: Mapping[str, str],
    video_ids: Collection[str],
    of_indices: Collection[int],
) -> int:
    """Publishes a bundle without some videos, unless it is without them already."""
    manifest = artifacts.load_manifest(directory, BUNDLE)
    if manifest.inputs.get(FACT) == changed.get(FACT):
        return versions.newest(directory)
    kept = {name: of for name, of in manifest.inputs.items() if name != FACT}
    manifest = dataclasses.replace(
        manifest,
        inputs=kept | dict(changed),
        facts=manifest.facts | {FACT: len(video_ids)},
    )
    asset = text(of_indices)
    return versions.revise(
        directory, manifest, lambda path: asset if path.name == ASSET else None
    )


def _require_removed(video_ids: Collection[str], old: Collection[str]) -> None:
    strange = [video for video in video_ids if video not in set(old)]
    if strange:
        raise errors.UserError(
            f"expected removed videos to restore ({len(old)} are removed), received "
            f"{strange[0]}, which is not"
        )


def inputs(workdir: pathlib.Path) -> dict[str, str]:
    """Returns the list as an input of the bundle: its fingerprint, if there is one."""
    found = read(workdir)
    return {FACT: artifacts.fingerprint(found)} if found else {}


def _catalogue(directory: pathlib.Path) -> pl.Series:
    """Returns the ids of a bundle's catalogue as text, by their indices."""
    number = versions.newest(directory)
    path = directory / versions.VERSIONS / str(number) / TITLES
    ids = pl.read_parquet(path, columns=[schema.VIDEO_ID])[schema.VIDEO_ID]
    return ids.cast(pl.String)


def indices(catalogue: pl.Series, video_ids: Collection[str]) -> list[int]:
    """Returns the catalogue indices of some videos, from 1 on; unknown ones have none.

    Args:
      catalogue: Ids as text, in the order of their indices.
      video_ids: As text.
    """
    asked = pl.Series(list(video_ids), dtype=pl.String)
    return [int(row) + 1 for row in catalogue.is_in(asked.implode()).arg_true()]


def text(of_indices: Collection[int]) -> str:
    """Returns the file that `lookups.RemovedVideos` reads."""
    return "".join(f"{index}\n" for index in (0, *of_indices))

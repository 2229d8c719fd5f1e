"""Opens the counters of a version of a bundle, and the log that it was made from."""

import pathlib
from collections.abc import Iterable

import numpy as np

from ytdnn.base import errors, registries, schema
from ytdnn.bundle import added_videos_table, bundle
from ytdnn.features import base_feature, counters, feature_choice
from ytdnn.log import prepared
from ytdnn.ops.state import continued_counts, opening, posted_events, store
from ytdnn.ranking import model as ranking_model
from ytdnn.ranking import network
from ytdnn.retrieval import live_terms
from ytdnn.run.pipeline import steps_after_training
from ytdnn.run.pipeline import workdir as run_workdir


def open_tables(
    workdir: pathlib.Path,
    opened: bundle.Bundle,
    state: store.Store,
    end: opening.LogEnd | None,
    moment: int,
) -> continued_counts.LiveTables | None:
    """Counts the log of a version; None if the version counts nothing.

    Args:
      workdir: Directory of its run.
      opened: The version.
      state: The events.
      end: End of its log; None: that of the prepared set.
      moment: First moment that is asked for.

    Raises:
      errors.UserError: The prepared set belongs to another version.
    """
    manifest = opened.manifest
    composition = manifest.config["composition"]
    weights = np.array(composition.get("live_weights") or ())
    ordered_by = composition.get("ordered_by", "").removeprefix("ranker")
    has_counters = manifest.facts["statistics_as_of"]
    if not (has_counters or ordered_by or len(weights)):
        return None
    models = home(workdir)
    data = added_videos_table.extended(prepared.load(models / prepared.KIND), workdir)
    if data.videos[schema.VIDEO_ID].to_list() != [*opened.titles]:
        raise errors.UserError(
            f"expected the videos of version {opened.version} in {data.directory}, "
            f"found others: export the run again"
        )
    chosen: list[counters.Counter] = []
    if has_counters:
        directory = models / ranking_model.KIND
        measured = network.read_statistics(directory / ranking_model.STATISTICS)
        names = list(measured.features)
        features = feature_choice.named(base_feature.RANKING, names, data)
        chosen = [each for each in features if isinstance(each, counters.Counter)]
    end = opening.log_end(data) if end is None else end
    later = continued_counts.LaterEvents(data, state, end)
    live = live_terms.weights(weights) if len(weights) else None
    return continued_counts.LiveTables(later, data, chosen, live, moment, ordered_by)


@registries.HOOKS.register("live_state")
class CountedState:
    """A state that counts for a bundle as `ytdnn serve` does, without a server."""

    def __init__(self, place: str, is_known: bool = False) -> None:
        """Opens the state.

        Args:
          place: File or address.
          is_known: Whether a server has made it; else it is made if missing.

        Raises:
          errors.UserError: It is no state, or there is none.
        """
        self._state = (opening.open_known if is_known else opening.open_store)(place)

    def open(self, workdir: pathlib.Path, opened: bundle.Bundle, moment: int) -> None:
        """Counts the log of a run's bundle.

        Args:
          workdir: Directory of the run.
          opened: The bundle.
          moment: First moment that is asked for.

        Raises:
          errors.UserError: The bundle counts nothing, or is not that of the run.
        """
        counted = open_tables(workdir, opened, self._state, None, moment)
        if counted is None:
            raise errors.UserError(
                f"expected a bundle with counters or live terms in {opened.directory}, "
                f"found one without: its answers count nothing"
            )
        self._counted = counted
        self._reader = posted_events.EventReader(opened.id_type, opened.own_outcomes)

    def post(self, rows: Iterable[posted_events.Json], received: float) -> None:
        """Stores events as `POST /events` does; those that are known count once.

        Args:
          rows: The events.
          received: Seconds since 1970.
        """
        self._state.add([self._reader.read(row, received) for row in rows]).result()

    def at(self, moment: int) -> continued_counts.Tables:
        """Returns the values of the bundle's variables; see `LiveTables.at`."""
        self._counted.later.follow()
        self._counted.later.require_known()
        return self._counted.at(moment)


def home(workdir: pathlib.Path) -> pathlib.Path:
    """Returns the folder of the models that the bundle of a run was made from.

    Args:
      workdir: Directory of the run.
    """
    config = run_workdir.read_config(workdir)
    if config is None:
        return workdir
    return steps_after_training.served_home(config, workdir)

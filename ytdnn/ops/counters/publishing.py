"""`counters`: versions of a bundle in which only the counters are new.

TensorFlow Serving takes no events; it loads a version when its number grows. So the
counters and the live terms are counted to now from the state of `ytdnn serve`, and
published in a version whose other files are links to those of the one before.
"""

import dataclasses
import time
from collections.abc import Callable

from ytdnn.base import errors, formats, user_paths
from ytdnn.bundle import bundle, versions
from ytdnn.ops.counters import changed_variables
from ytdnn.ops.state import counted_version
from ytdnn.run.pipeline import graph, runner
from ytdnn.run.pipeline import workdir as run_workdir

_VARIABLES = "variables"
_AS_OF = "statistics_as_of"


class CountersPublisher:
    """Publishes the counters of a run's bundle; the log is counted once a version."""

    def __init__(
        self,
        workdir: runner.Path,
        state: str,
        keep: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Opens the state.

        Args:
          workdir: Directory of the run.
          state: File or address of the state.
          keep: Number of versions to keep.
          clock: Function that returns the time, seconds since 1970.

        Raises:
          errors.UserError: There is no state, or fewer than two versions are kept.
        """
        self._workdir = user_paths.expanded(workdir)
        if keep < 2:  # a server still reads the one before
            raise errors.UserError(f"expected --keep to be 2 or more, received {keep}")
        self._state = counted_version.CountedState(state, is_known=True)
        self._keep, self._clock = keep, clock
        self._number = 0

    def publish(self) -> int:
        """Publishes a version, and returns its number.

        Raises:
          errors.UserError: The bundle has no counters, or is not that of its run.
        """
        directory, moment = self._workdir / graph.BUNDLE.name, int(self._clock()) + 1
        with run_workdir.lock(self._workdir):
            known = bundle.load(directory)
            if known.version != self._number:
                self._state.open(self._workdir, known, moment)
            values = self._state.at(moment)
            changed: dict[str, bytes] = {}
            for name in known.manifest.facts["models"]:
                home = known.path(name) / _VARIABLES
                files = changed_variables.changed(home, values)
                place = home.relative_to(directory).as_posix()
                changed |= {f"{place}/{file}": text for file, text in files.items()}
            facts = known.manifest.facts | {bundle.COUNTED_TO: moment}
            if facts[_AS_OF]:
                facts[_AS_OF] = {"seconds": moment, "utc": formats.utc(moment)}
            manifest = dataclasses.replace(known.manifest, facts=facts)
            self._number = versions.revise(
                directory, manifest, lambda path: changed.get(path.as_posix())
            )
            versions.prune(directory, self._keep)
        return self._number


def publish_counters(
    workdir: runner.Path,
    state: str,
    *,
    every: float = 0.0,
    keep: int = 2,
    verbose: runner.Verbose = False,
) -> int:
    """Publishes versions of a run's bundle in which only the counters are new.

    Args:
      workdir: Directory of the run.
      state: File or address of the state of `ytdnn serve`.
      every: Seconds from one version to the next; 0: one version.
      keep: Number of versions to keep.
      verbose: As for all functions of `api`.

    Returns:
      The number of the last version.

    Raises:
      errors.BusyError: Another process works on the run, and `every` is 0; else the
        next version comes at its time.
      errors.UserError: See `CountersPublisher`.
    """
    say, publisher = runner.speaker(verbose), CountersPublisher(workdir, state, keep)
    while True:
        begin = time.monotonic()
        try:
            number = publisher.publish()
        except errors.BusyError as error:
            if not every:
                raise
            say(f"no version this time: {error}")
        else:
            used = time.monotonic() - begin
            say(f"version {number}: counters as of now, in {used:.1f} s")
            if not every:
                return number
        time.sleep(max(0.0, begin + every - time.monotonic()))

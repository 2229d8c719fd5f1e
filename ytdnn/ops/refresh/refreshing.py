"""`refresh`: a run whose models continue training on new events.

    WORKDIR/state_events                events of the state, if it is read
    WORKDIR/refresh/appended            old and new events in one prepared set
    WORKDIR/refresh/earlier/{data,candidates,ranking}
                                        the candidates as they were, and the ranker that
                                        learned since from their scores
    WORKDIR/{data,candidates,index,ranking,bundle}
                                        what is served, as of any run

Outputs are kept, so a refresh that was killed resumes (docs/freshness.md).
"""

import dataclasses
import functools
import json
import pathlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ytdnn.base import (
    artifacts,
    configs,
    errors,
    machine_facts,
    progress,
    registries,
    schema,
    table_schemas,
    user_paths,
    whole_files,
)
from ytdnn.base.configs import data as data_config
from ytdnn.log import derived_sets, events, log_warnings, new_watches, prepared, sources
from ytdnn.log.sources import found_files, mappings, memory_tables
from ytdnn.ops.cluster import tasks
from ytdnn.ops.refresh import append
from ytdnn.run.pipeline import runner, steps, steps_after_training
from ytdnn.run.pipeline import workdir as run_workdir
from ytdnn.training import adapted_ranking, continued_training

_STEPS = "refresh"
APPENDED = f"{_STEPS}/appended"
EARLIER = f"{_STEPS}/earlier"
_STATE = "state_events"
_RECORD = "refresh.json"
_LISTS = ("removed_videos.json", "added_videos.parquet")
_OLD, _NEW = events.Split.CONTEXT, events.Split.TRAIN
Say = Callable[[str], None]
Log = tuple[configs.DataConfig, memory_tables.TablesInMemory | None]


@registries.HOOKS.register("refresh")
def refresh(
    from_workdir: runner.Path,
    workdir: runner.Path,
    *,
    data_dir: runner.Path | None = None,
    tables: Mapping[str, Any] | None = None,
    config: configs.Config | None = None,
    columns: Sequence[str] = (),
    files: Sequence[str] = (),
    state: str = "",
    bad_rows: str = "",
    verbose: runner.Verbose = False,
) -> pathlib.Path:
    """Lets the models of a run learn from the events since, and exports them.

    New events are put behind those of the run, which is left as it is; trained weights
    and the state of the optimisers are carried over. Killed anywhere, it goes on when
    it is called again.

    Args:
      from_workdir: Directory of the trained run, which may be a refreshed one.
      workdir: Directory of the new run, made if missing.
      data_dir: The log of new events, or the whole grown one; read as the run's own.
      tables: The same as frames of Polars or pandas, instead of `data_dir`.
      config: Its `refresh`, `composition` and `index` count, all else is as trained;
        None: those of the run.
      columns: Own column names of the new log; none: those of the run.
      files: Own file names of its tables; none: those of the run that are there.
      state: File or address of the state of `ytdnn serve`, instead of a log: its events
        since the run are read once.
      bad_rows: `stop` or `drop`; empty: as the run does.
      verbose: As for all functions of `api`.

    Returns:
      The bundle's directory.

    Raises:
      errors.UserError: The run is not trained, the log contradicts it or has nothing
        new, or another run lies in `workdir`.
    """
    source, directory = user_paths.expanded(from_workdir), user_paths.expanded(workdir)
    if [data_dir is None, tables is None, not state].count(False) != 1:
        wanted = "--data_dir and --state (in Python data_dir, tables or state)"
        raise errors.UserError(f"expected one of {wanted}")
    if source.resolve() == directory.resolve():
        raise errors.UserError(
            f"expected another --workdir than --from, received {directory} twice"
        )
    say = runner.speaker(verbose)
    run_config = run_workdir.require_config(source)
    steps.require_vectors(run_config)
    with run_workdir.lock(directory), progress.shown(bool(verbose)):
        given = run_config if config is None else config
        own = dataclasses.replace(run_config, composition=given.composition)
        pinned = _pinned(steps_after_training.served_config(own, source), given)
        home = steps_after_training.served_home(run_config, source)
        data, received = run_config.data, None
        if state:
            known, data_dir = prepared.load(home / "data"), directory / _STATE
            received = append.write_state(state, known, source, data_dir, say)
            data = dataclasses.replace(
                data, source="log", where="", files=(), columns=()
            )
        data = _without_missing_tables(data, tables, data_dir, files)
        data = dataclasses.replace(
            data,
            columns=tuple(columns) or data.columns,
            files=tuple(files) or data.files,
            bad_rows=bad_rows or run_config.data.bad_rows,  # type: ignore[arg-type]
        )
        log = _given_log(data_dir, tables, data)
        task = _Refresh(source, directory, pinned, home, log, received)
        task.begin()
        task.run(say)
    return directory / "bundle"


def _pinned(run: configs.Config, given: configs.Config) -> configs.Config:
    """Returns the config of the new run: nothing of it is chosen again.

    Days are short: one process trains them, also those of a run that several trained.
    """
    plain = configs.DataConfig()
    data = dataclasses.replace(
        run.data,
        source=data_config.IN_MEMORY,
        dir="",
        name="",
        files=(),
        histories="",
        exposure=plain.exposure,
        click=plain.click,
    )
    return dataclasses.replace(
        run,
        data=data,
        candidates=dataclasses.replace(run.candidates, auto=()),
        ranking=dataclasses.replace(run.ranking, auto=()),
        index=given.index,
        refresh=given.refresh,
        strategy="none" if run.strategy in tasks.JOBS else run.strategy,
        refit=False,
    )


def _log_key(
    config: configs.DataConfig, frames: memory_tables.TablesInMemory | None
) -> dict[str, Any]:
    """Returns a log's identity: fingerprints of its frames, or its files' hashes."""
    if frames is not None:
        return dict(frames.fingerprints)
    root = user_paths.expanded(config.dir)
    if root.is_file():
        return {".": whole_files.sha256(root)}
    return {name: file["sha256"] for name, file in whole_files.table(root).items()}


def _without_missing_tables(
    data: configs.DataConfig,
    tables: Mapping[str, Any] | None,
    data_dir: runner.Path | None,
    files: Sequence[str],
) -> configs.DataConfig:
    """Returns a run's settings without those of tables that the new log lacks.

    A day may have no searches; without watches there is no log.
    """
    root = user_paths.expanded(data_dir or "")
    if tables is None and not root.is_dir():
        return data
    names = mappings.parse_files(files or data.files)

    def is_there(table: str) -> bool:
        if tables is not None:
            return table in tables
        return bool(found_files.files_of(root, names.get(table, table)))

    others = table_schemas.TABLES.keys() - {schema.WATCHES}
    lacking = tuple(f"{t}{end}" for t in others if not is_there(t) for end in ".=")
    outcomes = () if f"{schema.IMPRESSIONS}." in lacking else data.outcomes
    return dataclasses.replace(
        data,
        columns=tuple(k for k in data.columns if not k.startswith(lacking)),
        files=tuple(k for k in data.files if not k.startswith(lacking)),
        outcomes=outcomes,
    )


def _given_log(
    data_dir: runner.Path | None,
    tables: Mapping[str, Any] | None,
    data: configs.DataConfig,
) -> Log:
    """Returns the settings of the given log's source, and its frames if it is some."""
    config = dataclasses.replace(data, dir=str(data_dir or ""), name="", histories="")
    if tables is not None:
        config = dataclasses.replace(config, source=data_config.IN_MEMORY, files=())
        return config, memory_tables.from_frames(tables)
    is_log = data.source in ("world", data_config.IN_MEMORY)
    return dataclasses.replace(config, source="log" if is_log else data.source), None


@dataclasses.dataclass
class _Refresh:
    """A refresh: its inputs, and its steps in order."""

    source: pathlib.Path
    directory: pathlib.Path
    config: configs.Config
    home: pathlib.Path
    log: Log
    received: float | None

    def begin(self) -> None:
        """Records all inputs of the refresh.

        Raises:
          errors.UserError: The workdir holds something else.
        """
        names = ["data", "candidates", "index"]
        names += ["ranking"] if self._has_ranker else []
        record = {
            "from": str(self.source),
            "config": configs.to_dict(self.config),
            "run": artifacts.fingerprint(steps.fingerprints(self.home, names)),
            "log": artifacts.fingerprint(_log_key(*self.log)),
        }
        path = self.directory / _RECORD
        # A log that was refused has made nothing, and another one may follow.
        outputs = (self.directory / place for place in ("data", _STEPS))
        if any(place.exists() for place in outputs):
            begun = json.loads(path.read_text()) if path.exists() else {}
            record = json.loads(json.dumps(record))
            differing = ", ".join(k for k in record if begun.get(k) != record[k])
            if differing:
                raise errors.UserError(
                    f"expected an empty --workdir, or this refresh, in "
                    f"{self.directory}, found another run (other {differing}): give "
                    f"another --workdir, or delete it"
                )
        artifacts.write_json(path, record)
        for name in _LISTS:
            if (self.source / name).exists():
                shutil.copyfile(self.source / name, self.directory / name)

    def run(self, say: Say) -> None:
        """Runs the steps with missing outputs, one after the other."""
        makers: dict[str, Callable[[], None]] = {
            APPENDED: lambda: self._append(say),
            f"{EARLIER}/data": lambda: self._derive(EARLIER, derived_sets.Part.EARLIER),
            f"{EARLIER}/candidates": lambda: self._carry_candidates(EARLIER, None),
            f"{EARLIER}/ranking": lambda: self._learn_ranking(say),
            "data": lambda: self._derive("", derived_sets.Part.WHOLE),
            "candidates": lambda: self._carry_candidates("", self._begins),
            "index": lambda: steps.build_index(self.config, self.directory),
            "ranking": self._publish_ranking,
        }
        if not self._has_ranker:
            makers = {k: v for k, v in makers.items() if "ranking" not in k}
        makers["bundle"] = self._export
        for number, (name, make) in enumerate(makers.items(), 1):
            label = f"[{number}/{len(makers)}] {name}:"
            if (self.directory / name / artifacts.MANIFEST).exists():
                say(f"{label} skipped: it is complete")
                continue
            say(f"{label} started")
            started = time.perf_counter()
            make()
            machine_facts.collect()
            say(f"{label} done in {time.perf_counter() - started:.1f} s")

    @property
    def _has_ranker(self) -> bool:
        has_one = (self.home / "ranking" / artifacts.MANIFEST).exists()
        return has_one and bool(self.config.ranking.enabled)

    @property
    def _begins(self) -> int:
        """The first second that the candidates have not learned from."""
        data = prepared.load(self.home / "data")
        if self.config.candidates.train_on_validation:
            data = data.with_validation_in_training()
        return data.windows.training_window[1]

    def _append(self, say: Say) -> None:
        inputs = steps.fingerprints(self.home, ["data"])
        target = self.directory / APPENDED
        old = prepared.load(self.home / "data")
        try:
            log = sources.read(*self.log)
            for table in append.lacking_tables(old, log):
                say(f"note: the new log has no {table}, read as a table without rows")
            rows = self.log[0].bad_rows
            new = append.append(old, log, target, inputs, rows, self.received)
            given = old, new, log.tables[schema.WATCHES], self._begins
            for line in new_watches.warnings(*given):
                say(line)
        except errors.UserError:
            for name in (_RECORD, *_LISTS):
                (self.directory / name).unlink(missing_ok=True)
            for place in (target.parent, self.directory / _STATE):
                shutil.rmtree(place, ignore_errors=True)
            raise

    def _derive(self, place: str, part: derived_sets.Part) -> None:
        """Makes the prepared set of a place in the workdir."""
        target = self.directory / place / "data"
        target.parent.mkdir(parents=True, exist_ok=True)
        data = prepared.load(self.directory / APPENDED)
        config = configs.to_dict(self.config.data)
        manifest = dataclasses.replace(data.manifest, config=config)
        data = dataclasses.replace(data, manifest=manifest)
        learns = self._has_ranker and not self._obstacle
        derived_sets.derive(data, part, target, learns, self._begins)

    def _carry_candidates(self, place: str, begins: int | None) -> None:
        """Makes the candidates of a place; see `carry_candidates`."""
        target = self.directory / place
        made = prepared.load(target / "data"), target / "candidates", begins
        continued_training.carry_candidates(self.config, self.home, *made)

    def _ranker(self, home: pathlib.Path) -> adapted_ranking.TrainedRanker:
        return adapted_ranking.load(self.config, home)

    @functools.cached_property
    def _obstacle(self) -> str:
        """Why a ranker cannot learn from the new impressions; empty if it can."""
        shards = prepared.load(self.directory / APPENDED).log.shards
        begins = self._begins
        return log_warnings.ranking_obstacle(
            shards, lambda table: np.where(table.times < begins, _OLD, _NEW), (_NEW,)
        )

    def _learn_ranking(self, say: Say) -> None:
        target, why = self._ranker(self.directory / EARLIER), self._obstacle
        if why:
            say(f"note: the ranker learns nothing: {why}")
            # It is built for all impressions, and keeps its weights.
            log = target.data.log.changed(_all_shown)
            target = dataclasses.replace(target, data=target.data.with_log(log))
        source = self._ranker(self.home)
        continued_training.carry_ranking(self.config, source, target, learns=not why)

    def _publish_ranking(self) -> None:
        earlier = self._ranker(self.directory / EARLIER)
        later = self._ranker(self.directory)
        inputs = steps.fingerprints(self.directory, ["data", "candidates"])
        adapted_ranking.publish(self.config, earlier, later, inputs)

    def _export(self) -> None:
        run_workdir.write_config(self.directory, self.config)
        steps_after_training.export(self.config, self.directory)


def _all_shown(shard: events.Shard) -> events.Shard:
    """Returns a shard of which all impressions are training impressions."""
    shown = shard.impressions
    if shown is not None:
        shown = shown.replace(splits=np.full(len(shown), _NEW, np.uint8))
    return dataclasses.replace(shard, impressions=shown)

"""`prepare`: event log → prepared set (DESIGN §4), streaming, in bounded memory.

There are two phases: the log is surveyed and its shards of users are counted, which
fixes all vocabularies; then each shard is written. The arrays of a shard are a pure
function of its events (`ytdnn/log/shard_tasks.py`), so shards may be processed on other
machines.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping

import numpy as np
import polars as pl

from ytdnn.base import artifacts, configs, errors, machine_facts, schema, whole_files
from ytdnn.log import (
    entities,
    events,
    log_warnings,
    outcomes,
    prepared,
    prepared_log,
    raw_log,
    searches,
    shard_arrays,
    shard_tasks,
    sources,
    survey,
    vectors,
)
from ytdnn.log.sources import memory_tables

_BYTES_OF_EVENT = 40  # user, video, time and seconds, in the log's types and ours


def prepare(
    config: configs.DataConfig,
    directory: pathlib.Path,
    given: memory_tables.TablesInMemory | None = None,
    run_tasks: shard_tasks.RunTasks = shard_tasks.run_here,
) -> prepared.PreparedData:
    """Reads the source, checks, splits and writes the prepared set.

    Args:
      config: Source, filters, protocol.
      directory: Directory of the artefact.
      given: Tables in memory, for the source `tables`.
      run_tasks: Runs the tasks on shards, here or on other machines.

    Raises:
      errors.UserError: The log is missing or malformed, or the filters leave nothing.
    """
    inputs = {} if given is None else given.fingerprints
    return from_log(config, sources.read(config, given), directory, inputs, run_tasks)


def from_log(
    config: configs.DataConfig,
    log: raw_log.EventLog,
    directory: pathlib.Path,
    inputs: Mapping[str, str],
    run_tasks: shard_tasks.RunTasks = shard_tasks.run_here,
    mistakes: list[str] | None = None,
) -> prepared.PreparedData:
    """Checks and splits a log, and writes the prepared set.

    Args:
      config: Settings of filters and protocol.
      log: Log of a source.
      directory: Directory of the artefact.
      inputs: Fingerprints of tables in memory.
      run_tasks: Runs the tasks on shards, here or on other machines.
      mistakes: See `validation.validate`.

    Raises:
      errors.UserError: The log is malformed, or the filters leave nothing.
    """
    is_by_time = config.order_by == "time" and config.has_times
    if config.protocol == "temporal" and not is_by_time:
        raise errors.UserError(
            "expected times of watches for data.protocol=temporal, found their order "
            "alone: splits by time need true times; use --protocol=leave_one_out"
        )
    facts: dict[str, object] = {}
    settings = configs.to_dict(config)
    with (
        whole_files.scratch(directory, "scratch") as scratch,
        artifacts.publish(directory, prepared.KIND, settings, inputs, facts) as partial,
    ):
        surveyed = survey.survey(log, config, mistakes)
        pages = _pages(surveyed.log, config.page_gap_seconds)
        rules = shard_tasks.Rules(
            config, surveyed.chosen.windows, scratch.absolute(), partial.absolute()
        )
        facts |= surveyed.log.facts | _write(surveyed, rules, run_tasks)
        facts |= _stated(surveyed, config, facts)
        facts["warnings"] = [
            *surveyed.warnings,
            *surveyed.chosen.notes,
            *_warnings(surveyed.log, partial, facts),
        ]
        if schema.IMPRESSIONS in surveyed.log.tables:
            facts["pages"] = pages
            names, shards = _outcome_names(surveyed.log), events.on_disk(partial, facts)
            facts |= outcomes.facts_from_shards(names, shards)
        obstacle = log_warnings.ranking_obstacle(events.on_disk(partial, facts))
        if log_warnings.NONE_INSIDE in obstacle and surveyed.chosen.advice:
            obstacle = f"{obstacle} ({surveyed.chosen.advice})"
        facts["ranking_obstacle"] = obstacle
    return prepared.load(directory)


def _write(
    surveyed: survey.Survey, rules: shard_tasks.Rules, run_tasks: shard_tasks.RunTasks
) -> dict[str, object]:
    """Counts and writes all shards, and returns the counts."""
    sizes = surveyed.users[entities.EVENTS].to_numpy().astype(np.int64)
    parts = shard_tasks.divided(sizes, rules.config.events_per_shard)
    _require_memory(parts, rules.config)
    stored = survey.divide(surveyed.events, parts, rules.scratch)
    count = functools.partial(shard_tasks.count, rules=rules, stored=stored)
    counted = run_tasks(count, parts, "users' events, counted")
    labels = np.zeros(surveyed.videos.height + 1, np.int64)
    for shard in counted:
        labels[shard.videos] += shard.labels
    if not labels.any():
        raise errors.UserError(
            "expected completed watches to train on, found none: lower "
            "data.min_watch_seconds and data.min_watch_fraction"
        )
    files = [shard_tasks.token_file(rules.scratch, part.number) for part in parts]
    has_searches = schema.SEARCHES in surveyed.rows
    known = searches.vocabulary(files if has_searches else [], rules.config)
    if has_searches:
        known.write_parquet(rules.directory / prepared.TOKENS_FILE)
    facts, new_index = _write_entities(surveyed, labels[1:], rules)
    (rules.directory / events.DIRECTORY).mkdir()
    write = functools.partial(
        shard_tasks.write, rules=rules, stored=stored, new_index=new_index, tokens=known
    )
    written = run_tasks(write, parts, "users' events, written")
    shard_tasks.remove_unfinished(rules.directory / events.DIRECTORY)
    for table in sorted(written[0]):
        facts[table] = sum(shard[table] for shard in written)
    if has_searches:
        facts["search_tokens"] = known.height
        left_out = sum(shard.searches_left_out for shard in counted)
        facts["searches_without_words"] = left_out
    facts[events.FACT] = [
        events.fact(part.first, part.size, part.num_events) for part in parts
    ]
    return facts


def _require_memory(
    parts: list[shard_tasks.ShardUsers], config: configs.DataConfig
) -> None:
    """Checks that the events of the largest shard fit into memory, counted low."""
    available = machine_facts.available_memory()
    needed = _BYTES_OF_EVENT * max((part.num_events for part in parts), default=0)
    if needed > available:
        raise errors.UserError(
            f"expected config.data.events_per_shard to fit into the "
            f"{available / 1e9:.3g} GB of memory available, received "
            f"{config.events_per_shard:,}, which needs at least {needed / 1e9:.3g} GB: "
            f"lower it"
        )


def _stated(
    surveyed: survey.Survey, config: configs.DataConfig, counts: Mapping[str, object]
) -> dict[str, object]:
    """Returns the facts about the log for the manifest."""
    log = surveyed.log
    facts: dict[str, object] = {
        "log_columns": _columns(log),
        "bad_rows": surveyed.bad_rows,
        "left_out": _left_out(surveyed.rows, counts),
        "unmatched": [dataclasses.asdict(ids) for ids in surveyed.unmatched],
        "notes": {k: list(o.notes) for k, o in log.origins.items() if o.notes},
        "unused": {k: list(o.unused) for k, o in log.origins.items()},
        "order": shard_arrays.watch_order(surveyed.watch_columns, config)[1:],
        "split_column": schema.SPLIT in surveyed.watch_columns,
    }
    if surveyed.chosen.windows is not None:
        facts["windows"] = dataclasses.asdict(surveyed.chosen.windows)
    return facts


def _left_out(rows: Mapping[str, int], counts: Mapping[str, object]) -> dict[str, int]:
    """Returns the events of each table that the minimums of `core` leave out."""
    left_out = {}
    for table, number in rows.items():
        num_written = int(str(counts.get(table, 0)))
        if table == schema.SEARCHES:
            num_written += int(str(counts["searches_without_words"]))
        left_out[table] = number - num_written
    return {table: number for table, number in left_out.items() if number}


def _warnings(
    log: raw_log.EventLog, directory: pathlib.Path, facts: Mapping[str, object]
) -> list[str]:
    shards = events.on_disk(directory, facts)
    videos = pl.read_parquet(directory / prepared.VIDEOS_FILE)
    users = pl.read_parquet(directory / prepared_log.USERS_FILE)
    return [
        *log_warnings.odd_ids(users[schema.USER_ID]),
        *log_warnings.odd_ids(videos[schema.VIDEO_ID]),
        *log_warnings.single_values(schema.USERS, users),
        *log_warnings.single_values(schema.VIDEOS, videos.drop(prepared.TRAIN_COUNT)),
        *log_warnings.from_tables(log.tables),
        *log_warnings.from_shards(videos, shards, _outcome_names(log)),
    ]


def _outcome_names(log: raw_log.EventLog) -> tuple[str, ...]:
    if schema.IMPRESSIONS not in log.tables:
        return ()
    columns = log.tables[schema.IMPRESSIONS].collect_schema().names()
    return outcomes.names_of(columns)


def _pages(log: raw_log.EventLog, gap: float) -> str:
    """Returns the rule that groups impressions into slates, for the manifest.

    Raises:
      errors.UserError: The log has page ids, and `data.page_gap_seconds` is set.
    """
    has_pages = f"{schema.IMPRESSIONS}.{schema.PAGE_ID}" in _columns(log)
    if has_pages and gap:
        raise errors.UserError(
            f"expected no data.page_gap_seconds for a log with "
            f"{schema.IMPRESSIONS}.{schema.PAGE_ID}, received {gap:g}: leave one out"
        )
    if has_pages:
        return schema.PAGE_ID
    return f"user and gaps of at most {gap:g} s" if gap else "user and second"


def _columns(log: raw_log.EventLog) -> list[str]:
    """Returns the columns the log has, as "table.column"."""
    return [
        f"{table}.{column}"
        for table, rows in log.tables.items()
        for column in rows.collect_schema().names()
    ]


def _write_entities(
    surveyed: survey.Survey, labels: np.ndarray, rules: shard_tasks.Rules
) -> tuple[dict[str, object], np.ndarray]:
    """Writes users and the catalogue, vocabulary first.

    Returns:
      The number of each, and the place of each video in the new order of the
      catalogue, `[videos + 1] int32`.
    """
    in_vocabulary = surveyed.videos[entities.IN_WATCHES].to_numpy()
    if rules.config.vocabulary == "train":
        in_vocabulary = in_vocabulary & (labels > 0)
    order = np.argsort(~in_vocabulary, kind="stable")
    ids = surveyed.videos[schema.VIDEO_ID].gather(order)
    videos = entities.with_columns(surveyed.log, schema.VIDEOS, ids).with_columns(
        pl.Series(prepared.TRAIN_COUNT, labels[order].astype(np.int64))
    )
    ids = surveyed.users[schema.USER_ID]
    users = entities.with_columns(surveyed.log, schema.USERS, ids)
    videos.write_parquet(rules.directory / prepared.VIDEOS_FILE)
    users.write_parquet(rules.directory / prepared_log.USERS_FILE)
    vocabularies = rules.directory / prepared.VOCABULARIES_FILE
    artifacts.write_json(vocabularies, surveyed.vocabularies)
    facts: dict[str, object] = {"users": users.height, "videos": videos.height}
    facts[vectors.FACT] = {
        **vectors.write(surveyed.log, schema.USERS, ids, rules.directory),
        **vectors.write(
            surveyed.log, schema.VIDEOS, videos[schema.VIDEO_ID], rules.directory
        ),
    }
    facts["vocabulary"] = int(in_vocabulary.sum())
    return facts, prepared.new_indices(order)

"""KuaiRand, a log of a short-video app with impressions and watch time.

Gao and others, CIKM 2022 (doi:10.1145/3511808.3557624), editions 1K and Pure in the
layout of their archives. Every row of its logs is an impression. It was clicked if
upstream's `is_click` is set, or `long_view` (`data.click`). In tabs of two columns a
click is a tap; in tabs of one column, which autoplay, it is a *valid play* (to the end,
or more than 7 s). A click is also a watch of `play_time_ms`, which exceeds the video's
duration if the video was played again. The autoplay time of an unclicked impression is
not watch time.

Outcomes of an impression are `liked` (`is_like`), `shared` (`is_forward`), `commented`,
`followed`, `disliked` (`is_hate`) and `completed` (`long_view`, unless that is the
click).

`device` is the tab of the app, the only field of a request; `source` the policy that
chose the video, `standard` or `random`. There is no slate, position or score. The file
of video statistics is not read: they are averages over the whole month, so they leak
events of the test window.

Some editions have a table of each user's watches before the log (`data.histories`):
`user_id` and `long_watch_seq`, the videos with long views, oldest first. They get times
in the seconds before the first day of the log (in China), the last of each user one
second before it. So they come first, in their order, and a window may begin with the
log. Their true times and durations are unknown.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import polars as pl

from ytdnn.base import configs, errors, registries, schema, table_schemas
from ytdnn.log import raw_log
from ytdnn.log.sources import archives, casting, csv_files, download, parquet_files

_MILLISECONDS = 1000
_CHINA = 8 * 3600  # of upload dates, ahead of UTC

_STANDARD = ("log_standard_4_08_to_4_21", "log_standard_4_22_to_5_08")
_RANDOM = ("log_random_4_22_to_5_08",)
_VIDEOS, _USERS = "video_features_basic", "user_features"
_FILES = (*_STANDARD, *_RANDOM, _VIDEOS, _USERS)

_IMPRESSION_NAMES = {
    schema.TIME: "time_ms",
    schema.WATCH_SECONDS: "play_time_ms",
    schema.SOURCE: "is_rand",
    schema.DEVICE: "tab",
}
_LONG_VIEW = "long_view"
_OUTCOME_NAMES = {
    schema.LIKED: "is_like",
    schema.SHARED: "is_forward",
    schema.COMMENTED: "is_comment",
    schema.FOLLOWED: "is_follow",
    schema.COMPLETED: _LONG_VIEW,
    schema.DISLIKED: "is_hate",
}
_WATCH_NAMES = {
    schema.TIME: "time_ms",
    schema.ORDER: "time_ms",
    schema.WATCH_SECONDS: "play_time_ms",
    schema.DEVICE: "tab",
}
_VIDEO_NAMES = {
    schema.UPLOAD_TIME: "upload_dt",
    schema.DURATION_SECONDS: "video_duration",
    schema.CHANNEL_ID: "author_id",
}
_TAGS = "tag"
_SEQUENCE = "long_watch_seq"
_PLACE, _LENGTH = "__place__", "__length__"
_LOG_IDS = (schema.USER_ID, schema.VIDEO_ID)
_VIDEO_IDS = (schema.VIDEO_ID, "author_id", "music_id", _TAGS)
_PLAYED = pl.col(schema.WATCH_SECONDS) / _MILLISECONDS
_SECOND = pl.col(schema.TIME) // _MILLISECONDS
_TAB = pl.concat_str(pl.lit("tab "), schema.DEVICE).alias(schema.DEVICE)
# Numbers upstream that count nothing: kept as texts, so as categories.
_VIDEO_CODES = ("visible_status", "music_id", "music_type")
_USER_CODES = (
    "is_lowactive_period",
    "is_live_streamer",
    "is_video_author",
    *(f"onehot_feat{number}" for number in range(18)),
)


@dataclasses.dataclass(frozen=True)
class _Edition:
    """The folder of an edition's files, and the suffix of their names."""

    folder: pathlib.Path
    name: str

    def path(self, file: str) -> pathlib.Path:
        """Returns the path of a file of the edition.

        Raises:
          errors.UserError: The file is missing.
        """
        path = self.folder / f"{file}_{self.name}.csv"
        if not path.is_file():
            raise errors.UserError(
                f"expected {path.name} in {self.folder}, found none: unpack the whole "
                f"archive of {download.KUAIRAND_RECORD}"
            )
        return path

    def scan(
        self, names: Sequence[str], ids: Sequence[str], needed: Sequence[str]
    ) -> raw_log.Origin:
        """Returns the rows of files one after the other, in upstream's columns."""
        paths = [self.path(name) for name in names]
        frame = csv_files.scan_csv(paths, ids)
        columns = [name for name in frame.collect_schema() if name != raw_log.ROW]
        for column in needed:
            if column not in columns:
                raise errors.UserError(
                    f"expected column {column} in {paths[0]}, found "
                    f"{raw_log.brief(', '.join(columns))}: this is no file of "
                    f"KuaiRand; use --source=log for own tables"
                )
        if len(paths) == 1:
            return raw_log.Origin(frame, str(paths[0]))
        return raw_log.Origin(
            frame, str(self.folder), parts=parquet_files.part_starts(paths)
        )


@registries.LOGS.register("kuairand", settings=("exposure", "click", "histories"))
def read(config: configs.DataConfig) -> raw_log.EventLog:
    """Reads an edition in its upstream layout.

    Args:
      config: `dir` is a directory or the archive, `name` the edition (to download when
        `dir` is empty), `exposure` the kind of impressions that are read, `where` a
        filter over the logs' own columns.

    Raises:
      errors.UserError: The path does not exist, or a file or column is missing.
    """
    if config.columns:
        raise errors.UserError(
            f"expected no --columns with --source=kuairand, which has fixed columns, "
            f"received {','.join(config.columns)}: use --source=log for own tables"
        )
    edition = _edition(config)
    standard, both = _STANDARD, (*_STANDARD, *_RANDOM)
    shown = {"standard": standard, "random": _RANDOM, "all": both}[config.exposure]
    # A history holds what was watched, however it was exposed.
    watched = standard if config.exposure == "standard" else both
    logs = {names: _log(edition, names, config) for names in (shown, watched)}
    watches = _watches(logs[watched], config.click)
    if config.histories:
        watches = _with_histories(watches, edition.folder / config.histories)
    origins = {
        schema.WATCHES: watches,
        schema.IMPRESSIONS: _impressions(logs[shown], config),
        schema.VIDEOS: _videos(edition),
        schema.USERS: _users(edition),
    }
    facts = {
        "source": "kuairand",
        "edition": edition.name,
        "exposure": config.exposure,
        "where": config.where,
    }
    return raw_log.from_origins(origins, facts)


def _edition(config: configs.DataConfig) -> _Edition:
    if config.name and config.name not in download.KUAIRAND:
        raise errors.UserError(
            f"expected a KuaiRand edition in --config.data.name (one of "
            f"{', '.join(download.KUAIRAND)}), received {config.name!r}"
        )
    path = pathlib.Path(config.dir or download.fetch_kuairand(config.name))
    wanted = [config.name] if config.name else list(download.KUAIRAND)
    owners = {f"{file}_{name}.csv": name for name in wanted for file in _FILES}
    directory = archives.directory_of(path, owners)
    inside = [p for depth in ("*", "*/*", "*/*/*") for p in directory.glob(depth)]
    editions = sorted({(p.parent, owners[p.name]) for p in inside if p.name in owners})
    if len(editions) > 1:
        named = ", ".join(f"{folder} ({name})" for folder, name in editions)
        raise errors.UserError(
            f"expected one edition of KuaiRand in {path}, found several ({named}): "
            f"point --data_dir at the folder of one, and name it with --name"
        )
    if not editions:
        content = ", ".join(sorted(inside.name for inside in directory.iterdir()))
        raise errors.UserError(
            f"expected KuaiRand in {path} (a folder with {_STANDARD[0]}_"
            f"{'.csv or …_'.join(wanted)}.csv), found "
            f"{raw_log.brief(content) or 'nothing'}: point --data_dir at the "
            f"unpacked edition or its tar.gz, of {download.KUAIRAND_RECORD}"
        )
    return _Edition(*editions[0])


def _log(
    edition: _Edition, names: Sequence[str], config: configs.DataConfig
) -> raw_log.Origin:
    needed = [*_LOG_IDS, *dict.fromkeys(_IMPRESSION_NAMES.values()), config.click]
    log = edition.scan(names, _LOG_IDS, needed)
    rows = parquet_files.filter_rows(log.rows, config.where, log.file)
    return dataclasses.replace(log, rows=rows)


def _impressions(log: raw_log.Origin, config: configs.DataConfig) -> raw_log.Origin:
    names = _IMPRESSION_NAMES | {schema.CLICKED: config.click}
    names |= {k: name for k, name in _OUTCOME_NAMES.items() if name != config.click}
    rows = casting.normalise(
        schema.IMPRESSIONS, log.rows, log.file, names, outcomes=config.outcomes
    )
    played = pl.when(pl.col(schema.CLICKED)).then(_PLAYED).otherwise(0.0)
    is_random = pl.col(schema.SOURCE) == "1"
    rows = _keep_given(rows).with_columns(
        _SECOND,
        _TAB,
        played.alias(schema.WATCH_SECONDS),
        pl.when(is_random)
        .then(pl.lit("random"))
        .otherwise(pl.lit("standard"))
        .alias(schema.SOURCE),
    )
    return dataclasses.replace(log, rows=rows, names=names)


def _watches(log: raw_log.Origin, click: str) -> raw_log.Origin:
    """The clicked impressions, ties of a second in the order of milliseconds."""
    dtype = log.rows.collect_schema()[click]
    column = table_schemas.Column(click, "boolean")
    clicked, *_ = casting.cast(column, click, dtype, f"{click} of {log.file}")
    frame = log.rows.filter(clicked)
    rows = casting.normalise(schema.WATCHES, frame, log.file, _WATCH_NAMES)
    rows = _keep_given(rows).with_columns(
        _SECOND, _TAB, _PLAYED.alias(schema.WATCH_SECONDS)
    )
    return dataclasses.replace(log, rows=rows, names=_WATCH_NAMES)


def _keep_given(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keeps the original times, for messages, before they are converted to seconds."""
    columns = rows.collect_schema()
    missing = [
        pl.col(name).alias(raw_log.raw(name))
        for name in (schema.TIME, schema.WATCH_SECONDS)
        if raw_log.raw(name) not in columns
    ]
    return rows.with_columns(missing)


def _videos(edition: _Edition) -> raw_log.Origin:
    """Videos: `upload_time` is the date's midnight in China, `topic` the first tag.

    A duration of 0 is unknown. The text of all tags stays as the column `tag`.
    """
    needed = (schema.VIDEO_ID, *_VIDEO_NAMES.values(), _TAGS)
    source = edition.scan([_VIDEOS], _VIDEO_IDS, needed)
    date = _VIDEO_NAMES[schema.UPLOAD_TIME]
    given = pl.col(date).cast(pl.String)
    tags = pl.col(_TAGS).cast(pl.String)
    raw_date = raw_log.raw(schema.UPLOAD_TIME)
    frame = source.rows.with_columns(
        given.str.to_date("%Y-%m-%d", strict=False),
        given.alias(raw_date),
        tags,
        tags.str.split(",").list.first().alias(schema.TOPIC),
        *_as_text(source.rows, _VIDEO_CODES),
    )
    rows = casting.normalise(
        schema.VIDEOS, frame, source.file, _VIDEO_NAMES, keep=[raw_date]
    )
    length = pl.col(schema.DURATION_SECONDS)
    changed = [
        pl.col(schema.UPLOAD_TIME) - _CHINA,
        pl.when(length != 0).then(length / _MILLISECONDS),
    ]
    raw_length = raw_log.raw(schema.DURATION_SECONDS)
    if raw_length in rows.collect_schema():
        # That 0 becomes none is no fault of the cast.
        given_length = pl.when(length == 0).then(None).otherwise(raw_length)
        changed.append(given_length.alias(raw_length))
    rows = rows.with_columns(changed)
    return dataclasses.replace(source, rows=rows, names=_VIDEO_NAMES)


def _users(edition: _Edition) -> raw_log.Origin:
    source = edition.scan([_USERS], [schema.USER_ID], [schema.USER_ID])
    frame = source.rows.with_columns(*_as_text(source.rows, _USER_CODES))
    rows = casting.normalise(schema.USERS, frame, source.file)
    return dataclasses.replace(source, rows=rows)


def _as_text(frame: pl.LazyFrame, columns: Sequence[str]) -> list[pl.Expr]:
    """Returns codes as text: "3" of 3 and of 3.0."""
    dtypes = frame.collect_schema()
    return [
        (
            pl.col(name).cast(pl.Int64, strict=False).cast(pl.String)
            if dtypes[name].is_numeric()
            else pl.col(name).cast(pl.String)
        )
        for name in columns
        if name in dtypes
    ]


def _with_histories(watches: raw_log.Origin, path: pathlib.Path) -> raw_log.Origin:
    """Returns the watches of a log with those of a table of histories before them.

    Raises:
      errors.UserError: The file or one of its columns is missing.
    """
    if not path.is_file():
        raise errors.UserError(
            f"expected the file of data.histories, found none at {path}: name one in "
            f"the folder of the log, or leave data.histories out"
        )
    size = pl.len().alias("size")
    with raw_log.readable(str(path)):
        table = pl.scan_parquet(path)
        columns = table.collect_schema()
        counts = watches.rows.select(size, pl.col(schema.TIME).min())
        number, start = counts.collect(engine="streaming").row(0)
    for column in (schema.USER_ID, _SEQUENCE):
        if column not in columns:
            raise errors.UserError(
                f"expected column {column} in {path}, found "
                f"{raw_log.brief(', '.join(columns))}: give a file with each user's "
                f"watches in order"
            )
    day = (start + _CHINA) // schema.DAY_SECONDS * schema.DAY_SECONDS - _CHINA
    length = pl.col(_SEQUENCE).list.len()
    dtypes = watches.rows.collect_schema()
    rows = (
        table.select(schema.USER_ID, _SEQUENCE)
        .filter(length > 0)
        .with_columns(length.cast(pl.Int64).alias(_LENGTH))
        .with_columns(pl.int_ranges(length).alias(_PLACE))
        .explode(_SEQUENCE, _PLACE)
        .select(
            schema.USER_ID,
            pl.col(_SEQUENCE).alias(schema.VIDEO_ID),
            (day - pl.col(_LENGTH) + pl.col(_PLACE)).alias(schema.TIME),
            pl.col(_PLACE).alias(schema.ORDER),
        )
        .with_row_index(raw_log.ROW, offset=number)
    )
    typed = rows.cast({name: dtypes[name] for name in rows.collect_schema()})
    return dataclasses.replace(
        watches,
        rows=pl.concat([watches.rows, typed], how="diagonal"),
        parts=(*(watches.parts or ((0, watches.file),)), (number, str(path))),
    )

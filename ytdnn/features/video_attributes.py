"""Features from the log's table of videos (PAPER §3.3, §4.1)."""

import numpy as np
import numpy.typing as npt
import polars as pl
import tensorflow as tf

from ytdnn.base import schema
from ytdnn.features import base_feature, column_features, encodings
from ytdnn.layers import embeddings
from ytdnn.log import io_fields, log_tensors, lookups, prepared, raw_request, tokens

MAX_TOKENS = 16  # of a title; what follows is not read
MAX_VALUES = 100_000  # the most frequent ones
_FEWEST_TITLES = 2  # the word of a single title tells nothing of another
_TITLES_A_STEP = 1 << 16
_VIDEO, _TOKEN = "video", "token"
_UNKNOWN, _DIFFERS, _SAME = 0, 1, 2


class Title(encodings.Categorical, base_feature.ReadAtRequest):
    """The tokens of the video's title, as indices `[..., 16] int32`.

    Tokens are those of searches: unigrams and bigrams, in no order. The vocabulary has
    the tokens in at least two titles of trained videos; later videos add no tokens.
    """

    name = schema.TITLE
    scope = base_feature.Scope.VIDEO
    columns = ("videos.title",)
    networks = default_in = frozenset({base_feature.CONTENT})
    inner_shape = (MAX_TOKENS,)
    table = embeddings.BagTable

    def known_values(self, data: prepared.PreparedData) -> list[str]:
        """Returns the tokens of the vocabulary."""
        return _title_tokens(data)[0]

    def known(self, values: tf.Tensor) -> tf.Tensor:
        """Returns whether each title has a token of the vocabulary."""
        return tf.reduce_any(values > 0, axis=-1)

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Gathers by video."""
        rows = log_tensors.constant(_title_tokens(log.data)[1])
        return lambda at: tf.gather(rows, at.videos)

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Gathers by video."""
        return base_feature.RowsOfVideos(_title_tokens(data)[1])


def _title_tokens(
    data: prepared.PreparedData,
) -> tuple[list[str], npt.NDArray[np.int32]]:
    """Returns the vocabulary in order, and the tokens of each video, padded with 0."""

    def make() -> tuple[list[str], npt.NDArray[np.int32]]:
        catalogue = data.catalogue
        titles = _tokenised(catalogue)
        trained = titles.filter(pl.col(_VIDEO) <= catalogue.vocabulary_size)
        known = _most_frequent(trained)
        return known, _token_rows(titles, known, catalogue.num_videos)

    return data.once(Title, make)


def _most_frequent(titles: pl.DataFrame) -> list[str]:
    counts = titles.unique().group_by(_TOKEN).len()
    counts = counts.filter(pl.col("len") >= _FEWEST_TITLES)
    frequent = counts.sort("len", _TOKEN, descending=[True, False]).head(MAX_VALUES)
    return list(frequent[_TOKEN].sort().to_list())


def _token_rows(
    titles: pl.DataFrame, known: list[str], num_videos: int
) -> npt.NDArray[np.int32]:
    vocabulary = pl.DataFrame({_TOKEN: known}, schema={_TOKEN: pl.String})
    vocabulary = vocabulary.with_row_index("index", offset=1)
    table = titles.join(vocabulary, on=_TOKEN, maintain_order="left")
    place = pl.int_range(pl.len()).over(_VIDEO)
    table = table.with_columns(place.alias("place"))
    table = table.filter(pl.col("place") < MAX_TOKENS)
    rows = np.zeros((num_videos + 1, MAX_TOKENS), np.int32)
    rows[table[_VIDEO].to_numpy(), table["place"].to_numpy()] = table["index"]
    return rows


def _tokenised(catalogue: prepared.Catalogue) -> pl.DataFrame:
    """Returns the tokens of all titles in order, with the index of the video."""
    titles = catalogue.videos[schema.TITLE].cast(pl.String).fill_null("")
    parts = [pl.DataFrame(schema={_VIDEO: pl.Int64, _TOKEN: pl.String})]
    for start in range(0, len(titles), _TITLES_A_STEP):
        part = titles[start : start + _TITLES_A_STEP]
        words = tokens.tokenise(tf.constant(part.to_list(), tf.string))
        texts = [token.decode() for token in words.values.numpy().tolist()]
        videos = 1 + start + words.value_rowids().numpy()
        own = pl.DataFrame({_VIDEO: videos, _TOKEN: texts}, schema=parts[0].schema)
        parts.append(own)
    return pl.concat(parts)


class LanguageMatch(encodings.Categorical, base_feature.ReadAtRequest):
    """1 if the user's and the video's language differ, 2 if they are the same.

    0 if either is unknown, or is a language of no user or no video of the log.
    """

    name = "language_match"
    scope = base_feature.Scope.PAIR
    columns = ("users.language", "videos.language")
    networks = default_in = frozenset({base_feature.RANKING})

    def num_values(self, data: prepared.PreparedData) -> int:
        """Returns 2: different, or the same."""
        return _SAME

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the user's language."""
        return (io_fields.text(schema.LANGUAGE),)

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Gathers both languages."""
        known = _languages(log.data)
        languages = log.data.users[schema.LANGUAGE]
        of_users = log_tensors.constant(column_features.indices(languages, known))
        of_videos = log_tensors.constant(_video_languages(log.data, known))

        def read(at: log_tensors.Positions) -> tf.Tensor:
            mine = tf.gather(of_users, at.users)[..., tf.newaxis]
            return _match(mine, tf.gather(of_videos, at.videos))

        return read

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader with the languages of videos and their indices."""
        return _LanguagesOfRequest(data)


class _LanguagesOfRequest(base_feature.RowsOfVideos):
    """Languages of videos, compared with the request's."""

    def __init__(self, data: prepared.PreparedData) -> None:
        """Copies the languages."""
        known = _languages(data)
        super().__init__(_video_languages(data, known))
        self._values = lookups.TextVocabulary(known)

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns `[batch, k] int32`."""
        mine = self._values.indices(request.raw[schema.LANGUAGE])
        return _match(mine[:, tf.newaxis], super().__call__(request))


def _languages(data: prepared.PreparedData) -> list[str]:
    """Returns the languages of users and videos in order, as text."""
    tables = (data.users[schema.LANGUAGE], data.videos[schema.LANGUAGE])
    values = pl.concat([column.cast(pl.String) for column in tables])
    return list(values.drop_nulls().unique().sort().to_list())


def _video_languages(data: prepared.PreparedData, known: list[str]) -> np.ndarray:
    """Returns 0, then the index of each video's language, `int32`."""
    languages = data.catalogue.videos[schema.LANGUAGE]
    return np.append(np.int32(0), column_features.indices(languages, known))


def _match(of_users: tf.Tensor, of_videos: tf.Tensor) -> tf.Tensor:
    match = tf.where(of_users == of_videos, _SAME, _DIFFERS)
    return tf.where((of_users > 0) & (of_videos > 0), match, _UNKNOWN)


class VideoAge(encodings.Continuous, base_feature.ReadAtRequest):
    """Seconds since the upload, 0 before it, -1 where a time is unknown."""

    name = "video_age_seconds"
    scope = base_feature.Scope.PAIR
    columns = ("videos.upload_time",)
    networks = default_in = frozenset({base_feature.RANKING})

    def fields(self, catalogue: prepared.Catalogue) -> io_fields.Fields:
        """Returns the time of the request."""
        return (io_fields.time(),)

    def open_log(self, log: log_tensors.LogTensors) -> log_tensors.Reader:
        """Gathers upload times."""
        uploads = log_tensors.constant(_upload_times(log.data.catalogue))
        return lambda at: _age(at.times, tf.gather(uploads, at.videos))

    def open_request(self, data: prepared.PreparedData) -> base_feature.RequestReader:
        """Returns the reader with the upload times."""
        return _AgeOfRequest(_upload_times(data.catalogue))


class _AgeOfRequest(base_feature.RowsOfVideos):
    """Upload times, read as ages."""

    def __call__(self, request: raw_request.Request) -> tf.Tensor:
        """Returns `[batch, k] float32`."""
        return _age(request.times, super().__call__(request))


def _upload_times(catalogue: prepared.Catalogue) -> np.ndarray:
    """Returns `[catalogue + 1] int64` seconds, 0 where the upload time is unknown."""
    known = catalogue.videos[schema.UPLOAD_TIME].cast(pl.Int64).fill_null(0)
    return np.append(0, known.to_numpy()).astype(np.int64)


def _age(times: tf.Tensor, uploads: tf.Tensor) -> tf.Tensor:
    return log_tensors.seconds_since(times[..., tf.newaxis], uploads)


CHANNEL = column_features.TextColumn(
    schema.CHANNEL_ID, "videos.channel_id", base_feature.OF_VIDEOS
)
# The scale of the watch time (PAPER §4.2).
DURATION = column_features.NumberColumn(
    schema.DURATION_SECONDS,
    "videos.duration_seconds",
    base_feature.OF_VIDEOS,
    missing=log_tensors.MISSING,
)
TOPIC = column_features.TextColumn(schema.TOPIC, "videos.topic", base_feature.OF_VIDEOS)
LANGUAGE = column_features.TextColumn(
    "video_language", "videos.language", base_feature.OF_VIDEOS
)
TITLE, LANGUAGE_MATCH, AGE = Title(), LanguageMatch(), VideoAge()

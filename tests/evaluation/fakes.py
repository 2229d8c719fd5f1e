"""Models with planted answers, and tiny prepared sets of hand-written events."""

import pathlib
from collections.abc import Callable

import numpy as np
import polars as pl

from ytdnn import configs
from ytdnn.evaluation import evaluate_run, measure, report_files, run_systems
from ytdnn.log import events, prepare, prepared
from ytdnn.ranking import predictions

Watch = tuple[str, str, int]
Impression = tuple[str, str, int, bool, float]


def prepared_data(
    directory: pathlib.Path,
    watches: list[Watch],
    impressions: list[Impression] | None = None,
    splits: list[str] | None = None,
    uploads: dict[str, int | None] | None = None,
    **settings: object,
) -> prepared.PreparedData:
    """Prepares hand-written watches (user, video, time) and impressions (…, clicked,
    seconds), with the split of each watch and the upload time of each video."""
    log = directory / "log"
    log.mkdir(parents=True)
    names = ["user_id", "video_id", "time"]
    frame = pl.DataFrame(watches, names, orient="row")
    if splits is not None:
        frame = frame.with_columns(pl.Series("split", splits))
    frame.write_parquet(log / "watches.parquet")
    if uploads is not None:
        columns = {"video_id": list(uploads), "upload_time": list(uploads.values())}
        pl.DataFrame(columns).write_parquet(log / "videos.parquet")
    if impressions is not None:
        names = [*names, "clicked", "watch_seconds"]
        frame = pl.DataFrame(impressions, names, orient="row")
        frame.write_parquet(log / "impressions.parquet")
    config = configs.DataConfig(source="log", dir=str(log), **settings)  # type: ignore[arg-type]
    return prepare.prepare(config, directory / "data")


def evaluate_models(
    data: prepared.PreparedData,
    trained: object,
    ranking: object,
    indexes: dict[str, object],
    config: configs.Config,
    split: events.Split,
    others: measure.Systems | None = None,
    sources: tuple = (),
) -> report_files.Result:
    """Measures models on a set, as `ytdnn evaluate` those of a run."""
    others = measure.Systems() if others is None else others
    loaded = run_systems.TrainedModels(data, trained, ranking, others, sources)
    return evaluate_run.measure_models(loaded, indexes, config, split)


def index_of(data: prepared.PreparedData, video_id: str) -> int:
    """Returns the index of a video, 0 when out of the vocabulary."""
    ids = data.videos["video_id"].to_list()
    return ids.index(video_id) + 1 if video_id in ids else 0


class ScoresByUser:
    """A candidate model whose products are planted scores.

    Video vectors are the unit vectors, so a user's vector is their scores of all
    videos.
    """

    sees_request_time = False
    trains_on_validation = False

    def __init__(self, num_videos: int, score: Callable[[int, int], np.ndarray]):
        self.num_videos = self.num_listed = num_videos
        self.score = score

    def video_vectors(self, moment: int | None = None) -> np.ndarray:
        return np.eye(self.num_videos, dtype=np.float32)

    def user_vectors(
        self,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray,
    ) -> np.ndarray:
        rows = [self.score(u, e) for u, e in zip(users, end_watches, strict=True)]
        return np.array(rows, np.float32).reshape(len(users), self.num_videos)

    def request_vectors(
        self, data: prepared.PreparedData, impression_rows: np.ndarray
    ) -> np.ndarray:
        shown = data.impressions
        users = np.asarray(shown.users)[impression_rows]
        ends = np.asarray(data.watches.offsets)[users]
        ends = ends + np.asarray(shown.num_watches)[impression_rows]
        return self.user_vectors(data, users, ends, ends)

    def readings(self, *asked: object) -> dict[str, np.ndarray]:
        return {}


def next_watch(data: prepared.PreparedData) -> ScoresByUser:
    """Returns a model that knows the video watched at the end of each history."""

    def score(user: int, end: int) -> np.ndarray:
        scores = np.zeros(data.num_videos)
        is_last = end == data.watches.offsets[user + 1]
        video = 0 if is_last else int(data.watches.videos[end])
        if video:
            scores[video - 1] = 1.0
        return scores

    return ScoresByUser(data.num_videos, score)


class PlantedRanker:
    """A ranker whose logit is a function of the video, or of the logged impression.

    It is served as `exp(logit)` seconds, and a click probability that rises with it.
    """

    sees_request_time = False

    def __init__(
        self,
        of_video: Callable[[np.ndarray], np.ndarray],
        of_row: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self.of_video = of_video
        self.of_row = of_row
        self.times: np.ndarray = np.zeros(0)

    def readings(self, *asked: object) -> dict[str, np.ndarray]:
        return {}

    def predict_at(
        self,
        data: prepared.PreparedData,
        impression_rows: np.ndarray,
        video_indices: np.ndarray,
    ) -> predictions.Predictions:
        logits = self.of_video(video_indices)
        return predictions.Predictions(logits, seconds=np.exp(logits), logits=logits)

    def predictions(
        self,
        data: prepared.PreparedData,
        impression_rows: np.ndarray,
        history_rows: np.ndarray | None = None,
    ) -> predictions.Predictions:
        if self.of_row is not None:
            logits = self.of_row(impression_rows)
        else:
            logits = self.of_video(np.asarray(data.impressions.videos)[impression_rows])
        seconds = np.exp(logits)
        chance = seconds / (1.0 + seconds)
        return predictions.Predictions(logits, seconds, chance, logits)

    def score_candidates(
        self,
        data: prepared.PreparedData,
        users: np.ndarray,
        end_watches: np.ndarray,
        times: np.ndarray,
        video_indices: np.ndarray,
    ) -> np.ndarray:
        self.times = times
        return self.of_video(video_indices)

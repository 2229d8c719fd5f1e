"""Out of sample replayed scores are what serving shows; in-sample they are not."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tests import changed_log, planted
from ytdnn import configs
from ytdnn.base.metrics import binary
from ytdnn.log import events, log_tensors, prepare, prepared
from ytdnn.retrieval import trained_stage
from ytdnn.training import candidates

Split = events.Split
CONFIG = dataclasses.replace(
    planted.tiny_config(),
    candidates=configs.CandidatesConfig(
        content=configs.ContentConfig(enabled=False),
        embedding_dim=16,
        history_length=10,
        tower=(),
        loss=configs.FullSoftmaxConfig(),
        training=configs.TrainingConfig(epochs=12, batch_size=64, learning_rate=0.01),
    ),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """A log of clicks that are watches, of a world."""
    config = configs.DataConfig(world=configs.WORLDS["tiny"], ranking_fraction=0.4)
    return prepare.prepare(config, tmp_path_factory.mktemp("world") / "data")


@pytest.fixture(scope="module")
def stages(
    data: prepared.PreparedData, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, trained_stage.FirstStage]:
    """A first stage of the window before the ranker's, and one that has seen both."""
    directory = tmp_path_factory.mktemp("stages")
    splits = np.array(data.watches.splits)
    is_later = (splits == Split.CONTEXT) | (splits == Split.VALIDATION)
    held_out = np.flatnonzero(is_later)[::20]  # some validation is needed
    splits[is_later] = Split.TRAIN
    splits[held_out] = Split.VALIDATION
    seen = changed_log.with_tables(data, watches=data.watches.replace(splits=splits))
    found = {}
    for name, one in {"before": data, "seen": seen}.items():
        candidates.train(CONFIG, one, directory / name)
        found[name] = trained_stage.load(directory / name, data)
    return found


def rows_of(data: prepared.PreparedData, split: Split) -> np.ndarray:
    known = np.asarray(data.impressions.videos) <= data.vocabulary_size
    return np.flatnonzero((data.impressions.splits == split) & known)


def auc_of_scores(
    data: prepared.PreparedData, stage: trained_stage.FirstStage, split: Split
) -> float:
    rows = rows_of(data, split)
    scores = stage.open_log(data).scores(logged(data, rows)).numpy()[:, 0]
    return binary.auc(np.asarray(data.impressions.clicked)[rows], scores)


def logged(data: prepared.PreparedData, rows: np.ndarray) -> log_tensors.Positions:
    users = np.asarray(data.impressions.users)[rows]
    return log_tensors.Positions(
        users=tf.constant(users),
        times=tf.constant(np.asarray(data.impressions.times)[rows]),
        ends=tf.constant(
            np.asarray(data.watches.offsets)[users]
            + np.asarray(data.impressions.num_watches)[rows]
        ),
        event="impressions",
        rows=tf.constant(rows, tf.int64),
        is_event=tf.ones(len(rows), tf.bool),
        videos=tf.constant(np.asarray(data.impressions.videos)[rows][:, np.newaxis]),
        is_shown=True,
        is_logged=True,
    )


@pytest.mark.thorough
def test_in_sample_a_score_knows_the_clicks_it_shall_predict(
    data: prepared.PreparedData, stages: dict[str, trained_stage.FirstStage]
) -> None:
    """Its worth in the ranker's window is then not that in the test's."""
    gap = {
        name: auc_of_scores(data, stage, Split.TRAIN)
        - auc_of_scores(data, stage, Split.TEST)
        for name, stage in stages.items()
    }
    assert abs(gap["before"]) < 0.03
    assert gap["seen"] > gap["before"] + 0.03

"""The default ranker on real impressions: ahead of each video's own odds."""

import dataclasses
import pathlib
from collections.abc import Callable

import pytest

import ytdnn
from ytdnn import configs
from ytdnn.base.metrics import metric_names
from ytdnn.evaluation import evaluate_run, shown_scorers

METRICS = {  # whether more is better
    metric_names.AUC: True,
    metric_names.GROUPED_AUC: True,
    metric_names.PER_USER_LOSS: False,
    metric_names.CLICK_LOG_LOSS: False,
    metric_names.FIRST_HALF: True,
}


@pytest.mark.slow
def test_the_default_ranker_is_ahead_of_popularity_on_real_impressions(
    shared_data: Callable[[str], pathlib.Path], tmp_path: pathlib.Path
) -> None:
    # Candidates make one of a hundred inputs; two epochs of them are enough for it.
    plain = configs.with_own(configs.Config(), ["candidates.training.epochs"])
    training = dataclasses.replace(plain.candidates.training, epochs=2)
    config = dataclasses.replace(
        plain,
        data=configs.DataConfig(
            source="kuairand",
            name="pure",
            dir=str(shared_data("kuairand-pure-slice")),
            page_gap_seconds=600.0,
        ),
        candidates=dataclasses.replace(plain.candidates, training=training),
    )
    ytdnn.prepare(tmp_path, config)
    for stage in ("candidates", "ranking"):
        ytdnn.train(tmp_path, config, stage=stage)
    found = evaluate_run.evaluate(tmp_path, config, "test", "ranking").report
    shown = found.impressions
    own, other = (
        shown[name].values for name in (shown_scorers.RANKER, shown_scorers.POPULARITY)
    )
    for name, more in METRICS.items():
        assert (own[name] > other[name]) == more, (name, own[name], other[name])
    assert own[metric_names.CALIBRATION_RATIO] == pytest.approx(1.0, abs=0.05)

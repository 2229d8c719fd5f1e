"""The table of the defaults: differences are paired, and of the right two."""

import dataclasses
import pathlib

import numpy as np

from experiments import defaults
from tests.evaluation import fakes
from ytdnn import configs
from ytdnn.evaluation import report_files
from ytdnn.log import events
from ytdnn.retrieval.index import brute_force

CONFIG = configs.Config(evaluation=configs.EvaluationConfig(ks=(10,), num_resamples=50))


def test_the_table_sets_each_beside_popularity_and_the_tuned(
    tmp_path: pathlib.Path,
) -> None:
    watches = [
        (f"u{user}", f"v{(user + place) % 30}", 1_600_000_000 + place)
        for user in range(30)
        for place in range(8)
    ]
    data = fakes.prepared_data(tmp_path, watches, protocol="leave_one_out")
    knows = fakes.next_watch(data)
    constant = fakes.ScoresByUser(
        data.num_videos, lambda user, end: np.zeros(data.num_videos)
    )
    for name, model in {"defaults": knows, "tuned": constant}.items():
        exact = brute_force.BruteForce.build(model.video_vectors(), CONFIG.index)
        result = fakes.evaluate_models(
            data, model, None, {"exact": exact}, CONFIG, events.Split.TEST
        )
        config = configs.to_dict(dataclasses.replace(CONFIG, data=data.config))
        report = dataclasses.replace(result.report, config=config)
        whole = dataclasses.replace(result, report=report)
        for seed in range(2):
            place = tmp_path / "study" / name / f"seed-{seed}" / "evaluation"
            with report_files.publish(place, whole):
                pass
    head, _, best, _, worse, _ = defaults.table(tmp_path / "study").splitlines()
    assert head.count("|") == 7
    cells = [cell.strip() for cell in best.split("|")[1:-1]]
    assert cells[:3] == ["defaults", "ndcg@10", "1.0000"]
    popularity = float(cells[3])
    assert cells[4].startswith(f"{1.0 - popularity:+.4f} (")
    tuned = [cell.strip() for cell in worse.split("|")[1:-1]]
    assert cells[5].startswith(f"{1.0 - float(tuned[2]):+.4f} (")
    assert tuned[5] == ""

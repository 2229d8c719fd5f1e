"""Pages of approximate search are set beside those of exact search."""

import dataclasses

import numpy as np
import pytest

from experiments import approximate_search
from ytdnn import configs
from ytdnn.run.pipeline import graph, runner

WORLD = configs.WorldConfig(
    num_users=60, num_videos=150, num_days=20, watches_per_user=20
)
ONE_EPOCH = configs.TrainingConfig(epochs=1, batch_size=64)
CONFIG = configs.Config(
    data=configs.DataConfig(world=WORLD),
    candidates=configs.CandidatesConfig(
        embedding_dim=8, tower=(16,), training=ONE_EPOCH
    ),
    ranking=configs.RankingConfig(tower=(8,), training=ONE_EPOCH),
    composition=configs.CompositionConfig(num_candidates=20),
)


@pytest.mark.thorough
def test_less_effort_finds_less_and_pages_are_compared_by_user(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    workdir = tmp_path_factory.mktemp("run")
    steps = [graph.DATA, graph.CANDIDATES, graph.INDEX, graph.RANKING]
    runner.run(steps, CONFIG, workdir, lambda line: None)
    approximate_search.main([f"--workdir={workdir}", "--users=10"])
    assert "LSH" in capsys.readouterr().out
    found = approximate_search.measure(approximate_search.Run.load(workdir, 10))
    exact, hashed = found[0], [one for one in found if one.name.startswith("LSH")]
    assert exact.recall == 1.0
    assert hashed[0].recall >= hashed[-1].recall
    assert set(exact.values) == set(approximate_search.METRICS)
    assert all(len(values) == 10 for values in exact.values.values())
    table = approximate_search.show([exact, dataclasses.replace(exact, name="twin")])
    assert list(table.columns[3].cells)[1] == "+0 ± 0"
    assert np.all(exact.values[approximate_search._TRUE_SECONDS] > 0)

import pathlib

import pytest

from experiments import contest_or_sweep
from tests import full_log
from ytdnn.base import configs
from ytdnn.run.pipeline import log_size, workdir


def test_the_contest_is_judged_by_the_best_of_all() -> None:
    assert contest_or_sweep.share({"contest": 0.9, "trials": [1.0, None]}) == 0.9
    assert contest_or_sweep.share({"contest": 0.9, "trials": [None, 0.8]}) == 1.0


def test_the_base_has_the_settings_of_the_run_and_a_quarter_of_its_epochs(
    tmp_path: pathlib.Path,
) -> None:
    full_log.prepared_data(tmp_path, full_log.tables())
    config = configs.Config(
        candidates=configs.sized(configs.CandidatesConfig, contest=False)
    )
    with workdir.keep_config(tmp_path, config):
        chosen = log_size.resolved(config, tmp_path).candidates
    found = contest_or_sweep.base(tmp_path).candidates
    assert found.training.epochs == pytest.approx(chosen.training.epochs / 4, abs=1)
    assert (found.tower, found.auto) == (chosen.tower, ())

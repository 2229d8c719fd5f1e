import dataclasses

import numpy as np
import pytest

from tests import planted
from ytdnn import configs
from ytdnn.candidates import model
from ytdnn.log import events
from ytdnn.training import validation

CONFIG = planted.tiny_config().candidates


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("own"), events_per_shard=400)


@pytest.fixture(scope="module")
def network(data):
    return model.build(CONFIG, data)


def measured(data, network, **settings):
    config = dataclasses.replace(CONFIG, **settings)
    return validation.validator(config, data, network)()


def test_all_users_are_asked_where_there_are_few(data, network, capsys):
    found = measured(data, network)
    assert found == measured(data, network, validation_users=0)
    users, _ = data.windows.first_watches(events.Split.VALIDATION)
    assert found == measured(data, network, validation_users=len(users))
    assert "sample" not in capsys.readouterr().err


def test_windows_of_the_log_give_the_numbers_of_the_whole(data, network, monkeypatch):
    whole = measured(data, network, validation_users=20)
    monkeypatch.setattr(configs.CandidatesConfig, "window_events", 400)
    windows = measured(data, network, validation_users=20)
    assert windows == pytest.approx(whole)  # sums in another order


def test_a_sample_is_the_same_each_time_and_is_stated(data, network, capsys):
    found = measured(data, network, validation_users=20)
    assert found == measured(data, network, validation_users=20)
    assert found != measured(data, network, validation_users=21)
    users, _ = data.windows.first_watches(events.Split.VALIDATION)
    stated = f"a sample of 20 of {len(users)} users"
    assert stated in capsys.readouterr().err


def test_the_half_interval_is_that_of_a_mean():
    found = validation._means({"ndcg@10": np.array([0.0, 0.0, 1.0, 1.0])})
    # 1.96 times the deviation 0.5 over the root of four users.
    assert found == {"ndcg@10": 0.5, validation.HALF_INTERVAL: 1.96 * 0.25}


def test_users_are_asked_before_the_window_and_before_their_last_watch(data, network):
    def asked(**settings):
        seen = []
        config = dataclasses.replace(CONFIG, **settings)
        found = validation.validator(config, data, network, watch=seen.append)()
        assert found["ndcg@10"] == pytest.approx(np.nanmean(seen[0]))
        return [values[~np.isnan(values)] for values in seen[0].T]

    windows, split = data.windows, events.Split.VALIDATION
    first, begins = windows.first_watches(split)
    users, lasts = windows.last_watches(split)
    by_list, by_last = asked()
    assert len(by_list) == (windows.targets(first, begins, split).sizes > 0).sum()
    none, every = asked(validate_last=True)
    answered = windows.targets(users, lasts, split).sizes > 0
    is_later = ~np.isin(lasts, begins)[answered]  # some watch once there, some more
    assert len(none) == 0 < is_later.sum() < len(every)
    np.testing.assert_array_equal(by_last, every[is_later])

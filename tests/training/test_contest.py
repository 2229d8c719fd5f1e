"""The contest of settings: the right winner, whose training is resumed."""

import dataclasses
import json

import numpy as np
import pytest

from tests import planted
from tests.training import kills
from ytdnn import configs
from ytdnn.base import artifacts, errors
from ytdnn.candidates import model
from ytdnn.features import co_watch_vectors
from ytdnn.training import candidates, contest

BASE = planted.tiny_config()
MADE_WITH = {"portfolio": "of a test"}


def member(rate, **settings):
    """A member of a small log: one epoch of its eight, then three, in a contest."""
    training = configs.TrainingConfig(
        epochs=8, patience=8, batch_size=64, learning_rate=rate
    )
    return configs.changed(
        BASE,
        {"candidates.training": training}
        | {f"candidates.{name}": value for name, value in settings.items()},
    )


MEMBERS = {
    "still": member(1e-9),
    "learns": member(0.01),
    "slow": member(1e-6, tower=(8,), embedding_dim=4),  # unlike the others
}


def held(directory, data, members=None):
    contest.run(members or MEMBERS, data, directory / "contest", MADE_WITH)
    return artifacts.read_manifest(directory / "contest", "contest").facts


def users(means, num=400, noise=0.1):
    """Metrics with some noise in common, as of the same users."""
    common = np.random.default_rng(0).normal(0.0, 1.0, num)
    own = np.random.default_rng(1)
    return {
        name: mean + common - common.mean() + noise * own.normal(0.0, 1.0, num)
        for name, mean in means.items()
    }


def test_the_better_half_keeps_its_order():
    found = contest.better_half(users({"a": 0.1, "b": 0.3, "c": 0.0, "d": 0.2}))
    assert found == ("b", "d")
    assert contest.better_half(users({"a": 0.1, "b": 0.3, "c": 0.2})) == ("b", "c")


def test_the_best_of_the_narrowest_within_a_standard_error_wins():
    wide = member(0.01, embedding_dim=8, similarity="cosine")
    narrow = member(0.01, embedding_dim=4, similarity="user_cosine")
    dot = member(0.01, embedding_dim=4, similarity="dot")
    members = {"worst": narrow, "cheap": narrow, "dot": dot, "dear": wide}

    def won(**means):
        return contest.winner(users(means), members)

    # Paired: what users have in common, ten times as large, is no noise.
    assert won(cheap=0.199, dear=0.2) == "cheap"
    assert won(cheap=0.15, dear=0.2) == "dear"
    assert won(worst=0.0, cheap=0.2, dear=0.15) == "cheap"
    assert won(cheap=0.203, dot=0.204, dear=0.2) == "dot"
    assert won(cheap=0.21, dot=0.2, dear=0.2) == "cheap"


def test_level_members_are_level_by_lists_and_by_last_watches():
    members = {"narrow": member(0.01, embedding_dim=4), "wide": MEMBERS["learns"]}
    lists = users(dict.fromkeys(members, 0.2))
    last = users({"narrow": 0.1, "wide": 0.2})
    none = np.full(400, np.nan)
    both = {n: np.transpose([[*lists[n], *none], [*none, *last[n]]]) for n in members}
    assert contest.winner(lists, members) == "narrow"
    assert contest.winner(both, members) == "wide"
    assert contest.winner(dict.fromkeys(members, both["wide"]), members) == "narrow"


def test_of_two_alike_and_level_members_the_cheaper_goes_on():
    values = users({"cheap": 0.199, "dear": 0.2, "better": 0.21, "other": 0.199})
    members = dict.fromkeys(values, BASE)
    names = tuple(values)
    assert contest.still_open(names, values, members) == ("cheap", "better")
    members["other"] = member(0.01, embedding_dim=BASE.candidates.embedding_dim + 1)
    assert contest.still_open(names, values, members) == ("cheap", "better", "other")


def test_what_is_surely_a_tenth_below_the_best_leaves():
    values = users({"near": 0.185, "far": 0.17, "best": 0.2}, num=40_000)
    members = {
        name: member(0.01, embedding_dim=8 + place) for place, name in enumerate(values)
    }
    assert contest.still_open(tuple(values), values, members) == ("near", "best")
    noisy = users({"far": 0.17, "best": 0.2}, noise=1.0)
    assert len(contest.still_open(tuple(noisy), noisy, members)) == 2


def test_a_contest_ends_when_one_is_left(data, tmp_path):
    still = dict.fromkeys(("still", "as_still", "too"), MEMBERS["still"])
    facts = held(tmp_path, data, still)
    assert facts["winner"] == "still"
    assert len(facts["ndcg@10"]) == 1


def test_members_of_one_width_share_what_their_start_counts(
    data, tmp_path, monkeypatch
):
    count, widths = co_watch_vectors.factors, []

    def counted(data, dim):
        widths.append(dim)
        return count(data, dim)

    monkeypatch.setattr(co_watch_vectors, "factors", counted)
    of = {"initial_vectors": "co_watched", "skip_connection": "linear"}
    narrow = member(0.01, embedding_dim=4, **of)
    held(tmp_path, data, {"a": member(0.01, **of), "b": narrow, "c": narrow})
    assert sorted(widths) == [4, BASE.candidates.embedding_dim]
    assert not any(count in key for key in data._made if isinstance(key, tuple))


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A contest that nothing disturbed, whose winner was paused and then trained."""
    home = tmp_path_factory.mktemp("whole")
    facts = held(home, data)
    resumed = json.loads(_progress(home / ".candidates.training"))
    candidates.train(MEMBERS["learns"], data, home / "candidates")
    return home, facts, resumed


def test_what_learns_wins_and_its_training_goes_on(data, tmp_path, whole):
    home, facts, resumed = whole
    assert facts["winner"] == "learns"
    first, second = facts["ndcg@10"]
    assert set(first) == set(MEMBERS)
    assert len(second) == 2
    assert second["learns"] > first["still"] + 0.05
    assert resumed["epoch"] == 3
    candidates.train(MEMBERS["learns"], data, tmp_path / "candidates")
    _assert_same(data, home, tmp_path)
    assert not list(home.glob(".*"))


def _progress(work):
    """The text of a checkpoint that says how far a training is."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(work / "latest"))
    [name] = [n for n in reader.get_variable_to_shape_map() if n.startswith("progress")]
    return reader.get_tensor(name)


def _assert_same(data, first, second):
    found, expected = (
        model.load(each / "candidates", data).video_vectors()
        for each in (first, second)
    )
    np.testing.assert_array_equal(found, expected)
    facts = [
        artifacts.read_manifest(each / "candidates", "candidates").facts
        for each in (first, second)
    ]
    assert facts[0]["validation"] == facts[1]["validation"]


@pytest.mark.parametrize("num_steps", [1, 45])
def test_a_killed_contest_ends_as_an_undisturbed_one(
    data, tmp_path, monkeypatch, whole, num_steps
):
    home, expected, _ = whole
    with monkeypatch.context() as patch:
        kills.kill_once_after(patch, num_steps)
        with pytest.raises(kills.KilledError):
            held(tmp_path, data)
    assert held(tmp_path, data) == expected
    candidates.train(MEMBERS["learns"], data, tmp_path / "candidates")
    _assert_same(data, home, tmp_path)


def test_a_member_keeps_what_its_start_was_worth(data, tmp_path, monkeypatch):
    """A counted start that training spoils counts as it began."""
    monkeypatch.setattr(contest, "_FAR", 0.0)
    counted = {
        "similarity": "user_cosine",
        "skip_connection": "linear",
        "initial_vectors": "co_watched",
    }
    spoils = configs.changed(
        member(5.0, **counted), {"candidates.training.table_learning_rate": 50.0}
    )
    facts = held(tmp_path, data, MEMBERS | {"spoils": spoils})
    assert facts["winner"] == "spoils"
    first, second = facts["ndcg@10"]
    assert second["spoils"] >= first["spoils"]


def test_a_member_that_cannot_be_trained_is_left_out(data, tmp_path):
    wild = member(1e30)
    facts = held(tmp_path, data, {"wild": wild, "learns": MEMBERS["learns"]})
    assert facts["winner"] == "learns"
    assert "wild left out: " in facts["lines"][0]
    with pytest.raises(errors.UserError, match="not"):
        held(tmp_path / "alone", data, {"wild": wild})


def test_without_validation_the_first_setting_is_taken(data, tmp_path, monkeypatch):
    monkeypatch.setattr(contest.validation, "has_targets", lambda config, data: False)
    facts = held(tmp_path, data, {"still": MEMBERS["still"], "wide": MEMBERS["slow"]})
    assert facts["winner"] == "wide"
    assert not list(tmp_path.glob(".*"))


def test_an_ensemble_is_chosen_by_one_of_its_networks(data, tmp_path):
    two = {
        name: dataclasses.replace(
            each,
            candidates=dataclasses.replace(each.candidates, ensemble_size=2),
        )
        for name, each in MEMBERS.items()
    }
    assert held(tmp_path, data, two)["winner"] == "learns"
    assert not (tmp_path / ".candidates.training").exists()

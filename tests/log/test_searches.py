import polars as pl
import pytest

from tests import full_log
from tests.log import comparison
from ytdnn import configs
from ytdnn.log import searches

START = 1_600_000_000


def _events(rows, *names):
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["time"] = [START + time for time in columns["time"]]
    return pl.DataFrame(columns)


# leave_one_out: a user's last two watches are validation and test.
WATCHES = [("a", f"v{t}", t) for t in (10, 20, 30, 40)] + [("b", "v10", 10)]
SEARCHES = [
    ("b", "dance dance", 10),
    ("a", "chess opening", 5),
    ("a", "Chess", 20),
    ("a", "!?", 12),
    ("a", "endgame", 25),
    ("c", "chess", 1),
]


def _prepare(tmp_path, rows=SEARCHES, impressions=None, **settings):
    log = {
        "watches": _events(WATCHES, "user_id", "video_id", "time"),
        "searches": _events(rows, "user_id", "query", "time"),
    }
    if impressions:
        names = ("user_id", "video_id", "time", "clicked")
        log["impressions"] = _events(impressions, *names)
    settings = {"protocol": "leave_one_out", "token_count": 1} | settings
    return full_log.prepared_data(tmp_path, log, **settings)


def _texts(data, user):
    """The known tokens of each search of a user."""
    offsets = data.log.searches.token_offsets
    return [
        sorted(
            data.catalogue.tokens["token"][int(i) - 1]
            for i in data.log.searches.tokens[a:b]
        )
        for a, b in zip(
            offsets[data.log.searches.offsets[user] :],
            offsets[
                data.log.searches.offsets[user] + 1 : data.log.searches.offsets[
                    user + 1
                ]
                + 1
            ],
            strict=False,
        )
    ]


def test_the_vocabulary_is_of_training_contexts_alone(tmp_path):
    # Training labels of a are at 10 and 20, so the searches of 20 and 25 stand in no
    # training context; b's only watch is at the time of the search; c has none.
    data = _prepare(tmp_path)
    assert data.catalogue.tokens.rows() == [
        ("chess", 1),
        ("chess opening", 1),
        ("opening", 1),
    ]
    assert data.manifest.facts["search_tokens"] == 3
    assert data.manifest.facts["searches"] == 5
    assert data.manifest.facts["searches_without_words"] == 1


def test_searches_are_sorted_and_keep_their_known_tokens(tmp_path):
    data = _prepare(tmp_path)
    assert data.users["user_id"].to_list() == ["a", "b", "c"]
    assert data.log.searches.offsets.tolist() == [0, 3, 4, 5]
    assert _texts(data, 0) == [["chess", "chess opening", "opening"], ["chess"], []]
    assert _texts(data, 1) == [[]]
    assert data.log.queries.texts(0, 3) == ["chess opening", "Chess", "endgame"]
    assert data.log.searches.times[:3].tolist() == [START + 5, START + 20, START + 25]


def test_watches_and_impressions_count_the_searches_strictly_before(tmp_path):
    impressions = [
        ("a", "v10", 5, True),
        ("a", "v10", 21, False),
        ("c", "v10", 9, True),
    ]
    data = _prepare(tmp_path, impressions=impressions)
    assert data.watches.num_searches.tolist() == [1, 1, 3, 3, 0]
    assert data.impressions.num_searches.tolist() == [0, 2, 1]


@pytest.mark.parametrize("tokens_a_count", [100, 10**6])
def test_shards_and_parts_of_the_count_change_nothing(
    tmp_path, monkeypatch, tokens_a_count
):
    log = full_log.tables()
    monkeypatch.setattr(configs.DataConfig, "max_search_tokens", 60)
    whole = full_log.prepared_data(tmp_path / "whole", log)
    monkeypatch.setattr(searches, "_TOKENS_A_COUNT", tokens_a_count)
    monkeypatch.setattr(searches, "_QUERIES_A_STEP", 16)
    parts = full_log.prepared_data(tmp_path / "parts", log, events_per_shard=400)
    assert parts.catalogue.tokens.equals(whole.catalogue.tokens)
    assert whole.catalogue.tokens.height == 60
    comparison.assert_same_events(parts, whole)
    every = len(whole.log.searches)
    assert parts.log.queries.texts(0, every) == whole.log.queries.texts(0, every)

import numpy as np
import pytest
import tensorflow as tf

from ytdnn import configs
from ytdnn.log import positions
from ytdnn.retrieval import page


def greedy(order: np.ndarray, channels: np.ndarray, most: int) -> list[int]:
    """Returns the page that takes the best next one its channel has room for."""
    taken: list[int] = []
    for place in np.argsort(-order, kind="stable"):
        same = [p for p in taken if channels[p] == channels[place] > 0]
        if len(same) < most and np.isfinite(order[place]):
            taken.append(int(place))
    return taken


@pytest.mark.parametrize("most", [1, 2, 5])
def test_the_cap_is_greedy(most: int) -> None:
    rng = np.random.default_rng(most)
    order = rng.integers(0, 9, (20, 30)).astype(np.float32)  # with ties
    order[rng.random(order.shape) < 0.1] = -np.inf
    channels = rng.integers(0, 6, order.shape).astype(np.int32)
    found = page.capped(tf.constant(order), tf.constant(channels), most).numpy()
    for row in range(len(order)):
        places = np.argsort(-found[row], kind="stable")
        places = places[np.isfinite(found[row][places])]
        assert places.tolist() == greedy(order[row], channels[row], most)


def test_a_blend_adds_weighted_scores_and_the_lowest_where_there_is_none() -> None:
    none = positions.NO_SCORE
    logits = tf.constant([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    scores = tf.constant([[4.0, none, -1.0], [none, none, none]])
    found = page.blended(logits, scores, 0.5)
    np.testing.assert_allclose(found, [[3.0, 1.5, 2.5], [1.0, 2.0, 3.0]])


def test_places_of_sources_leave_some_to_the_tower() -> None:
    config = configs.CompositionConfig(10, (("co_watch", 0.3), ("popular", 0.2)))
    assert config.num_from_tower == 5
    with pytest.raises(
        ValueError, match="leave the candidate model at least one place of 4"
    ):
        configs.CompositionConfig(4, (("co_watch", 0.5), ("popular", 0.5)))

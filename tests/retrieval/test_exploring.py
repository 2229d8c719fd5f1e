"""Reserved places and sampling: oracles, propensities, and what a request decides."""

import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from ytdnn.retrieval import exploring


def pages(order: tf.Tensor) -> np.ndarray:
    return np.argsort(-order.numpy(), axis=1, kind="stable")


def test_young_uploads_stand_at_their_places_or_above() -> None:
    rng = np.random.default_rng(0)
    for every, _ in itertools.product((2, 3, 5), range(20)):
        order = rng.normal(size=(1, 30)).astype(np.float32)
        is_young = rng.random((1, 30)) < 0.2
        found = pages(exploring.reserved(tf.constant(order), is_young, every))[0]
        natural = pages(tf.constant(order))[0]
        # One after the other: the best of all, unless a young one's place has come.
        young = [video for video in natural if is_young[0, video]]
        others = [video for video in natural if not is_young[0, video]]
        expected: list[int] = []
        while young or others:
            num_others = sum(not is_young[0, video] for video in expected)
            num_young = len(expected) - num_others
            is_due = num_others >= (num_young + 1) * (every - 1)
            best = max(young[:1] + others[:1], key=lambda video: order[0, video])
            chosen = young[0] if young and (is_due or not others) else best
            expected.append(chosen)
            (young if is_young[0, chosen] else others).remove(chosen)
        assert found.tolist() == expected


def test_sampling_is_plackett_and_luces() -> None:
    """Of three videos, pairs come as often as their propensities say."""
    order = np.array([1.0, 0.0, -1.0], np.float32)
    number, temperature = 20_000, 0.7
    noise = np.random.default_rng(1).gumbel(size=(number, 3)).astype(np.float32)
    drawn, chances = exploring.sampled(
        tf.constant(np.tile(order, (number, 1))), tf.constant(noise), temperature, 3
    )
    found = pages(drawn)
    weights = np.exp(order / temperature)
    counts = collections.Counter(map(tuple, found[:, :2].tolist()))
    for first, second in itertools.permutations(range(3), 2):
        chance = weights[first] / weights.sum()
        rest = weights[second] / (weights.sum() - weights[first])
        assert counts[first, second] / number == pytest.approx(chance * rest, abs=0.012)
        row = next(r for r in range(number) if tuple(found[r, :2]) == (first, second))
        assert chances.numpy()[row, first] == pytest.approx(chance, rel=1e-4)
        assert chances.numpy()[row, second] == pytest.approx(rest, rel=1e-4)


def test_only_the_best_are_sampled_and_gaps_stay_gaps() -> None:
    order = tf.constant([[5.0, 4.0, 3.0, 2.0, 1.0, float("-inf")]])
    rng = np.random.default_rng(2)
    for _ in range(20):
        noise = tf.constant(rng.gumbel(size=(1, 6)).astype(np.float32))
        drawn, chances = exploring.sampled(order, noise, 10.0, 3)
        assert set(pages(drawn)[0, :3].tolist()) == {0, 1, 2}
        assert pages(drawn)[0, 3:].tolist() == [3, 4, 5]
        np.testing.assert_array_equal(chances.numpy()[0, 3:], 1.0)
        assert np.isinf(drawn.numpy()[0, 5])


def test_a_request_decides_its_noise_and_padding_does_not() -> None:
    times = tf.constant([7, 7, 8, 7], tf.int64)
    watched = tf.constant([[0, 3, 4], [3, 4, 0], [0, 3, 4], [0, 3, 5]])
    seeds = exploring.request_seeds(times, watched).numpy()
    assert seeds[0] == seeds[1]
    assert len(set(seeds.tolist())) == 3

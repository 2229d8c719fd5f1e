from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from tests.layers import contract
from ytdnn.layers import continuous


class TestQuantileFeature(contract.LayerContract):
    def make(self):
        return continuous.QuantileFeature([0.0, 1.0, 2.0, 4.0], name="feature")

    def inputs(self):
        return (tf.constant([0.5, -1.0, 3.0]),)


class TestRawFeature(contract.LayerContract):
    def make(self):
        return continuous.RawFeature()

    def inputs(self):
        return (tf.constant([[-1.0, 9.0, 1.5]]),)


def cdf(values: list[float], quantiles: list[float]) -> list[float]:
    result = continuous.quantile_cdf(tf.constant([values]), tf.constant([quantiles]))
    return result[0].numpy().tolist()


def test_cdf_is_linear_between_quantiles_and_below_one() -> None:
    # Four quantiles 0, 10, 20, 40: value 5 is half way through the first of four
    # parts, (0 + 1/2) / 4; 30 half way through the third, (2 + 1/2) / 4; from the
    # last on 3/4.
    values = [-7.0, 0.0, 5.0, 10.0, 30.0, 40.0, 1e9]
    expected = [0.0, 0.0, 0.125, 0.25, 0.625, 0.75, 0.75]
    assert cdf(values, [0.0, 10.0, 20.0, 40.0]) == pytest.approx(expected)
    assert cdf(values, [3.0]) == [0.0] * len(values)


def test_cdf_jumps_where_many_examples_share_a_value() -> None:
    # Two of four quantiles are 0, so 0 itself has passed the first: 1/4.
    assert cdf([-1.0, 0.0], [0.0, 0.0, 1.0, 2.0]) == [0.0, 0.25]


def test_a_shared_value_is_the_same_whatever_its_last_bits() -> None:
    for value in (1.7, -1.7):
        exact = np.float32(value)
        below, above = np.nextafter(exact, np.float32([-9.0, 9.0]))
        shares = cdf([below, exact, above], [-5.0, below, exact, exact, 4.0])
        assert shares == pytest.approx([0.6, 0.6, 0.6])


def test_cdf_of_the_data_itself_is_uniform() -> None:
    data = np.random.default_rng(0).lognormal(size=20_000).astype(np.float32)
    quantiles = np.quantile(data, np.linspace(0, 1, 101)).tolist()
    shares = np.histogram(cdf(data.tolist(), quantiles), bins=10, range=(0, 1))[0]
    # The last bin ends at 100/101 rather than 1.
    assert shares / len(data) == pytest.approx(np.full(10, 0.1), abs=0.012)


def test_feature_has_powers_and_missing_indicator() -> None:
    values, quantiles = tf.constant([[1.0, -1.0]]), [-5.0, 1.0, 2.0, 4.0]
    output = continuous.QuantileFeature(quantiles)(values)
    # CDF(1) = 1/4: x, x², √x = 1/4, 1/16, 1/2; a missing one is 0 and marked, though
    # it lies among the quantiles.
    expected = [[[0.25, 0.0625, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0]]]
    assert output.numpy().tolist() == expected
    output = continuous.QuantileFeature(quantiles, powers=False)(values)
    assert output.numpy().tolist() == [[[0.25, 0.0], [0.0, 1.0]]]


def test_only_what_stands_for_missing_is_missing() -> None:
    values = tf.constant([-9.0, -8.9, -1.0, 0.0])
    is_missing = continuous.QuantileFeature([-8.9, 1.0], missing=-9.0)(values)[:, 3]
    assert is_missing.numpy().tolist() == [1.0, 0.0, 0.0, 0.0]
    is_missing = continuous.QuantileFeature([0.0, 1.0])(values)[:, 3]
    assert is_missing.numpy().tolist() == [1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("missing", [-1.0, -9.0])
def test_feature_round_trips_through_its_config(missing: float) -> None:
    layer = continuous.QuantileFeature([0.0, 1.5, 3.0], missing, num_pieces=3)
    copy = continuous.QuantileFeature.from_config(layer.get_config())
    values = tf.constant([-9.0, -1.0, 0.2, 2.0])
    assert np.array_equal(layer(values), copy(values))


@pytest.mark.parametrize("quantiles", [[], [2.0, 1.0]])
def test_feature_refuses_what_are_no_quantiles(quantiles: list[float]) -> None:
    with pytest.raises(ValueError, match="expected ascending quantiles"):
        continuous.QuantileFeature(quantiles)


def test_pieces_fill_one_after_another() -> None:
    layer = continuous.QuantileFeature(
        [0.0, 1.0, 2.0, 4.0, 8.0], powers=False, num_pieces=2
    )
    # CDF(1.5) = 0.3 and CDF(6) = 0.7: the first piece ends at 0.5, the second at 1.
    # The column before the last is the value on its own scale.
    output = np.delete(layer(tf.constant([1.5, 6.0, -1.0])).numpy(), -2, axis=1)
    expected = [[0.3, 0.6, 0.0, 0.0], [0.7, 1.0, 0.4, 0.0], [0.0, 0.0, 0.0, 1.0]]
    np.testing.assert_allclose(output, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("quantiles", "scale"),
    [
        ([0.1, 0.2, 0.5], lambda x: np.log(x / (1.0 - x))),  # a rate
        ([0.0, 0.5, 40.0], np.log1p),  # seconds, or a count
        ([-0.5, 0.1, 0.5], lambda x: x),  # a product
    ],
)
def test_a_value_on_its_own_scale_keeps_its_tail(
    quantiles: list[float], scale: Callable[[np.ndarray], np.ndarray]
) -> None:
    layer = continuous.QuantileFeature(quantiles, missing=-9.0, num_pieces=2)
    values = np.array([0.2, 0.5, 0.6], np.float32)
    of_data = scale(np.array(quantiles))
    expected = (scale(values) - of_data.mean()) / of_data.std()
    np.testing.assert_allclose(layer(values)[:, -2], expected, rtol=1e-5)
    assert layer(tf.constant([-9.0]))[0, -2] == 0.0


def test_a_value_on_its_own_scale_is_bounded() -> None:
    values = tf.constant([[0.0, 1.0, 1e30], [0.0, 3.0, 1e30], [0.0, 3.0, 1e30]])
    quantiles = tf.constant([[0.3, 0.4], [3.0, 3.0], [-1.0, 1.0]])
    found = continuous.on_own_scale(values, quantiles).numpy().tolist()
    assert found == [[-4.0, 4.0, 4.0], [0.0, 0.0, 0.0], [0.0, 3.0, 4.0]]


def test_a_raw_value_is_not_normalised() -> None:
    raw = continuous.RawFeature()(tf.constant([7.5, -1.0]))
    assert raw.numpy().tolist() == [[7.5, 0.0], [0.0, 1.0]]


def test_several_features_together_are_as_each_alone() -> None:
    rng = np.random.default_rng(0)
    layers = [
        continuous.QuantileFeature(
            np.sort(rng.normal(size=20)), missing=missing, num_pieces=2
        )
        for missing in (-1.0, -3.0, 0.0)
    ]
    values = [tf.constant(rng.normal(size=[4, 5]), tf.float32) for _ in layers]
    found = continuous.apply_all(layers, values)
    for layer, value, vectors in zip(layers, values, found, strict=True):
        np.testing.assert_array_equal(vectors, layer(value))


class TestPresence(contract.LayerContract):
    def make(self):
        return continuous.Presence(name="age")

    def inputs(self):
        return (tf.constant([[0.5, -1.0], [0.0, 1.0]]),)


class TestAlwaysKnown(contract.LayerContract):
    def make(self):
        return continuous.AlwaysKnown(name="example_age")

    def inputs(self):
        return (tf.constant([[0.5, 0.0], [0.25, 1.0]]),)


def test_a_number_stands_beside_whether_it_is_known():
    found = continuous.Presence()(tf.constant([[0.25, 0.0], [-1.0, 1.0]]))
    # 0 that is known and a number that is not differ in the second coordinate.
    assert found.numpy().tolist() == [[[0.25, 1], [0, 1]], [[0, 0], [1, 1]]]


def test_a_number_that_is_always_known_is_one_coordinate():
    found = continuous.AlwaysKnown()(tf.constant([[0.25, 0.0]]))
    assert found.numpy().tolist() == [[[0.25], [0.0]]]

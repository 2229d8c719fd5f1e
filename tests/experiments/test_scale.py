"""The cost model: the page says what it computes, and it follows the sizes."""

import pathlib

import pytest

from experiments import scale


def test_the_page_has_the_tables(repository: pathlib.Path) -> None:
    page = (repository / "docs" / "scale.md").read_text()
    assert scale.predictions(scale.SIZES) in page
    assert scale.rooflines(scale.DEVICES) in page


def test_a_roofline_is_the_slower_of_products_and_bytes() -> None:
    shape = scale.Shape(dim=2, tower=(3,), inputs=4, history=2, batch=5, negatives=7)
    products = shape.products * 5
    # Scores four times; rows and weights once, and with accumulators both ways.
    assert shape.moved == 4 * (4 * 5 * 12 + 5 * (5 * 2 * 2 + 2 * 12 + 18))
    for fast, slow in ((1e6, 1.0), (1.0, 1e6)):
        device = scale.Device("d", products * fast, "", shape.moved * slow, 1e9)
        assert device.seconds(shape) == pytest.approx((1 / fast, 1 / slow))


def test_the_log_costs_by_its_watches_and_the_tables_by_their_videos() -> None:
    small, long, wide = (
        scale.cost(*size) for size in ((1e8, 1e6), (1e9, 1e6), (1e8, 1e7))
    )
    for name in ("log", "prepared", "prepare", "shuffle", "epoch"):
        assert getattr(long, name) == pytest.approx(10 * getattr(small, name))
        assert getattr(wide, name) == getattr(small, name)
    for name in ("tables", "index"):
        assert getattr(wide, name) == pytest.approx(10 * getattr(small, name))
        assert getattr(long, name) == getattr(small, name)
    # What a step sends depends on its batch alone.
    assert wide.replicated == small.replicated == long.replicated
    assert long.training == small.training


def test_products_are_those_of_the_layers() -> None:
    """Forward, and twice as many backward."""
    shape = scale.Shape(dim=2, tower=(3,), inputs=4, batch=5, negatives=7)
    assert shape.tower_weights == 4 * 3 + 3 * 2
    assert shape.products == 3 * 2 * (18 + 2 * 12)

import pytest

from experiments import portfolio

VALUES = {
    "order": {"wide": 1.0, "narrow": 0.5, "random": 0.2},
    "tastes": {"wide": 0.5, "narrow": 1.0, "random": 0.4},
    "noise": {"wide": 0.1, "narrow": 0.2, "random": 0.25},
}


def test_members_enter_by_what_they_add():
    # narrow reaches .5 + 1 + .8 of the best, wide 1 + .5 + .4; then wide adds most.
    assert portfolio.greedy(VALUES) == ["narrow", "wide", "random"]


def test_a_log_has_no_word_in_what_it_is_left_out_of():
    found = portfolio.left_out(VALUES, "noise")
    assert [name for name, _ in found] == ["wide", "narrow", "random"]
    assert [value for _, value in found] == pytest.approx([0.4, 0.8, 1.0])

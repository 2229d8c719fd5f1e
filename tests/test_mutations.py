"""Every mutation still changes one line, of a room whose tests are there."""

import pytest

from tests import mutations


@pytest.mark.parametrize("mutation", mutations.MUTATIONS, ids=lambda m: m.path)
def test_a_mutation_changes_one_place(mutation: mutations.Mutation) -> None:
    text = (mutations.ROOT / "ytdnn" / mutation.path).read_text()
    assert text.count(mutation.before) == 1
    assert mutation.after not in (mutation.before, text)
    for place in mutation.tests.split():
        assert (mutations.ROOT / "tests" / place).exists()


def test_there_are_twenty() -> None:
    assert len(mutations.MUTATIONS) == 20

"""Random values of random settings: a config, or one line."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ytdnn import configs
from ytdnn.base import errors
from ytdnn.run.cli import given_settings
from ytdnn.run.cli import settings_catalogue as catalogue

_KEYS = st.sampled_from(list(catalogue.catalogue()))
_TEXTS = st.one_of(
    st.sampled_from(["", "0", "-1", "1", "0.5", "nan", "inf", "1e400", "true", "None"]),
    st.sampled_from(["1,2", "(1,", "[]", "{}", "'a", "9" * 5_000, "1e3", "\0", "a=b"]),
    st.text(),
)


def _try(given_: dict[str, str]) -> None:
    found = None
    with contextlib.suppress(errors.UserError):  # its message is one line always
        found = given_settings.apply(configs.Config(), given_)
    if found is not None:
        assert configs.from_dict(configs.to_dict(found)) == found


@settings(max_examples=150)
@given(st.dictionaries(_KEYS, _TEXTS, min_size=1, max_size=3))
def test_random_settings_are_taken_or_refused_in_a_line(texts: dict[str, str]) -> None:
    _try(texts)


@pytest.mark.slow
@settings(max_examples=20_000)
@given(st.dictionaries(_KEYS, _TEXTS, min_size=1, max_size=3))
def test_many_random_settings(texts: dict[str, str]) -> None:
    _try(texts)

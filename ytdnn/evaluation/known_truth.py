"""The truth about a log, for sources that have one, such as a synthetic world.

A source of logs registers its truth under its name (`registries.HOOKS`).
"""

from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

from ytdnn.base import configs, registries
from ytdnn.evaluation import lists, user_cases, user_means
from ytdnn.log import prepared

if TYPE_CHECKING:
    from ytdnn.evaluation import measure


class Pages(Protocol):
    """The interface of the true value of slates, as in `true_page.TruePages`."""

    def per_user(
        self, cases: user_cases.Cases, listed: lists.Lists, ks: tuple[int, ...]
    ) -> user_means.PerUser:
        """Returns the value of each user's first k places, by `METRIC@k`."""
        ...

    def worth(
        self, cases: user_cases.Cases, listed: lists.Lists, discounts: npt.NDArray[Any]
    ) -> Any:
        """Returns expected `clicks` and `seconds` of each place of lists."""
        ...

    def reordered(self, first: lists.Maker, num_candidates: int) -> lists.Maker:
        """Returns the maker of candidates in the order of their true watch seconds."""
        ...


class LogTruth(Protocol):
    """The truth about a log, in addition to its events."""

    def systems(self, config: configs.EvaluationConfig) -> "measure.Systems":
        """Returns the best possible systems, to be measured with the others."""
        ...

    def pages(self) -> Pages | None:
        """Returns the true value of slates; None if it is unknown."""
        ...


def from_data(data: prepared.PreparedData) -> LogTruth | None:
    """Returns the truth about a log; None if its source has none."""
    source = data.manifest.facts.get("source", "")
    part = registries.HOOKS.get(f"truth of {source}")
    return None if part is None else part.make(data)


def pages_of(data: prepared.PreparedData) -> Pages | None:
    """Returns the true value of slates; None if it is unknown."""
    truth = from_data(data)
    return None if truth is None else truth.pages()

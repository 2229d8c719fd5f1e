"""The truth about a log, where its source knows it, as that of a synthetic world.

A source of logs registers its truth under its name (`registries.TRUTHS`); of others
there is none.
"""

from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

from ytdnn import registries
from ytdnn.evaluation import lists, protocol, summary
from ytdnn.log import prepared
from ytdnn.run import configs

if TYPE_CHECKING:
    from ytdnn.evaluation import measure


class Pages(Protocol):
    """The true value of pages, as `true_page.TruePages` has it."""

    def per_user(
        self, cases: protocol.Cases, found: lists.Lists, ks: tuple[int, ...]
    ) -> summary.PerUser:
        """Returns the value of each user's first k places, by `METRIC@k`."""
        ...

    def worth(
        self, cases: protocol.Cases, found: lists.Lists, discounts: npt.NDArray[Any]
    ) -> Any:
        """Returns expected `clicks` and `seconds` of each place of lists."""
        ...

    def reordered(self, first: lists.Maker, num_candidates: int) -> lists.Maker:
        """Returns the maker of candidates in the order of their true watch seconds."""
        ...

    def best(self, cases: protocol.Cases, k: int) -> lists.Lists:
        """Returns the best pages that the catalogue allows."""
        ...


class LogTruth(Protocol):
    """The knowledge that a source has of a log, apart from its events."""

    def systems(self, config: configs.EvaluationConfig) -> "measure.Systems":
        """Returns the best possible systems, to be measured beside others."""
        ...

    def pages(self) -> Pages | None:
        """Returns the true value of pages, None where it is not known."""
        ...


def is_known(data: prepared.PreparedData) -> bool:
    """Whether the source of a log knows its truth."""
    return data.manifest.facts.get("source", "") in registries.TRUTHS


def from_data(data: prepared.PreparedData) -> LogTruth | None:
    """Returns the truth about a log, None where its source knows none."""
    part = registries.TRUTHS.get(str(data.manifest.facts.get("source", "")))
    found: LogTruth | None = None if part is None else part.make(data)
    return found


def pages_of(data: prepared.PreparedData) -> Pages | None:
    """Returns the true value of pages, None where it is not known."""
    found = from_data(data)
    return None if found is None else found.pages()

"""Settings of nearest-neighbour search (PAPER §3, serving)."""

from typing import Annotated, Literal

from ytdnn.base import registries
from ytdnn.base.configs import components

IndexKind = Literal["exact", "scann", "ivf"]


@components.validated
class ExactConfig:
    """Exact search: every video is scored."""

    kind: Literal["exact"] = "exact"


@components.validated
class ScannConfig:
    """ScaNN, where it is installed: a tree of quantised points.

    The defaults follow the corpus size; `ytdnn index tune` finds settings for the
    vectors of a run.

    Attributes:
      min_videos: Below this corpus size ScaNN builds no tree and scores every point.
      num_leaves: Number of leaves of the tree; 0 = from the corpus size. At the same
        share of points scored, more and smaller leaves have a higher recall, until
        scoring the leaves' centres costs as much.
      leaves_to_search_fraction: Smallest share of the leaves that is searched; 0 =
        from the corpus size.
      dimensions_per_block: Number of coordinates that share one code of a point; 0 = no
        codes, the points of the searched leaves are scored exactly.
      reorder_factor: Number of points rescored exactly, as a multiple of k.
    """

    min_videos: components.NonNegative = 2_000
    num_leaves: components.NonNegative = 0
    leaves_to_search_fraction: components.Share = 0.0
    dimensions_per_block: components.NonNegative = 2
    reorder_factor: components.Positive = 4
    kind: Literal["scann"] = "scann"


@components.validated
class IvfConfig:
    """Inverted lists with 8-bit codes, in stock operations.

    The defaults follow the corpus size; `ytdnn index tune --kind=ivf` finds settings
    for the vectors of a run.

    Attributes:
      min_videos: Below this corpus size every video is scored exactly, which up to the
        default is as fast.
      num_lists: Number of lists; 0 = from the corpus size.
      lists_to_search_fraction: Smallest share of the lists that a query reads; 0 =
        from the corpus size.
      reorder_factor: Least number of videos scored exactly, as a multiple of k.
    """

    min_videos: components.NonNegative = 25_000
    num_lists: components.NonNegative = 0
    lists_to_search_fraction: components.Share = 0.0
    reorder_factor: components.Positive = 1
    kind: Literal["ivf"] = "ivf"


@components.validated
class IndexConfig:
    """Nearest-neighbour search over the video vectors (PAPER §3, serving).

    Attributes:
      search: Settings of the served index; `ivf` replaces `scann` if ScaNN is not
        installed. The exact index is always built, as the reference and for servers
        without ScaNN.
      also: Further kinds of index to build and export, with their default settings.
    """

    search: Annotated[
        ExactConfig | ScannConfig | IvfConfig | components.Extension,
        components.OneOf(registries.INDEXES),
    ] = ScannConfig()
    also: Annotated[tuple[str, ...], components.names_of(registries.INDEXES)] = ()

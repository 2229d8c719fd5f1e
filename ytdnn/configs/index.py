"""Settings of nearest-neighbour search (PAPER §3, serving)."""

from typing import Annotated, Literal

import pydantic

from ytdnn.configs import components


@components.validated
class Exact:
    """Exact search: every video is scored."""

    kind: Literal["exact"] = "exact"


@components.validated
class Scann:
    """ScaNN beside exact search, where it is installed.

    Attributes:
      min_videos: Below this corpus size ScaNN builds no tree and scores every point.
      num_leaves: Leaves of its tree; 0 = eight times the root of the corpus size. At
        the same share of points scored, more and smaller leaves have a higher recall,
        until scoring the leaves' centres costs as much.
      leaves_to_search_fraction: Smallest share of the leaves that is searched.
      leaf_avq: Eta of the anisotropic quantisation of leaf centres: above 1, errors
        along a vector weigh more than across it, as inner products need.
      dimensions_per_block: Coordinates that share one code of a point.
      anisotropic_threshold: Threshold for the anisotropic quantisation of points.
      reorder_factor: Points rescored exactly, as a multiple of k.
    """

    min_videos: components.NonNegative = 2_000
    num_leaves: components.NonNegative = 0
    leaves_to_search_fraction: Annotated[float, pydantic.Field(gt=0.0, le=1.0)] = 0.45
    leaf_avq: Annotated[float, pydantic.Field(ge=1.0)] = 8.0
    dimensions_per_block: components.Positive = 2
    anisotropic_threshold: Annotated[float, pydantic.Field(gt=0.0, lt=1.0)] = 0.2
    reorder_factor: components.Positive = 4
    kind: Literal["scann"] = "scann"


@components.validated
class Index:
    """Nearest-neighbour search over the video vectors (PAPER §3, serving).

    Attributes:
      search: How the index is searched. The exact index is always built, as the
        reference and for servers without ScaNN.
    """

    search: Annotated[Exact | Scann, components.BY_KIND] = Scann()

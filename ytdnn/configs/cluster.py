"""Settings of training in several processes."""

from ytdnn.configs import components


@components.validated
class ClusterConfig:
    """How several processes train together (docs/scale.md).

    Attributes:
      start_seconds: How long processes wait for one another to start.
      lost_seconds: How long one that does not answer is waited for.
      shard_megabytes: Tables are cut into shards of at least so much, one on each
        parameter server at most. Keep it above the size of a tower's kernels.
    """

    start_seconds: components.Positive = 300
    lost_seconds: components.Positive = 60
    shard_megabytes: components.PositiveFloat = 64.0

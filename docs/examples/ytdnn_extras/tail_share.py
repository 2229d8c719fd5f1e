"""Share of rarely watched videos in a list."""

from ytdnn import registries


@registries.METRICS.register(
    "tail_share",
    title="share of the tail",
    text="share of the first k that had fewer than ten training watches.",
    is_graded=False,
)
def tail_share(lists, k):
    """Returns `[num_users]` shares."""
    return lists.mean(lists.train_counts < 10, k)

"""Brier score of the predicted clicks."""

from ytdnn import registries


@registries.IMPRESSION_METRICS.register(
    "brier",
    title="Brier score",
    text="mean squared error of the click probability.",
    less_is_better=True,
)
def brier(impressions, predicted):
    """Returns numerators and denominators, `[num_users]` each."""
    if predicted.click_probability is None:
        return None
    errors = (predicted.click_probability - impressions.clicked) ** 2
    return impressions.by_user(errors), impressions.by_user(1.0)

"""Gaps of quality between groups of users, and between groups of channels.

A mean over all users hides groups that a model serves badly (Ekstrand et al., FAT*
2018). Each slice of the report is a set of groups: of users, by activity or country; of
channels, by the watches of their videos. The gap of a metric is the largest value of a
group minus the smallest.
"""

from collections.abc import Mapping, Sequence

from ytdnn.evaluation import report_model

LEAST_USERS = 30  # of a group: values of smaller ones are mostly noise


def of_slices(
    slices: Mapping[str, Sequence[report_model.SliceRow]],
) -> dict[str, dict[str, dict[str, report_model.QualityGap]]]:
    """Returns the gaps by SLICE, MODEL and METRIC@k.

    Args:
      slices: Rows of each slice; groups of fewer than `LEAST_USERS` users are left out,
        and so are slices with a single remaining group.
    """
    found = {}
    for name, rows in slices.items():
        groups = [row for row in rows if row.users >= LEAST_USERS]
        if len(groups) > 1:
            models = groups[0].lists
            found[name] = {
                model: {metric: _gap(groups, model, metric) for metric in metrics}
                for model, metrics in models.items()
            }
    return found


def _gap(
    groups: Sequence[report_model.SliceRow], model: str, metric: str
) -> report_model.QualityGap:
    values = {row.value: row.lists[model][metric][0] or 0.0 for row in groups}
    best = max(values, key=values.__getitem__)
    worst = min(values, key=values.__getitem__)
    return report_model.QualityGap(
        best=best, worst=worst, difference=values[best] - values[worst]
    )

"""Impressions before the ranker's own window, which train it where it has few."""

import dataclasses

import numpy as np

from ytdnn.log import events, prepared


def with_earlier_impressions(
    data: prepared.PreparedData, least: int
) -> prepared.PreparedData:
    """Returns a set with a minimum number of training impressions of the ranker.

    The ranker's window is short, to leave most of the log to the candidates (DESIGN
    §7). Impressions before it train the ranker too, without scores of the first stage:
    the candidate model was trained on the clicks there, so its scores would leak them.
    The latest impressions before its window are added until there are enough. A set
    with enough, or without a window of the ranker's own, is returned unchanged.

    Args:
      data: The prepared set, with impressions.
      least: Minimum number of training impressions of the ranker.
    """
    if not data.windows.has_own_window:
        return data
    num_own, times = 0, []
    for shard in data.log.shards:
        shown = shard.read().impressions
        if shown is None:
            return data
        splits = np.asarray(shown.splits)
        num_own += int((splits == events.Split.TRAIN).sum())
        if num_own >= least:
            return data
        times.append(np.asarray(shown.times)[splits == events.Split.CONTEXT])
    before = np.concatenate(times)
    missing = min(least - num_own, len(before))
    if missing == 0:
        return data
    since = int(np.partition(before, len(before) - missing)[len(before) - missing])
    return data.with_log(data.log.changed(lambda shard: _with_earlier(shard, since)))


def _with_earlier(shard: events.Shard, since: int) -> events.Shard:
    """Returns a shard with impressions from a second on as the ranker's training."""
    shown = shard.impressions
    if shown is None:
        return shard
    splits = np.asarray(shown.splits)
    is_added = (splits == events.Split.CONTEXT) & (np.asarray(shown.times) >= since)
    codes = np.where(is_added, events.Split.EARLIER, splits).astype(splits.dtype)
    return dataclasses.replace(shard, impressions=shown.replace(splits=codes))

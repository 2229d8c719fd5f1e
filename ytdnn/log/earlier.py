"""Impressions before the ranker's own window, used to train it (DESIGN §7).

The ranker's window is short, so that the candidates have most of the log. Impressions
before it train the ranker too, without scores of the first stage: the candidate model
has seen the clicks there, so its scores would leak them (`Split.EARLIER`).
"""

import dataclasses

import numpy as np

from ytdnn.log import events, prepared, user_shards


def added(data: prepared.PreparedData, least: int) -> prepared.PreparedData:
    """Returns a set with at least so many training impressions of the ranker.

    The latest impressions before its window are added, as many as are missing or there
    are. The set stays as it is where it has enough, and where the protocol has no
    window of the ranker's own.

    Args:
      data: The prepared set, with impressions.
      least: Training impressions of the ranker.
    """
    if not data.has_own_window:
        return data
    num_own, times = 0, []
    for shard in data.shards:
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
    return data.changed(lambda shard: _with_earlier(shard, since))


def _with_earlier(shard: user_shards.Shard, since: int) -> user_shards.Shard:
    """Returns a shard whose impressions from a second on train the ranker."""
    shown = shard.impressions
    if shown is None:
        return shard
    splits = np.asarray(shown.splits)
    is_added = (splits == events.Split.CONTEXT) & (np.asarray(shown.times) >= since)
    found = np.where(is_added, events.Split.EARLIER, splits).astype(splits.dtype)
    return dataclasses.replace(shard, impressions=shown.replace(splits=found))

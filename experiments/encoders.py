r"""Which encoder of the watch history predicts the next film best, and at what price?

Claim: bags of the history at several time scales (PAPER §3.2 and beyond) are level with
attention over it on logs this small, and the two beside each other are better than
either; with the time of the request, HSTU is ahead of both.

    ytdnn study --config=experiments/encoders.py --workdir=runs/encoders_100k \
        --stage=candidates --seeds=0 --config.data.dir=ml-100k.zip
    ytdnn study --config=experiments/encoders.py:ml-latest-small \
        --workdir=runs/encoders_small --stage=candidates --seeds=0 \
        --config.data.dir=ml-latest-small.zip
    ytdnn study --config=experiments/encoders.py:ml-1m --workdir=runs/encoders_1m \
        --stage=candidates --seeds=0 --config.data.dir=ml-1m.zip

`--config.data.dir` names the upstream zip, its unpacked directory, or the same tables
as Parquet; without it the zip is downloaded.

Protocol: leave-one-out. Each user's last film is the test, the one before it
validation; all films of the 5-core are ranked, watched ones removed. Order within a
user is time, ties in file order; of MovieLens-1M the column `seq` where the tables have
it. The request's time is not seen but by `hstu_request_time`, which is marked. The
epoch is chosen on validation, which is not trained on; the test is measured once.

RESULTS
"""

import dataclasses
from typing import Any

from experiments import movielens_1m, movielens_100k
from ytdnn import configs

SMALL, MIDDLE, LARGE = "ml-100k", "ml-latest-small", "ml-1m"


def get_config(edition: str = SMALL) -> configs.Config:
    """Returns the bags of the edition's own experiment, one network."""
    config = movielens_100k.get_config()
    if edition == LARGE:
        config = movielens_1m.get_config()
    candidates = dataclasses.replace(
        config.candidates, ensemble_size=1, train_on_validation=False
    )
    data = dataclasses.replace(config.data, name=edition)
    return dataclasses.replace(config, data=data, candidates=candidates)


def get_variants(edition: str = SMALL) -> dict[str, configs.Config]:
    """Returns the encoders, the bags first, and then with a skip connection too."""
    attention = configs.SelfAttention()
    beside = configs.SelfAttention(beside_bags=True)
    request_time = configs.Features(add=("request_time",))
    variants = {
        "bag": get_config(edition),
        "self_attention": _changed(edition, encoder=attention),
        "hstu": _changed(edition, encoder=configs.HSTU()),
        "bag+attention": _changed(edition, encoder=beside),
        "hstu_request_time": _changed(
            edition, encoder=configs.HSTU(), features=request_time
        ),
    }
    if edition != LARGE:  # whose bags have one
        variants["bag_with_skip_connection"] = _changed(edition)
    return variants


def _changed(edition: str, **settings: Any) -> configs.Config:
    """Returns the edition's network with a skip connection and another encoder."""
    config = get_config(edition)
    candidates = dataclasses.replace(config.candidates, skip_connection="gated")
    if edition != LARGE:
        training = dataclasses.replace(
            candidates.training,
            epochs=20,
            patience=20,
            learning_rate=1.5e-3,
            table_learning_rate=1.5e-3,
        )
        candidates = dataclasses.replace(candidates, training=training)
    if "encoder" in settings:
        length = 200 if edition == LARGE else 128
        settings["history_length"] = length
        settings["label"] = configs.NextWatch(slice_length=length // 2)
    candidates = dataclasses.replace(candidates, **settings)
    return dataclasses.replace(config, candidates=candidates)

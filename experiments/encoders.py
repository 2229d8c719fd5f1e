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
    if edition == LARGE:
        config = movielens_1m.get_config()
    else:
        config = movielens_100k.get_config()
    candidates = dataclasses.replace(
        config.candidates, ensemble_size=1, train_on_validation=False
    )
    data = dataclasses.replace(config.data, name=edition)
    return dataclasses.replace(config, data=data, candidates=candidates)


def get_variants(edition: str = SMALL) -> dict[str, configs.Config]:
    """Returns the encoders, the bags first."""
    return {
        "bag": get_config(edition),
        "self_attention": _encoded(edition, configs.SelfAttention()),
        "hstu": _encoded(edition, configs.HSTU()),
        "bag+attention": _encoded(edition, configs.SelfAttention(beside_bags=True)),
        "hstu_request_time": _encoded(
            edition,
            configs.HSTU(),
            features=configs.Features(add=("request_time",)),
        ),
    }


def _encoded(edition: str, encoder: configs.Encoder, **settings: Any) -> configs.Config:
    """Returns the edition's network under another encoder."""
    config = get_config(edition)
    length = 200 if edition == LARGE else 128
    candidates = dataclasses.replace(
        config.candidates,
        encoder=encoder,
        history_length=length,
        label=configs.NextWatch(slice_length=length // 2),
        **settings,
    )
    return dataclasses.replace(config, candidates=candidates)

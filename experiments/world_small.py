"""How far is each stage from the best possible, on a world whose truth is known?

Claim: on ten thousand users and a million watches of the synthetic world both stages
close part of the gap between popularity and an oracle that knows every user's true
interests (PAPER §3, §4).

    ytdnn run --config=experiments/world_small.py --workdir=runs/world-small

Protocol: temporal, as in quickstart.py. The oracle sees each user's interests at the
moment asked for, drift and short-lived focus included: an upper bound.

Measured 2026-11-28, seed 0, beside other work (16 minutes, 9.9 GB): 7,546 test users,
79,111 right answers, of which 27,920 are videos that first appeared after the training
window and 7,168 are not in the candidate set; 95 % intervals over users are ± 0.001 to
0.012:

| | popularity | ours | oracle | gap closed |
|---|---|---|---|---|
| candidates hit_rate@10 | 0.1150 | 0.4629 | 0.7931 | 51 % |
| candidates precision@10 | 0.0168 | 0.0790 | 0.2062 | 33 % |
| candidates recall@10 | 0.0151 | 0.1139 | 0.2894 | 36 % |
| candidates recall@100 | 0.0606 | 0.3378 | 0.6213 | 49 % |
| candidates nDCG@10 | 0.0222 | 0.1253 | 0.3365 | 33 % |
| ranking AUC | 0.6223 | 0.7355 | 0.8138 | 59 % |
| ranking grouped AUC | 0.6210 | 0.6971 | 0.8036 | 42 % |
| weighted per-user loss ↓ | 0.2597 | 0.1634 | 0.1090 | 64 % |
| weighted log loss ↓ | 0.1082 | 0.0954 | 0.0823 | 50 % |
| true watch seconds of the page of ten | 274 | 2,562 | 6,456 | 37 % |

The candidates' own page is worth 606 true seconds; the best order of the 300
candidates that the ranker is given 3,306, so it goes 72 % of that way, with 3.4
expected clicks where the candidates have 2.5. Predicted over observed watch seconds:
1.06, by decile 0.91 to 1.08. Of the test impressions 41 % are of videos without an id
embedding: their AUC is 0.724 and their per-user loss 0.178; of the others 0.742 and
0.159. The ranker's grouped AUC orders each user's list by what was known when it began;
by the moment of each impression it was 0.720 on 2026-11-26.

Three seeds of training, both stages, measured likewise; the best order of the seeds'
300 candidates is worth 3,306, 3,328 and 3,303 true seconds:

| seed | HR@10 | AUC | grouped AUC | per-user loss | weighted log loss | page, true s |
|---|---|---|---|---|---|---|
| 0 | 0.4629 | 0.7355 | 0.6971 | 0.1634 | 0.0954 | 2,562 |
| 1 | 0.4616 | 0.7361 | 0.6973 | 0.1635 | 0.0954 | 2,573 |
| 2 | 0.4649 | 0.7360 | 0.6978 | 0.1640 | 0.0953 | 2,556 |
| mean | 0.4631 | 0.7359 | 0.6974 | 0.1636 | 0.0954 | 2,563 |
"""

from ytdnn import configs


def get_config() -> configs.Config:
    """Returns the first candidate model and ranker on the small world."""
    return configs.Config(
        data=configs.DataConfig(world=configs.WORLDS["small"]),
        candidates=configs.CandidatesConfig(
            training=configs.TrainingConfig(epochs=10, patience=5)
        ),
        ranking=configs.RankingConfig(),
    )

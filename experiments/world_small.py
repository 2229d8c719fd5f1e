"""How far is each stage from the best possible, on a world whose truth is known?

Claim: on ten thousand users and a million watches of the synthetic world both stages
close part of the gap between popularity and an oracle that knows every user's true
interests (PAPER §3, §4).

    ytdnn run --config=experiments/world_small.py --workdir=runs/world-small

Protocol: temporal, as in quickstart.py. The oracle sees each user's interests at the
moment asked for, drift and short-lived focus included: an upper bound.

Measured 2026-11-25 on two cores of an Intel Xeon, seed 0: 7,546 test users, 79,111
right answers, of which 27,920 are videos that first appeared after the training window,
so cannot be retrieved; 95 % intervals over users are ± 0.001 to 0.011:

| | popularity | ours | oracle | gap closed |
|---|---|---|---|---|
| candidates hit_rate@10 | 0.1150 | 0.2756 | 0.6154 | 32 % |
| candidates precision@10 | 0.0168 | 0.0414 | 0.1414 | 20 % |
| candidates recall@10 | 0.0151 | 0.0566 | 0.1797 | 25 % |
| candidates recall@100 | 0.0606 | 0.1662 | 0.4048 | 31 % |
| candidates nDCG@10 | 0.0222 | 0.0708 | 0.2264 | 24 % |
| ranking AUC | 0.6223 | 0.7308 | 0.8138 | 57 % |
| ranking grouped AUC | 0.6210 | 0.7160 | 0.8036 | 52 % |
| weighted per-user loss ↓ | 0.2597 | 0.1652 | 0.1090 | 63 % |
| weighted log loss ↓ | 0.1082 | 0.0958 | 0.0823 | 48 % |
| true watch seconds of the page of ten | 274 | 2,337 | 6,456 | 33 % |

The candidates' own page is worth 523 true seconds; the best order of the 300
candidates that the ranker is given 3,039, so it goes 72 % of that way, with 3.1
expected clicks where the candidates have 2.2. With 100 candidates of the network alone
the page is worth 1,587 seconds at 3.0 clicks, where their best order has 1,952
(measured one setting of the table rate earlier).
Of the test impressions 41 % are of videos without an id embedding: their AUC is 0.718
and their per-user loss 0.181; of the others 0.737 and 0.161. Predicted over observed
watch seconds: 1.02, by decile 0.92 to 1.04.

Candidates trained in 12.6 minutes, the ranker in 6.5, beside other work; evaluating
takes 4.3. Epochs, dropout and table rate were chosen on the validation window; wider
towers, products of history and video, histories of what was not clicked, and the
candidate model's vectors as inputs had no better validation loss.
"""

from ytdnn import configs


def get_config() -> configs.Config:
    """Returns the first candidate model and ranker on the small world."""
    return configs.Config(
        data=configs.Data(world=configs.WORLDS["small"]),
        candidates=configs.Candidates(training=configs.Training(epochs=24, patience=5)),
    )

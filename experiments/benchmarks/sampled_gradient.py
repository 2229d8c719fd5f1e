"""Is the gradient of sampled softmax that of full softmax, and with which correction?

Claim (PAPER §3.1, importance weighting): corrected by expected counts, the gradient of
sampled softmax tends to that of full softmax as negatives grow.

    python -m experiments.benchmarks.sampled_gradient

10,000 videos, 256 users; the cosine of the mean gradient over 64 draws of negatives
with the gradient of full softmax, of the video table / of the user vectors.

Measured 2026-11-24 (Monte Carlo, so independent of the machine):

| case | treatment | 64 negatives | 512 | 4,096 |
|---|---|---|---|---|
| initial logits | corrected | .9912 / .9930 | .9979 / .9983 | .9999 / .9999 |
| | positive uncorrected | .9913 / .9930 | .9979 / .9983 | .9999 / .9999 |
| | uncorrected | .9885 / .9916 | .9891 / .9920 | .9890 / .9920 |
| trained logits | corrected | .8873 / .9376 | .9608 / .9753 | .9659 / .9752 |
| | positive uncorrected | .9178 / .9583 | .9879 / .9931 | .9996 / .9997 |
| | uncorrected | .7710 / .8997 | .8313 / .9233 | .8611 / .9191 |
| rare, initial | corrected | .7250 / .7308 | .8233 / .8292 | .9124 / .9150 |
| | positive uncorrected | .9981 / .9985 | .9988 / .9989 | .9991 / .9991 |
| | uncorrected | .9993 / .9997 | .9995 / .9997 | .9995 / .9998 |
| rare, trained | corrected | .8260 / .8409 | .9140 / .9275 | .9602 / .9709 |
| | positive uncorrected | .9567 / .9643 | .9644 / .9750 | .9733 / .9820 |
| | uncorrected | .9480 / .9644 | .9433 / .9675 | .9376 / .9644 |

Trained: logits of deviation 3. Rare: labels drawn uniformly, negatives by a proposal
over six decades. Correcting the negatives alone is best or within .002 of the best
everywhere, so it is the default (`correct_positive=False`). Correcting the positive
too is the likelihood *given the columns*, another loss where one video is expected
among them many times or hardly ever.
"""

import argparse
import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from experiments.benchmarks import given_users, measure
from ytdnn import configs
from ytdnn.candidates import losses
from ytdnn.candidates.losses import full, sampled
from ytdnn.layers import randomness

Floats = npt.NDArray[np.float64]
_PRECISION = "float32"
TREATMENTS = ("corrected", "positive uncorrected", "uncorrected")


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Sizes of the Monte Carlo.

    Attributes:
      videos: Of the small corpus.
      dim: Width of vectors.
      batch: Examples, each of a user of its own.
      draws: Draws of negatives a mean gradient is over.
      negatives: Numbers of negatives.
    """

    videos: int = 10_000
    dim: int = 32
    batch: int = 256
    draws: int = 64
    negatives: tuple[int, ...] = (64, 512, 1024, 4096)


TINY = Sizes(100, 4, 16, 2, (8, 64))


@dataclasses.dataclass(frozen=True)
class Case:
    """A state of the model, and how labels and negatives are drawn.

    Attributes:
      model: With its queries.
      labels: `[batch]` video indices.
      label_counts: `[num_videos]`, what the loss is told of labels and negatives.
      in_batch: Whether labels of other examples are negatives too.
    """

    model: given_users.GivenUsers
    labels: npt.NDArray[np.int32]
    label_counts: Floats
    in_batch: bool


class _Uncorrected(sampled.SampledSoftmax):
    """Sampled softmax that takes its columns for the whole corpus."""

    def expected_counts(self, columns: tf.Tensor, num_in_batch: tf.Tensor) -> tf.Tensor:
        """Returns ones, whose logarithm is no correction."""
        del num_in_batch
        return tf.ones_like(columns, tf.float32)


def initial(sizes: Sizes) -> Case:
    """A fresh model; labels and negatives by Zipf's law."""
    zipf = 1.0 / np.arange(1, sizes.videos + 1)
    zipf /= zipf.sum()
    rng = np.random.default_rng(0)
    model = given_users.GivenUsers(_queries(sizes), sizes.videos)
    labels = 1 + rng.choice(sizes.videos, sizes.batch, p=zipf)
    return Case(model, labels.astype(np.int32), zipf * 1e6, in_batch=True)


def trained(sizes: Sizes) -> Case:
    """Logits of deviation 3 beside Zipf's law, labels drawn by their softmax."""
    model = given_users.GivenUsers(_queries(sizes), sizes.videos)
    _scale_logits(model, 3.0)
    model.bias.assign(np.append(0.0, -np.log(np.arange(1, sizes.videos + 1))))
    probabilities = _probabilities(model)
    rng = np.random.default_rng(0)
    labels = [1 + rng.choice(sizes.videos, p=row) for row in probabilities]
    marginal = probabilities.mean(axis=0) * 1e6
    return Case(model, np.array(labels, np.int32), marginal, in_batch=True)


def rare_positives(sizes: Sizes, deviation: float) -> Case:
    """Labels drawn uniformly, negatives over six decades of probability."""
    model = given_users.GivenUsers(_queries(sizes), sizes.videos)
    _scale_logits(model, deviation)
    rng = np.random.default_rng(0)
    labels = 1 + rng.choice(sizes.videos, sizes.batch)
    counts = 10.0 ** np.linspace(6, 0, sizes.videos)
    return Case(model, labels.astype(np.int32), counts, in_batch=False)


def cosines(case: Case, sizes: Sizes, treatment: str, num_negatives: int) -> Floats:
    """Returns the cosine of the mean gradient over the draws with the full one's.

    Returns:
      `[2]`: of the gradient of the video table, and of the user vectors.
    """
    config = configs.SampledSoftmaxConfig(
        num_negatives=num_negatives,
        proposal_exponent=1.0,
        in_batch=case.in_batch,
        correct_positive=treatment == "corrected",
    )
    loss_class = _Uncorrected if treatment == "uncorrected" else sampled.SampledSoftmax
    of_case = case.model, case.label_counts, _PRECISION
    loss = loss_class(config, losses.Learner(*of_case))  # type: ignore[arg-type]
    gradient = _gradient_function(case, loss)
    means = [np.zeros(1), np.zeros(1)]
    for draw in range(sizes.draws):
        found = gradient(tf.constant([0, draw]))
        means = [mean + part.numpy() for mean, part in zip(means, found, strict=True)]
    reference = full.FullSoftmax(
        configs.FullSoftmaxConfig(),
        losses.Learner(case.model, np.ones(1), _PRECISION),  # type: ignore[arg-type]
    )
    whole = _gradient_function(case, reference)
    expected = [part.numpy() for part in whole(tf.constant([0, 0]))]
    return np.array([_cosine(a, b) for a, b in zip(means, expected, strict=True)])


def _gradient_function(case: Case, loss: losses.Loss) -> tf.function:
    batch = given_users.batch(tf.constant(case.labels))
    variables = [case.model.videos.table, case.model.queries]

    @tf.function
    def gradient(seed: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            total, _ = loss(batch, seed)
        return [tf.convert_to_tensor(g) for g in tape.gradient(total, variables)]

    return gradient


def _queries(sizes: Sizes) -> tf.Tensor:
    return tf.random.stateless_normal([sizes.batch, sizes.dim], [0, 1])


def _scale_logits(model: given_users.GivenUsers, deviation: float) -> None:
    logits = model.queries.numpy() @ model.videos.table.numpy()[1:].T
    model.videos.table.assign(model.videos.table * deviation / logits.std())


def _probabilities(model: given_users.GivenUsers) -> Floats:
    logits = model.queries.numpy() @ model.videos.table.numpy()[1:].T
    logits = (logits + model.bias.numpy()[1:]).astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _cosine(a: Floats, b: Floats) -> float:
    return float(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    sizes = TINY if parser.parse_args(arguments).tiny else Sizes()
    randomness.set_seed(0)
    cases = {
        "initial logits": initial(sizes),
        "trained logits": trained(sizes),
        "rare positives, initial": rare_positives(sizes, 0.3),
        "rare positives, trained": rare_positives(sizes, 3.0),
    }
    rows = []
    for name, case in cases.items():
        for treatment in TREATMENTS:
            pairs = [cosines(case, sizes, treatment, n) for n in sizes.negatives]
            cells = [f"{table:.4f} / {users:.4f}" for table, users in pairs]
            rows.append([name, treatment, *cells])
    print(measure.environment())
    header = ["case", "treatment", *(f"{n:,} negatives" for n in sizes.negatives)]
    print(f"\n{measure.table(header, rows)}")


if __name__ == "__main__":
    main()

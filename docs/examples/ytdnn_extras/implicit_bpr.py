"""Bayesian personalised ranking of the library `implicit`, as a candidate model."""

from typing import Literal

from implicit import bpr

from ytdnn import configs, registries


@configs.validated
class ImplicitBPRConfig(configs.Extension):
    """Settings of the factorisation.

    Attributes:
      factors: Width of the vectors.
      iterations: Passes over the watches.
    """

    factors: int = 64
    iterations: int = 100
    kind: Literal["implicit_bpr"] = "implicit_bpr"


@registries.CANDIDATE_MODELS.register("implicit_bpr", ImplicitBPRConfig)
class ImplicitBPR:
    """A model that knows users by their row and ignores the rest of a request."""

    def __init__(self, config):
        self.model = bpr.BayesianPersonalizedRanking(
            factors=config.factors, iterations=config.iterations, random_state=0
        )

    def fit(self, data):
        """Factorises the users × videos matrix of the training window."""
        self.model.fit(data.matrix, show_progress=False)

    def recommend(self, requests, k):
        """Returns rows of videos and their scores."""
        return self.model.recommend(
            requests.users, requests.matrix, N=k, filter_already_liked_items=False
        )

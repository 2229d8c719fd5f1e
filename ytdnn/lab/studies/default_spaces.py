"""The spaces that `ytdnn sweep` searches without a space of the user's."""

from ytdnn.base import configs

_FEW_VIDEOS = 20_000  # full softmax scores every video for every watch


def candidates(size: configs.LogSize) -> dict[str, configs.Options | configs.Range]:
    """Returns the space of the candidates for a log of some size."""
    few = size.videos <= _FEW_VIDEOS
    losses = ("full_softmax", "sampled_softmax") if few else ("sampled_softmax",)
    return {
        "candidates.decay_rates": configs.Options(
            ((), (0.5, 0.8, 0.93), (0.7, 0.9, 0.97))
        ),
        "candidates.history_length": configs.Options((20, 50, 100)),
        "candidates.content.enabled": configs.Options((False, True)),
        "candidates.similarity": configs.Options(("dot", "cosine", "user_cosine")),
        "candidates.temperature": configs.Range(
            0.03,
            0.3,
            log=True,
            when=(
                ("candidates.similarity", "cosine"),
                ("candidates.similarity", "user_cosine"),
            ),
        ),
        "candidates.embedding_dim": configs.Options((32, 64, 128, 256)),
        "candidates.initial_vectors": configs.Options(
            ("random", "co_watched", "factored")
        ),
        "candidates.skip_connection": configs.Options(("none", "linear", "gated")),
        "candidates.loss": configs.Options(losses),
        "candidates.loss.num_negatives": configs.Options(
            (256, 1024, 4096), when=(("candidates.loss", "sampled_softmax"),)
        ),
        "candidates.loss.label_smoothing": configs.Range(
            0.0, 0.3, when=(("candidates.loss", "full_softmax"),)
        ),
        "candidates.dropout": configs.Range(0.0, 0.5),
        "candidates.history_dropout": configs.Range(0.0, 0.5),
        "candidates.training.batch_size": configs.Options((256, 512, 1024, 2048)),
        "candidates.training.learning_rate": configs.Range(1e-4, 1e-2, log=True),
        "candidates.training.table_learning_rate": configs.Range(3e-4, 0.3, log=True),
    }


_RANKING: dict[str, configs.Options | configs.Range] = {
    "ranking.tower": configs.Options(("64", "256,128", "512,256", "1024,512,256")),
    "ranking.embedding_dim": configs.Options((8, 16, 32)),
    "ranking.dropout": configs.Range(0.0, 0.5),
    "ranking.training.batch_size": configs.Options((128, 256, 512, 1024)),
    "ranking.training.learning_rate": configs.Range(1e-4, 1e-2, log=True),
    "ranking.training.table_learning_rate": configs.Range(1e-5, 1e-2, log=True),
}
DEFAULT = {"candidates": candidates, "ranking": lambda size: _RANKING}

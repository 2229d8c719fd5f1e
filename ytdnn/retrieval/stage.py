"""The first stage of a run, frozen, as the ranker asks it in training and serving."""

import pathlib

from ytdnn import artifacts
from ytdnn.candidates import model as candidate_model
from ytdnn.data import fields, prepared
from ytdnn.retrieval import replay, scores

KIND = candidate_model.KIND  # of the artefact


class Stage:
    """A trained candidate model, to be asked for scores.

    Attributes:
      candidates: The model.
      manifest: Of its artefact; None of a model that has none.
    """

    def __init__(
        self,
        candidates: candidate_model.CandidateModel | candidate_model.Ensemble,
        manifest: artifacts.Manifest | None = None,
    ) -> None:
        """Takes a trained model."""
        self.candidates = candidates
        self.manifest = manifest
        self._opened: replay.Replay | None = None

    @property
    def sees_request_time(self) -> bool:
        """Whether the model reads the time of the request."""
        return bool(self.candidates.sees_request_time)

    def fields(self, data: prepared.PreparedData) -> fields.Fields:
        """Returns what it reads of a request."""
        return self.candidates.fields(data)

    def open_log(self, data: prepared.PreparedData) -> replay.Replay:
        """Returns what it says at positions of a log; that of the last log is kept."""
        if self._opened is None or self._opened.data is not data:
            self._opened = replay.Replay(self.candidates, data)
        return self._opened

    def open_request(self) -> scores.Scores:
        """Returns what gives its scores in an exported graph."""
        return scores.Scores(self.candidates.video_vectors())


def load(directory: pathlib.Path, data: prepared.PreparedData) -> Stage:
    """Loads the first stage of a run.

    Args:
      directory: The artefact `candidates`.
      data: The prepared set.

    Raises:
      errors.UserError: It is missing, damaged, or was made from another data set.
    """
    model = candidate_model.load(directory, data)
    return Stage(model, artifacts.read_manifest(directory, KIND))

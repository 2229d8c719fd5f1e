"""One answer without loading the model gives what the loaded model gives."""

import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from tests import untrained
from tests.bundle.test_filters import request
from ytdnn.bundle import single_signature_run


def test_one_answer_is_that_of_the_loaded_model(
    untrained_run: untrained.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = untrained_run.bundle
    where = [{"column": "language", "in": ["de", "ja"]}]
    asked = request(untrained_run, where=where, policy="short", max_per={"topic": 2})
    expected = loaded.answer([asked], exact=True)
    opened = single_signature_run.OneAnswerBundle(loaded.directory, loaded.manifest)
    known = set(context.context().list_function_names())
    with monkeypatch.context() as patch:
        patch.setattr(tf.saved_model, "load", None)
        found = opened.answer([asked], exact=True)
        again = opened.answer([request(untrained_run)])
    assert found == expected
    assert again == loaded.answer([request(untrained_run)])
    assert set(context.context().list_function_names()) <= known


def test_a_model_with_other_resources_is_loaded(
    untrained_run: untrained.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise single_signature_run.UnknownResourceError("user_object")

    monkeypatch.setattr(single_signature_run._Functions, "_read", refuse)
    asked = [request(untrained_run)]
    loaded = untrained_run.bundle
    opened = single_signature_run.OneAnswerBundle(loaded.directory, loaded.manifest)
    assert opened.answer(asked) == loaded.answer(asked)

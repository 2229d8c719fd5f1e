"""Conditionals of an exported model call one branch; the other costs nothing."""

import tensorflow as tf

from tests import untrained
from ytdnn.bundle import batches, saved_models


def test_a_branch_that_is_not_taken_is_not_in_the_graph(
    untrained_run: untrained.Run,
) -> None:
    bundle, name = untrained_run.bundle, "recommender_exact"
    asked = {"watched_video_ids": ["u1"], "k": 5}
    values = batches.inputs([asked], bundle.inputs(name))
    v1, told = tf.compat.v1, tf.compat.v1.RunMetadata()
    optimising = v1.ConfigProto()  # which tests turn off
    with v1.Session(graph=tf.Graph(), config=optimising) as session:
        loaded = v1.saved_model.load(session, ["serve"], str(bundle.path(name)))
        signature = loaded.signature_def[saved_models.SIGNATURE]
        session.run(
            [output.name for output in signature.outputs.values()],
            {signature.inputs[key].name: values[key] for key in values},
            options=v1.RunOptions(output_partition_graphs=True),
            run_metadata=told,
        )
    operations = {node.op for part in told.partition_graphs for node in part.node}
    assert operations & {"If", "StatelessIf"}
    assert not operations & {"Switch", "Merge"}


def test_a_graph_is_left_unoptimised_within_the_context_only() -> None:
    key, options = "disable_meta_optimizer", tf.config.optimizer
    before = options.get_experimental_options().get(key, False)
    try:
        for value in (False, True):
            options.set_experimental_options({key: value})
            with saved_models.unoptimised():
                assert options.get_experimental_options()[key]
            assert options.get_experimental_options()[key] is value
    finally:
        options.set_experimental_options({key: before})

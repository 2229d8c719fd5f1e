import numpy as np
import tensorflow as tf

from ytdnn.candidates.losses import drawn_negatives

SEED = tf.constant([3, 4])


def _labels():
    return drawn_negatives.BatchLabels(
        tf.constant(4),
        videos=tf.constant([3, 4, 3, 9]),
        weights=tf.constant([1.0, 1.0, 0.0, 1.0]),
        users=tf.constant([5, 5, 6, 7]),
    )


def test_labels_of_the_own_user_copies_and_padding_are_no_negatives():
    group = _labels().negatives()
    assert group.mask.numpy().tolist() == [
        [False, False, False, True],  # of user 5; the third is video 3 too
        [False, False, True, True],
        [False, True, False, True],
        [True, True, True, False],
    ]
    np.testing.assert_array_equal(
        group.log_counts, [0.0, 0.0, drawn_negatives.NEVER, 0.0]
    )


def test_number_of_others_by_hand():
    # Labels that count are of users 5, 5, 7: others of the four queries are 1, 1, 3, 2.
    assert float(_labels().num_others()) == 7 / 4


def test_a_drawn_video_counts_as_often_as_it_came_and_never_for_its_label():
    proposal = drawn_negatives.NegativeSampler(np.array([0.7, 0.2, 0.05, 0.05]))
    drawn = proposal.sample(64, SEED).numpy()
    group = drawn_negatives.drawn(proposal, 64, SEED, tf.constant([2, 9, 1, 0]))
    videos, counts = np.unique(drawn, return_counts=True)
    is_new = group.log_counts > drawn_negatives.NEVER
    np.testing.assert_array_equal(group.videos[is_new], videos)
    np.testing.assert_allclose(np.exp(group.log_counts[is_new]), counts, rtol=1e-5)
    place = {int(video): place for place, video in enumerate(videos)}
    assert group.left_out.numpy().tolist() == [place[2], -1, place[1], -1]


def test_no_draw_is_no_column():
    proposal = drawn_negatives.NegativeSampler(np.array([0.7, 0.3]))
    group = drawn_negatives.drawn(proposal, 0, SEED, tf.constant([1, 2]))
    assert group.videos.shape == (0,)
    assert group.left_out.numpy().tolist() == [-1, -1]

from mil_tf.training.segmentation_tables import shown


def test_the_figure_shows_what_gained_most_what_changed_as_most_did_and_what_lost_most():
    # Dice of 0.5 before, and from 0.1 to 0.9 after; the last slice has no blood.
    before = [(5, 5, 5)] * 9 + [(0, 3, 0)]
    after = [(dice, 10 - dice, 10 - dice) for dice in range(1, 10)] + [(0, 0, 0)]
    assert shown([before, after], each=2) == [8, 7, 5, 4, 1, 0]
    assert shown([before[:2] + before[9:], after[:2] + after[9:]], each=2) == [1, 0]
    assert shown([[], []]) == []

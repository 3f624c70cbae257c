"""Where in its slices a model with positions looked: maps of likelihood, and points."""

from typing import NamedTuple


class Point(NamedTuple):
    """A point of bleeding: its slice's place in the bag, its pixel there, the map's value, the slice's probability."""

    place: int
    row: int
    column: int
    value: float
    probability: float


def located(bag, maps, probability, positions):
    """What is drawn and told of a network's maps.

    Args:
        bag: a Bag of n slices.
        maps: as the network gives them, (n, h', w').
        probability: of the slices, (n,).
        positions: `ExportedModel.positions`.

    Returns:
        (float32 (n, h', w') from 0 to 1, see `mil_tf.localization.located.likelihood`; [Point] in the bag's order).
    """
    # Here and not above: slow to load, and of no use to a command that is refused.
    from mil_tf.localization.detector import Detector
    from mil_tf.localization.located import likelihood, points_of

    detector, points = Detector(**positions["detector"]), []
    for place, (one, chance) in enumerate(zip(maps, probability, strict=True)):
        found = points_of(one, bag.instances.shape[1:3], chance, detector, positions["only_positive"])
        points += [Point(place, *map(int, at), float(value), float(chance)) for at, value in zip(*found, strict=True)]
    return likelihood(maps, probability, positions["pooling"]), points

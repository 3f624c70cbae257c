"""What lies on what: vessels and follicles over lesions, those over healthy tissue, all within the section."""

import numpy as np

from .fields import edge

FOLLICLE = 0.85  # chance of a lymphocyte in a square of a follicle (our decision)


class Composition:
    """All architectures of one slide, and where each of them is.

    Args:
        base: the healthy tissue.
        small: artefacts.Small.
        lesions: [(layout.Region, architecture)], later ones over earlier ones.
    """

    def __init__(self, base, small, lesions):
        self.base, self.small, self.lesions = base, small, lesions

    def fields(self, place, section):
        """{part: its fields} at a Place, of the parts that are there; `section` is the signed distance in it."""
        fields = {"section": {"inside": section}, "base": self.base.fields(place), "small": self.small.fields(place)}
        for k, (region, growth) in enumerate(self.lesions):
            inside = region.inside(*place.lines)
            if inside.max() > -20:
                fields[k] = {"region": inside, **growth.fields(place)}
        return fields

    def mix(self, fields, width):
        """What each point is made of.

        Args:
            fields: of `fields`, on whatever grid.
            width: um a pixel.

        Returns:
            (shares of substances, chances of nuclei), each a dict of float32 (rows, columns).
        """
        shares, chances = {}, {}
        self._cover(shares, chances, fields, width)
        return shares, chances

    def _cover(self, shares, chances, fields, width):
        free = edge(fields["section"]["inside"], width)
        found = self.small.compartments(fields["small"], width)
        _add(shares, found, free)
        _add(chances, self.small.nuclei(fields["small"], found), free)
        free = free * (1 - self.small.covers(fields["small"], width))
        follicle = edge(fields["small"]["follicle"], 8)
        solid = 1 - self._hollow(fields, width, 10)
        _add(chances, {"lymphocyte": FOLLICLE * follicle}, free * solid)
        for k in sorted((k for k in fields if isinstance(k, int)), reverse=True):
            cover = free * edge(fields[k]["region"], width)
            self._lesion(k, shares, chances, fields, width, cover, follicle)
            free = free - cover
        found = self.base.compartments(fields["base"], width)
        _add(shares, found, free)
        _add(chances, self.base.nuclei(fields["base"], found), free * (1 - follicle))

    def _lesion(self, k, shares, chances, fields, width, cover, follicle):
        growth = self.lesions[k][1]
        hollow = cover * self._hollow(fields, width, growth.growth)
        found = growth.compartments(fields[k], width)
        _add(shares, found, cover - hollow)
        _add(shares, {"white": hollow}, 1)
        _add(chances, growth.nuclei(fields[k], found), (cover - hollow) * (1 - follicle))

    def _hollow(self, fields, width, growth):
        """Share of each pixel that stays empty where tissue has grown `growth` um from the walls."""
        inside = self.base.hollow(fields["base"])
        return np.float32(0) if inside is None else edge(inside - growth, width)


def _add(total, parts, share):
    for name, part in parts.items():
        total[name] = total.get(name, 0) + part * share

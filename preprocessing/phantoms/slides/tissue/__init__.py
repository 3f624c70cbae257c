"""Architectures of tissue. Each has the same four faces.

    Tissue(rng)                draws its proportions
    fields(place)              signed distances in um and numbers, smooth enough to be sampled every 2 um
    compartments(f, width)     share of each substance, of pixels `width` um wide, from the fields; together 1
    nuclei(f, c)               chance of a nucleus of each population, from the fields and the shares
    hollow(f)                  signed distance inside what is empty and stays so for a while under a growth; or None

What a slide is made of where nothing grows is its location.
"""

from .airy import Airy
from .bundles import Bundles
from .crypts import Crypts
from .fatty import Fatty
from .tubular import Tubular

LOCATIONS = {"tubular": Tubular, "airy": Airy, "fatty": Fatty, "crypts": Crypts, "bundles": Bundles}

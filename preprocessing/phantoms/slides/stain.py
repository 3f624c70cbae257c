"""Hematoxylin, eosin and the scanner: from stain densities to the colours of a file.

Colours are products of light let through: white times 10 to the minus density (Beer and Lambert).
"""

from dataclasses import dataclass

import numpy as np

# Absorption of hematoxylin and eosin in red, green and blue: a laboratory lies between these two measurements.
STAINS = (
    ((0.650, 0.704, 0.286), (0.072, 0.990, 0.105)),  # Ruifrok and Johnston 2001
    ((0.563, 0.720, 0.406), (0.216, 0.801, 0.558)),  # Macenko et al. 2009
)
# (hematoxylin, eosin) of each substance, and how coarse it looks; 1 is a dark nucleus (our decision).
SUBSTANCES = {
    "white": (0.0, 0.0, 0.0),
    "stroma": (0.05, 0.48, 0.0),
    "loose": (0.06, 0.28, 0.15),
    "muscle": (0.06, 0.62, 0.0),
    "cytoplasm": (0.12, 0.50, 0.25),
    "clear": (0.07, 0.22, 0.3),
    "mucin": (0.13, 0.05, 0.3),
    "atypical": (0.09, 0.42, 0.3),
    "necrosis": (0.13, 0.52, 0.4),
    "serum": (0.0, 0.12, 0.1),
}
FIBROUS = {"stroma": 0.3, "muscle": 0.2, "loose": 0.3}  # how much of it comes and goes with the fibres


@dataclass(eq=False)
class Stain:
    """One slide's laboratory and scanner; nothing in it knows of the label."""

    vectors: np.ndarray  # (2, 3) density a unit of hematoxylin, of eosin
    white: np.ndarray  # (3,)
    uneven: float
    offset: np.ndarray
    focus: float  # um, of the blur
    noise: float  # grey values


def draw_stain(rng, bias=(1.0, 1.0)):
    """Draws how strong, of what hue, how thick, how bright; `bias` (hematoxylin, eosin) is a location's habit."""
    share = rng.uniform(0.2, 0.9)
    vectors = (1 - share) * np.array(STAINS[0]) + share * np.array(STAINS[1]) + rng.normal(0, 0.035, (2, 3))
    strength = np.exp(rng.normal(0, 0.25, 2)) * np.exp(rng.normal(0, 0.15)) * bias
    vectors = np.clip(vectors, 0.02, None) * (strength * (1.15, 0.75))[:, None]
    white = np.clip(rng.uniform(224, 250) + rng.normal(0, 3, 3), 215, 252)
    return Stain(
        vectors.astype("f4"),
        white.astype("f4"),
        rng.uniform(0.02, 0.12),
        rng.uniform(0, 256, 2),
        rng.uniform(0.15, 0.55),
        rng.uniform(1.0, 3.0),
    )


def densities(compartments, grain, fibres):
    """(hematoxylin, eosin) (rows, columns) of substances alone, without nuclei."""
    planes = np.zeros((2, *grain.shape), "f4")
    for name, share in compartments.items():
        hematoxylin, eosin, coarse = SUBSTANCES[name]
        if not eosin + hematoxylin:
            continue
        share = share * (1 + np.float32(coarse) * grain)
        if name in FIBROUS:
            share *= 1 + np.float32(FIBROUS[name]) * fibres
        planes[0] += np.float32(hematoxylin) * share
        planes[1] += np.float32(eosin) * share
    return np.maximum(planes, 0, out=planes)


def colours(stain, planes, ink, rng, shape):
    """uint8 (rows, columns, 3) of two stain planes under ink (rows, columns, 3 densities); each may be None."""
    light = np.zeros((*shape, 3), "f4") if ink is None else ink
    if planes is not None:
        light += planes[0][..., None] * stain.vectors[0] + planes[1][..., None] * stain.vectors[1]
    light = np.exp(light * np.float32(-np.log(10)))
    light *= stain.white
    light += np.float32(stain.noise) * rng.standard_normal(light.shape, dtype=np.float32)
    return np.clip(np.rint(light), 0, 255).astype("u1")

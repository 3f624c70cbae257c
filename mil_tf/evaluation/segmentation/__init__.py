"""How well predicted masks meet true ones, before and after recursion: Table 1 and figures 2 to 8 of parida2021."""

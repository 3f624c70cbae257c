"""The score of maps against pixels in a terminal, and as a section of a page: the numbers of lerousseau2020's Table 1
and figure 2, and specificity, which is ours."""

from html import escape

from mil_tf.evaluation.page import cell, figure, row, table
from mil_tf.evaluation.pixels import MEASURES, Pixels

HEADING = "Where the tumour is: pixel by pixel"
NAMES = {"auc": "AUC", "precision": "precision", "recall": "recall", "specificity": "specificity"}
ROWS = {False: "without background", True: "with background"}
KINDS = {"tile": "the tile around it", "position": "its position alone"}
NOTE = ("All pixels of all slides together, a pixel with tumour against one without. Without background only pixels of "
        "tissue count; with it, pixels of no tissue score below all others and are never called tumour, nor are those "
        "of tissue for which the map has no answer. Of a cell of the slide that is partly tissue and partly tumour as "
        "many pixels as there can be are taken to be both. Intervals are by patient.")


def pixel_lines(pixels):
    """Lines of a terminal."""
    if not isinstance(pixels, Pixels):
        yield f"  pixels against truth: not scored, {pixels}"
        return
    yield f"  pixels against truth: {pixels.sample}"
    yield f"    {decision_told(pixels)}"
    yield f"    {'':34s} " + " ".join(f"{name:22s}" for name in NAMES.values()).rstrip()
    for part in pixels.parts:
        cells = " ".join(f"{part.estimates[name]!s:22s}" for name in MEASURES)
        yield f"    {told(part):34s} {cells}".rstrip()


def told(part):
    """The name of a Part."""
    return f"{part.location or 'all'}, {ROWS[part.background]}"


def decision_told(pixels):
    """What a pixel's probability is, and from where on it is called tumour."""
    return f"a pixel's probability is that of {KINDS[pixels.map]}; tumour from {pixels.threshold:.4g} on"


def pixel_part(pixels, maps=None):
    """Pieces of HTML of a page, with the figure of maps where there is its <svg>; of None, nothing."""
    if pixels is None:
        return []
    if not isinstance(pixels, Pixels):
        return [f"<h2>{HEADING}</h2>", f'<p class="soft">Not scored: {escape(pixels)}</p>']
    rows = []
    for background, words in ROWS.items():
        rows.append(f'<tr class="part"><th colspan="{len(NAMES) + 1}">{words}</th></tr>')
        rows += [row(f"{part.location or 'all'} ({part.slides} slides)", [cell(part.estimates[name]) for name in NAMES])
                 for part in pixels.parts if part.background == background]
    caption = f"{pixels.sample}; {decision_told(pixels)}; values with 95 % intervals."
    return [f"<h2>{HEADING}</h2>", table(caption, NAMES.values(), rows, "numbers", "location"),
            f'<p class="soft">{escape(NOTE)}</p>', *([figure(maps, "Maps beside the truth")] if maps else [])]

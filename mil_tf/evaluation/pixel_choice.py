"""Which slides the figure of tumour maps shows: a rule over their scores, so that nobody picks the pretty ones."""

import numpy as np

MOST = 6  # slides (our decision: what fits a page)
RULE = ("Of each location the slide with the median AUC over its tissue,\n"
        "and of slides without tumour the one with the most tissue called so")


def choose_slides(pixels):
    """[SlideCounts], at most MOST, by RULE.

    Args:
        pixels: `mil_tf.evaluation.pixels.Pixels`.
    """
    ranked = [slide for slide in pixels.slides if not np.isnan(slide.auc[False])]
    chosen = []
    for location in sorted({slide.location for slide in ranked})[: MOST - 1]:
        mine = sorted((slide for slide in ranked if slide.location == location),
                      key=lambda slide: (slide.auc[False], slide.id))
        chosen.append(mine[(len(mine) - 1) // 2])
    without = [slide for slide in pixels.slides if slide.confusion(True).tp + slide.confusion(True).fn == 0]
    worst = max(without, key=_false_share, default=None)
    return chosen + ([worst] if worst else [])


def _false_share(slide):
    return slide.tissue.fp / max(1, sum(slide.tissue))

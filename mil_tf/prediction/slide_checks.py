"""Ways in which a slide is visibly unlike what a model of tiles learned from: a model answers anything it is given.

No warning is no promise.
"""

from mil_tf.evaluation.threshold import PAPER_THRESHOLD

SCALE_TOLERANCE = 0.05  # of the model's micrometres a pixel; scanners' 20x lie within 10 % (our decision)
NO_GLASS = 0.98  # of a slide: where so much counts as tissue, glass was not told from it (our decision)


def warnings_for(slide, known, settings, threshold):
    """Returns the warnings for a slide, one line each.

    Args:
        slide: of `mil_tf.prediction.slide_answer.SlideAnswer`.
        known: `preprocessing.slides.cells.Cells`.
        settings: SlideSettings of the model.
        threshold: of the model, or None.
    """
    found = []
    apart = slide["grid_mpp"] / settings.target_mpp - 1
    if abs(apart) > SCALE_TOLERANCE:
        found.append(
            f"pixels of {slide['grid_mpp']:.3g} micrometres, the model was trained on {settings.target_mpp:.3g}: it "
            f"sees tissue {abs(apart):.0%} {'smaller' if apart > 0 else 'larger'} than it learned"
        )
    share = known.tissue.sum() / known.pixels.sum()
    if share > NO_GLASS:
        found.append(f"{share:.0%} of the slide counts as tissue: a cut-out, or glass that was not told from tissue")
    if threshold is None:
        found.append(f"the model has no threshold of its own: regions are drawn at {PAPER_THRESHOLD:g}")
    return found

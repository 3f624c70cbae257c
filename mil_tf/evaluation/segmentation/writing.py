"""The files of a score of masks: two tables, box plots, a page."""

from pathlib import Path

from mil_tf.evaluation import figures
from mil_tf.evaluation.page import write_page
from mil_tf.evaluation.segmentation import tables
from mil_tf.evaluation.segmentation.figures import box_figure, overlay_figure, save
from mil_tf.evaluation.segmentation.told import HEADING, segmentation_part

BOXES, OVERLAYS, PAGE = "segmentation_boxes", "segmentation_overlays", "segmentation.html"


def write(folder, scores):
    """Writes segmentation.csv, segmentation-cases.csv, the box plots and segmentation.html.

    Args:
        folder: made where it is not there.
        scores: `mil_tf.evaluation.segmentation.scores.Scores`.

    Returns:
        The pieces of HTML that are the page's, for another page.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tables.write_scores(folder / tables.SCORES, scores)
    tables.write_cases(folder / tables.CASES, scores)
    drawn = figures.draw(box_figure, scores)
    save(drawn, folder, BOXES)
    parts = segmentation_part(scores, figures.inline_svg(drawn, BOXES))
    write_page(folder / PAGE, HEADING, [f"<h1>{HEADING}</h1>", *parts[1:]])
    return parts


def write_overlays(folder, *shown, name=OVERLAYS, **options):
    """Writes `overlay_figure(*shown, **options)` as `name`.png, .pdf and .svg."""
    save(figures.draw(lambda: overlay_figure(*shown, **options)), Path(folder), name)

"""Whose errors are shown: a run's own, or those that a grid's largest size makes together."""

from mil_tf.evaluation.cohort import PAPER_RULE
from mil_tf.evaluation.gallery import KINDS, Gallery, build_gallery
from mil_tf.evaluation.material import MaterialError, find_material
from mil_tf.evaluation.readings import decisions
from mil_tf.evaluation.sizes import decided
from mil_tf.evaluation.tables import TableError, read_instances
from mil_tf.evaluation.threshold import PAPER_THRESHOLD


def run_gallery(run, config, score, data=None):
    """The Gallery of a run's own decisions, or the text why there is none.

    Args:
        run: folder of the run.
        config: its config.json.
        score: Score of the cohort that answers.
        data: folder of that cohort's data set, None where it is the run's own.
    """
    table = score.predictions
    try:
        if score.instances is None:
            raise MaterialError("the run has no table of slices.")
        dataset = find_material(run, config, data)
        called = table.y_prob >= PAPER_THRESHOLD
        return build_gallery(table, called, [score.instances], dataset, "this model")
    except MaterialError as reason:
        return str(reason)


def grid_gallery(study, dataset):
    """The Gallery of the largest size's vote, or the text why there is none.

    Where the models have no test set in common it is that of the largest size's first model alone.
    """
    largest, members = study.largest, study.largest.members
    if PAPER_RULE in largest.ensembles:
        together = largest.ensembles[PAPER_RULE]
        table, called = together.predictions, together.called
        whose = f"the {len(members)} models of {largest.bags:,} training bags, by majority vote,"
    else:
        members = members[:1]
        table = decided(members[0], PAPER_RULE)
        called, whose = decisions(table), f"the model of {members[0].place}"
    try:
        return build_gallery(table, called, _read_slices(members, study.cohort), dataset, whose)
    except (MaterialError, TableError) as reason:
        return str(reason)


def _read_slices(members, cohort):
    """The Instances of each member, read anew: those of a whole grid would not fit into memory at once."""
    paths = [member.run / f"instances-{cohort}.csv" for member in members]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise MaterialError(f"{missing[0]} does not exist, so the most probable slices are not known.")
    return [read_instances(path, member.score.predictions) for path, member in zip(paths, members)]


def save_gallery(gallery, folder):
    """Write a Gallery's figures, one for each kind that has errors; of a text why there is none nothing."""
    from mil_tf.evaluation.figures import draw, save
    from mil_tf.evaluation.gallery_views import gallery_figure

    for kind in KINDS:
        if isinstance(gallery, Gallery) and gallery.of(kind):
            save(draw(gallery_figure, gallery, kind), folder, kind)

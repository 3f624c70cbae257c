"""Both readings of predictions as plain text for a terminal."""

from mil_tf.evaluation.metrics import confusion_of
from mil_tf.evaluation.names import RATES
from mil_tf.evaluation.readings import decisions

METRICS = {"ap": "AP", "auc": "AUC", "tpr": "TPR", "tnr": "TNR", "ppv": "PPV", "npv": "NPV", "accuracy": "accuracy"}
DIGITS = 4  # of both readings alike, as papers print them
COUNTS = "TP {tp}, FN {fn}, TN {tn}, FP {fp}"


def notes_text(groups):
    """What was taken for granted, each note once, with the groups it holds for where that is not all."""
    found = {}
    for group in groups:
        for note in notes(group):
            found.setdefault(note, []).append(group.name)
    return "\n".join(note if len(names) == len(groups) else f"{', '.join(names)}: {note}"
                     for note, names in found.items())


def group_text(group):
    """Both readings of a group, a line a model and a metric."""
    return "\n".join(_group_lines(group))


def notes(group):
    """What was taken for granted, in words."""
    cut = sum(table.y_pred is None for table in group.tables)
    found = [] if group.has_patient else ["no column patient: every bag is a patient by itself"]
    if cut:
        found.append(f"no column y_pred in {cut} of {len(group.tables)} files: called positive at 0.5 and above")
    return found


def _group_lines(group):
    bags, patients, files = (f"{count} {noun}{'s' * (count != 1)}" for count, noun in (
        (group.counts["bags"], "bag"), (group.counts["patients"], "patient"), (len(group.tables), "file")))
    yield f"{group.name}: {files}, {bags} of {patients}, {group.counts['positives']} positive"
    yield from _fold_lines(group)
    yield from _ensemble_lines(group)


def _fold_lines(group):
    """A line a model, then their mean and its interval."""
    names = model_names(group.tables)
    width = max(map(len, [*names, "95 % interval to"]))
    yield f"  {'per fold':{width + 2}s}  " + "".join(f"{name:>10s}" for name in METRICS.values())
    for at, (name, table) in enumerate(zip(names, group.tables)):
        counts = COUNTS.format(**confusion_of(table.y_true, decisions(table))._asdict())
        yield f"    {name:{width}s}  " + _numbers(group.per_fold[key].values[at] for key in METRICS) + f"   {counts}"
    for end, label in (("mean", "mean"), ("low", "95 % interval from"), ("high", "to")):
        if len(names) > 1:
            yield f"    {label:>{width}s}  " + _numbers(getattr(group.per_fold[key], end) for key in METRICS)
    yield from _reasons(group.per_fold)


def _reasons(per_fold):
    """Why a mean or an interval is not there, a line a reason."""
    found = {}
    for key, across in per_fold.items():
        found.setdefault(across.note, []).append(METRICS[key])
    return [f"    {', '.join(names)}: {note}" for note, names in found.items() if note]


def _numbers(values):
    return "".join(f"{'-' if value != value else format(value, f'.{DIGITS}f'):>10s}" for value in values)


def _ensemble_lines(group):
    together, error = group.ensemble, group.calibration.error
    yield f"  ensemble of {together.models}" if together.models > 1 else "  ensemble: the one model"
    yield "    mean probability"
    yield from (f"      {METRICS[name]:9s} {estimate.told(DIGITS)}" for name, estimate in together.ranking.items())
    yield (f"      expected calibration error {error.told(DIGITS)}, by chance alone "
           f"{group.calibration.chance:.{DIGITS}f}")
    yield f"    majority vote: {COUNTS.format(**together.confusion._asdict())}"
    for name in RATES:
        rate = together.rates[name]
        yield f"      {METRICS[name]:9s} {rate.told(DIGITS)}  {rate.k}/{rate.n}"


def model_names(tables):
    """The shortest ends of the files' paths that tell them apart."""
    paths = [table.path for table in tables]
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def groups_text(groups):
    """A row a group: means over the folds, then the ensemble."""
    width = max(len("group"), *(len(group.name) for group in groups))
    heads = [*(f"{METRICS[key]} per fold" for key in ("ap", "auc", "tpr", "tnr")), "AP ensemble", "AUC ensemble",
             "TPR vote", "TNR vote"]
    lines = [f"{'group':>{width}s}  files  " + _cells(heads) + "  FN/FP vote"]
    for group in groups:
        cells = [*(group.per_fold[key] for key in ("ap", "auc", "tpr", "tnr")), *group.ensemble.ranking.values(),
                 group.ensemble.rates["tpr"], group.ensemble.rates["tnr"]]
        errors = "{fn}/{fp}".format(**group.ensemble.confusion._asdict())
        lines.append(f"{group.name:>{width}s}  {len(group.tables):5d}  {_cells(cells)}  {errors:>10s}")
    return "\n".join(lines)


def _cells(values):
    return "  ".join(f"{value!s:20s}" for value in values)


def compared_text(compared):
    """A line a comparison and metric, with the test that made it."""
    lines = ["--predictions minus --against, paired by bag:"]
    for one in compared:
        lines.append(f"  {one.group}: {one.what}")
        lines += [f"    {METRICS[name]:4s} {difference}  ({difference.method})"
                  for name, difference in one.differences.items()]
    return "\n".join(lines)

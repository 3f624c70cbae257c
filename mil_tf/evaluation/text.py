"""The numbers as plain text for a terminal."""

from mil_tf.evaluation.names import BASELINES, SLICES, slice_sample
from mil_tf.evaluation.pixel_views import pixel_lines
from mil_tf.evaluation.positions_views import NAMES, position_lines

SHOWN_RATES = ("tpr", "tnr")


def score_text(scores):
    """The numbers of the cohorts, a line a metric."""
    return "\n".join(line for score in scores for line in _score_lines(score))


def _score_lines(score):
    yield f"{score.name}: {score.sample}"
    yield f"  AP   {score.ranking['ap']}"
    yield f"  AUC  {score.ranking['auc']}"
    for decision in score.decisions:
        yield f"  {decision.label}: {decision.counts}"
        for name in SHOWN_RATES:
            rate = decision.rates[name]
            yield f"    {name.upper()}  {rate}  {rate.k}/{rate.n}"
    if score.calibration:
        yield f"  expected calibration error {score.calibration.error}, by chance alone {score.calibration.chance:.3f}"
    if score.baselines:
        yield from _baseline_lines(score)
    if score.slices:
        yield from _slice_lines(score)
    if score.positions:
        yield from position_lines(score.positions)
    if score.pixels:
        yield from pixel_lines(score.pixels)


def _baseline_lines(score):
    yield "  beside it, and the gain over it:"
    for key, name in BASELINES.items():
        if key in score.baselines:
            one = score.baselines[key]
            yield f"    {name:16s} {one.note}".rstrip()
            yield from (f"      {metric.upper():4s} {estimate!s:22s} gain {one.gain[metric]}"
                        for metric, estimate in one.ranking.items())


def _slice_lines(score):
    yield f"  {slice_sample(score)}"
    yield f"    {'':36s} {'detector':22s} {'position prior':22s} gain"
    for key, name in SLICES.items():
        yield f"    {name:36s} " + " ".join(f"{estimate!s:22s}" for estimate in score.slices[key]).rstrip()


def summary_text(results):
    """One line a run: `results` lists (name of the run, score)."""
    width = max(len(name) for name, _ in results)
    located = any(score.positions for _, score in results)
    heads = ["AP", "AUC", *(f"{name.upper()} at 0.5" for name in SHOWN_RATES)]
    heads += [f"{name} of points" for name in NAMES.values()] if located else []
    lines = [f"{'run':{width}s}  {'bags':>6s}  " + _cells(heads)]
    for name, score in results:
        cells = [*score.ranking.values(), *(score.decisions[0].rates[rate] for rate in SHOWN_RATES)]
        cells += score.positions.points.values() if score.positions else []
        lines.append(f"{name:{width}s}  {score.counts['bags']:6d}  " + _cells(cells))
    return "\n".join(lines)


def _cells(values):
    return "  ".join(f"{value!s:20s}" for value in values).rstrip()

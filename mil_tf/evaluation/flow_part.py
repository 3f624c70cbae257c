"""How the cohort came about, as the preprocessing tells it, for a page."""

from html import escape

from mil_tf.evaluation.page import row


def flow_part(dataset):
    """HTML of what was found, left out and kept, and of the splits. Raises MaterialError where tables are missing."""
    from mil_tf.evaluation.material import MaterialError
    from preprocessing import flow
    from preprocessing.errors import UsageError
    from tfrecords import DatasetError

    try:
        steps, splits = flow.flow(dataset, flow.metas(dataset)), flow.splits(dataset)
    except (UsageError, DatasetError, OSError) as error:
        raise MaterialError(f"{error}") from error
    parts = [f'<div class="wide"><table><tbody>{"".join(_rows(steps))}</tbody></table></div>']
    if splits:
        parts.append(f"<pre>{escape(chr(10).join(splits))}</pre>")
    return "\n".join(parts)


def _rows(steps):
    yield _row(steps["found"], "found")
    for reason, count in steps["excluded"].items():
        yield _row(count, f"excluded: {reason.removeprefix('excluded: ')}")
    yield _row(steps["bags"], f"{steps['unit']}s")
    for name in ("positive", "negative"):
        yield _row(steps[name], f"{name}, of {steps['patients'][name]:,} patients")
    if steps["flagged"]:
        yield _row(steps["flagged"], "flagged by the preprocessing")


def _row(count, name):
    return row(f"{count:,}", [f"<td>{escape(name)}</td>"])

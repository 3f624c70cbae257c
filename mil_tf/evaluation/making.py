"""What made the runs of a grid: settings they share, in what they differ, and how long they took."""

from collections import Counter
from html import escape
from pathlib import Path

from mil_tf.evaluation.page import row, table
from mil_tf.evaluation.settings import flatten, settings_table, text_of
from mil_tf.runs import PROGRESS, read_json

# Different by nature for every run, and in a table of their own or of no use side by side.
OF_EACH_RUN = ("bags", "fold", "seed", "initial_weights", "data.splits", "command")


def making_part(members):
    """HTML of what made these Members: time, machines and versions, commands, then all that they share."""
    configs = [flatten(member.config) for member in members if member.config]
    if not configs:
        return '<p class="soft">The runs have no config.json.</p>'
    differing = _differing(configs)
    parts = [_machines(configs, members), _commands(configs)]
    if differing:
        parts.append(table("Settings in which the runs differ, and how many have each value.", ["values"],
                           [row(name, [f"<td>{_counted(values)}</td>"]) for name, values in differing.items()], ""))
    shared = {name: value for name, value in configs[0].items() if name not in (*differing, *OF_EACH_RUN)}
    return "\n".join([*parts, *(settings_table(section, values) for section, values in _sections(shared).items())])


def training_seconds(members):
    """(seconds that the runs took together, how many of them say so)."""
    found = [progress(member.run).get("seconds") for member in members]
    known = [seconds for seconds in found if isinstance(seconds, (int, float))]
    return sum(known), len(known)


def progress(run):
    """What a run's progress.json says; {} where there is none, or it cannot be read."""
    try:
        found = read_json(Path(run) / PROGRESS)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def clock(seconds):
    """Seconds as "3 d 4 h", "2 h 5 min", "4 min 10 s" or "9 s"."""
    for name, length, smaller, unit in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= length:
            return f"{int(seconds // length)} {name} {int(seconds % length // unit)} {smaller}"
    return f"{int(seconds)} s"


def time_told(members):
    """The time that the runs took together, in words."""
    seconds, known = training_seconds(members)
    if not known:
        return "not recorded"
    return clock(seconds) + ("" if known == len(members) else f" in {known} of {len(members)} runs, others unknown")


def _machines(configs, members):
    names = {"processor": "hardware.processor", "cores": "hardware.cores", "Python": "versions.python",
             "TensorFlow": "versions.tensorflow", "Keras": "versions.keras", "commit": "commit"}
    rows = [row("total training time", [f"<td>{escape(time_told(members))}</td>"])]
    for name, key in names.items():
        values = [config[key] for config in configs if key in config]
        if values:
            rows.append(row(name, [f"<td>{_counted(values)}</td>"]))
    return f'<div class="wide"><table><tbody>{"".join(rows)}</tbody></table></div>'


def _commands(configs):
    commands = dict.fromkeys(text_of(config["command"]) for config in configs if config.get("command"))
    return f"<pre>{escape(chr(10).join(commands))}</pre>" if commands else ""


def _differing(configs):
    """{setting: its value in each run} of those that are not the same everywhere."""
    names = dict.fromkeys(name for config in configs for name in config if name not in OF_EACH_RUN)
    values = {name: [config.get(name) for config in configs] for name in names}
    return {name: row for name, row in values.items() if len(set(map(text_of, row))) > 1}


def _counted(values):
    counts = Counter(map(text_of, values))
    if len(counts) == 1:
        return f"<code>{escape(next(iter(counts)))}</code>"
    return ", ".join(f"<code>{escape(value)}</code> ({count} runs)" for value, count in counts.most_common())


def _sections(shared):
    """Flat settings under the heading of their first word; what has none under "run"."""
    found = {"run": {}}
    for name, value in shared.items():
        section, dot, rest = name.partition(".")
        found.setdefault(section if dot else "run", {})[rest if dot else name] = value
    return {section: values for section, values in found.items() if values}

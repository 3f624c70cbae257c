"""What made a run, as its config.json has it, for a page."""

import json
from html import escape

from mil_tf.evaluation.page import row


def settings_part(config):
    """Every entry of config.json: the command, then plain ones, then one table a section."""
    if not config:
        return '<p class="soft">The run has no config.json.</p>'
    command = config.get("command")
    parts = [] if command is None else [f"<pre>{escape(text_of(command))}</pre>"]
    plain = {key: value for key, value in config.items() if not isinstance(value, dict) and key != "command"}
    sections = {"run": plain, **{key: value for key, value in config.items() if isinstance(value, dict)}}
    parts += [settings_table(name, flatten(value)) for name, value in sections.items() if value]
    return "\n".join(parts)


def flatten(tree, prefix=""):
    """Nested dicts to one level with dotted names."""
    flat = {}
    for key, value in tree.items():
        nested = isinstance(value, dict) and value
        flat.update(flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value})
    return flat


def settings_table(name, values):
    """One section of settings: {name: value} as a table under its heading."""
    rows = [row(key, [f"<td><code>{escape(text_of(value))}</code></td>"]) for key, value in values.items()]
    heading = escape(name.replace("_", " ").capitalize())
    return f'<h3>{heading}</h3>\n<div class="wide"><table><tbody>{"".join(rows)}</tbody></table></div>'


def text_of(value):
    """A setting as plain text."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return value if isinstance(value, str) else json.dumps(value)

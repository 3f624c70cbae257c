"""Which files are the models of one group: as the user names them, or else as their paths say.

A group is the models of one cross-validation, such as the five folds of one size of training set. The rule for paths
stands in the help of evaluate.py.
"""

import os
import re
from pathlib import Path

from mil_tf.evaluation.tables import TableError

# A word with its number; of several the first in this order tells the models of a group apart, and seeds always do.
FOLD, SHORT, SPLIT, MODEL, SEED = (
    re.compile(rf"(?<![a-z]){word}[-_ =]*(\d+)", re.IGNORECASE) for word in ("fold", "[kf]", "split", "model", "seed")
)
ALL = "all files"


def group_files(words):
    """Groups of files, in the order of the numbers in their names where they have such, else as they came.

    Args:
        words: what the user typed: files, and NAME= or NAME=FILE[,FILE] before them.

    Returns:
        {name: [Path]}.

    Raises:
        TableError: if a file is twice in a group, or stands before the first NAME=.
    """
    named = [word for word in words if _is_name(word)]
    groups = _named(words) if named else _by_path([Path(word) for word in words])
    for paths in groups.values():
        twice = [path for path in paths if paths.count(path) > 1]
        if twice:
            raise TableError(f"{twice[0]} is given twice; expected each model's file once.")
    return dict(sorted(groups.items(), key=_number)) if all(name.isdecimal() for name in groups) else groups


def folds_of(paths):
    """Fold of each file by its path, or None where not every path names one."""
    # A folder k5 above all files is no fold; one fold-5, of which all are seeds, is.
    for word, where in ((FOLD, paths), (SHORT, _below_common(paths))):
        found = [word.findall(_stem(path)) for path in where]
        if all(found):
            return [int(numbers[-1]) for numbers in found]
    return None


def _number(item):
    return int(item[0])


def _is_name(word):
    return "=" in word and not os.path.exists(word)


def _named(words):
    groups, name = {}, None
    for word in words:
        files = [word]
        if _is_name(word):
            name, _, rest = word.partition("=")
            files = [file for file in rest.split(",") if file]
        if name is None:
            raise TableError(f"Expected NAME= before every file, as some have one. Received: {word} before the first.")
        groups.setdefault(name.strip(), []).extend(map(Path, files))
    empty = [name for name, files in groups.items() if not files]
    if empty:
        raise TableError(f"Expected files after {empty[0]}=. Received: none.")
    return groups


def _by_path(paths):
    _refuse_without_fold(paths)
    keys = _keys([_stem(path) for path in _below_common(paths)])
    names = dict(zip(dict.fromkeys(keys), _names(list(dict.fromkeys(keys)))))
    groups = {}
    for key, path in zip(keys, paths):
        groups.setdefault(names[key], []).append(path)
    return groups


def _refuse_without_fold(paths):
    """One file too many would else make one group of all sizes, and an ensemble of what does not belong together."""
    without = [path for path in paths if not FOLD.search(_stem(path))]
    if 0 < len(without) < len(paths):
        raise TableError("Expected fold and its number in every path, as some have it, or NAME= before the files of "
                         f"each group. Received: {without[0]}.")


def _below_common(paths):
    """The paths below the folder that all have in common, which says nothing about groups."""
    folder = os.path.commonpath([os.path.abspath(path.parent) for path in paths])
    return [Path(os.path.relpath(os.path.abspath(path), folder)) for path in paths]


def _stem(path):
    """The path without its ending; one that begins with a digit, as in v1.0_fold_2, is none."""
    return re.sub(r"\.[a-z]+$", "", Path(path).as_posix(), flags=re.IGNORECASE)


def _keys(stems):
    """What is left of each path without its model's number: a tuple of texts and numbers, equal within a group."""
    for word in (FOLD, SHORT, SPLIT, MODEL, SEED):
        if all(word.search(stem) for stem in stems):
            return [_tokens(SEED.sub("", word.sub("", stem))) for stem in stems]
    tokens = [_tokens(stem) for stem in stems]
    if len({one[0::2] for one in tokens}) > 1:  # other texts: the numbers do not answer each other
        return [()] * len(stems)
    counting = [at for at in range(1, len(tokens[0]), 2) if _counts([int(one[at]) for one in tokens])]
    return [one[:counting[-1]] + one[counting[-1] + 1:] if counting else () for one in tokens]


def _tokens(stem):
    """Texts at even places, numbers at odd ones."""
    return tuple(re.split(r"(\d+)", stem))


def _counts(numbers):
    found = set(numbers)
    return len(found) > 1 and min(found) in (0, 1) and max(found) - min(found) == len(found) - 1


def _names(keys):
    """What tells the keys apart: their tokens without those that all share at either end."""
    if len(keys) == 1:
        return [ALL]
    if numbers := _one_number(keys):
        return numbers
    start, end = (_shared(keys), -_shared([key[::-1] for key in keys]) or None)
    short = ["".join(key[start:end]).strip("/_-. ") for key in keys]
    return short if len(set(short)) == len(short) and all(short) else ["".join(key) or "." for key in keys]


def _one_number(keys):
    """The number of each key, where they differ in one number only, be it written twice (100/test_100); else None."""
    if len({len(key) for key in keys}) > 1:
        return None
    told = [set(key) for key in zip(*[tokens for tokens in zip(*keys) if len(set(tokens)) > 1])]
    return [one.pop() for one in told] if all(len(one) == 1 and min(one).isdecimal() for one in told) else None


def _shared(keys):
    count = 0
    for tokens in zip(*keys):
        if len(set(tokens)) > 1:
            break
        count += 1
    return count

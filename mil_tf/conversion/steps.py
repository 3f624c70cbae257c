"""A pickle read step by step, without unpickling: no name in it is looked up, nothing in it is called.

`pickle` runs what a file asks for. A state dict that `torch.save` wrote asks for two things only, an OrderedDict and
tensors made of stored bytes, by two dozen kinds of steps (opcodes). `pickletools` tells the steps without taking them;
those are taken here, on a stack that holds texts, numbers, tuples, dicts and descriptions of tensors, never a function.
All others are refused. Sizes that a step claims cost nothing, because no memory is set aside for them.
"""

import pickletools
import reprlib
from typing import NamedTuple

MOST = 2**20  # bytes of a pickle, some 7,000 tensors of it; our decision
ORDERED_DICT, REBUILD = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"


class StateError(ValueError):
    """A file that is no state dict of tensors; the message is one line."""


class Name(str):
    """A name that the pickle would have looked up."""


class Storage(NamedTuple):
    """Stored bytes: the type's name, the key of their entry in the archive, and of how many numbers they are."""

    type: str
    key: str
    count: int


class Tensor(NamedTuple):
    """A tensor of stored numbers; `offset` and `strides` count numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


def tensors(data):
    """Returns {name: Tensor} of a pickled state dict.

    Raises:
        StateError: it is anything else.
    """
    if len(data) > MOST:
        raise StateError(f"Expected a pickle of at most {MOST} bytes. Received: {len(data)}")
    state = _taken(data)
    if type(state) is not dict:
        raise StateError(f"Expected a state dict, a table of tensors. Received: {shown(state)}")
    for name, value in state.items():
        if type(value) is not Tensor:
            raise StateError(f"Expected a tensor as {shown(name)}. Received: {shown(value)}")
    return state


def _taken(data):
    """What is on the stack when the pickle stops."""
    walk = _Walk()
    try:
        for step, value, _ in pickletools.genops(data):
            if step.name == "STOP":
                return walk.stack.pop()
            if step.name not in _STEPS:
                raise StateError(f"Expected the steps of a state dict. Received: {step.name}, which is refused")
            _STEPS[step.name](walk, value)
    except StateError:
        raise
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise StateError(f"Expected a whole pickle. Received: a broken one ({shown(str(error))})") from error
    raise StateError("Expected a whole pickle. Received: one without an end")


class _Walk:
    """Where a pickle's steps have led to."""

    def __init__(self):
        self.stack, self.outer, self.memo = [], [], {}

    def push(self, value):
        self.stack.append(value)

    def mark(self, _):
        self.outer.append(self.stack)
        self.stack = []

    def marked(self):
        """What was pushed since the last mark, which is undone."""
        found, self.stack = self.stack, self.outer.pop()
        return found

    def popped(self, count):
        if len(self.stack) < count:
            raise IndexError("too little on the stack")
        found = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return found

    def put(self, place):
        self.memo[place] = self.stack[-1]

    def set_items(self, items):
        if type(self.stack[-1]) is not dict or not all(type(key) is str for key in items[::2]):
            raise StateError("Expected a table with texts as names. Received: another")
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def reduce(self, _):
        called, arguments = self.popped(2)
        if type(called) is Name and called == ORDERED_DICT and arguments == ():
            self.push({})
        elif type(called) is Name and called == REBUILD and type(arguments) is tuple:
            self.push(_tensor(arguments))
        else:
            raise StateError(f"Expected nothing but tensors. Received: a call of {shown(called)}, which is refused")

    def look_up(self, name):
        if name not in (ORDERED_DICT, REBUILD) and not (name.startswith("torch ") and name.endswith("Storage")):
            raise StateError(f"Expected nothing but tensors. Received: the name {shown(name)}, which is refused")
        self.push(Name(name))

    def build(self, _):
        """The state of an OrderedDict is the versions of the modules, of which nothing here depends."""
        self.popped(1)
        if type(self.stack[-1]) is not dict:
            raise StateError("Expected a state for a table alone. Received: one for something else")

    def persistent(self, _):
        (found,) = self.popped(1)
        fits = type(found) is tuple and [type(each) for each in found] == [str, Name, str, str, int]
        if not fits or found[0] != "storage" or found[4] < 0:
            raise StateError(f"Expected the description of a storage. Received: {shown(found)}")
        _, kind, key, _, count = found  # the fourth is the device that it was on
        self.push(Storage(str(kind), key, count))


def _tensor(arguments):
    """(storage, offset, shape, strides, whether it has a gradient, hooks) -> Tensor."""
    found = Tensor(*arguments[:4]) if len(arguments) >= 6 else None
    if found is None or type(found.storage) is not Storage or not _counts((found.offset,)) or not (
        _counts(found.shape) and _counts(found.strides)
    ):
        raise StateError("Expected a storage, an offset, a shape and strides. Received: a tensor of something else")
    return found


def _counts(values):
    return type(values) is tuple and all(type(each) is int and each >= 0 for each in values)


def shown(value):
    """Short and on one line, whatever the file put into it."""
    return (repr(value) if isinstance(value, str) else reprlib.repr(value))[:100]


_STEPS = {
    "PROTO": lambda walk, value: None,
    "GLOBAL": _Walk.look_up,
    "REDUCE": _Walk.reduce,
    "BUILD": _Walk.build,
    "BINPERSID": _Walk.persistent,
    "BINPUT": _Walk.put,
    "LONG_BINPUT": _Walk.put,
    "BINGET": lambda walk, place: walk.push(walk.memo[place]),
    "LONG_BINGET": lambda walk, place: walk.push(walk.memo[place]),
    "MARK": _Walk.mark,
    "TUPLE": lambda walk, _: walk.push(tuple(walk.marked())),
    "EMPTY_TUPLE": lambda walk, _: walk.push(()),
    "TUPLE1": lambda walk, _: walk.push(tuple(walk.popped(1))),
    "TUPLE2": lambda walk, _: walk.push(tuple(walk.popped(2))),
    "TUPLE3": lambda walk, _: walk.push(tuple(walk.popped(3))),
    "EMPTY_DICT": lambda walk, _: walk.push({}),
    "SETITEM": lambda walk, _: walk.set_items(walk.popped(2)),
    "SETITEMS": lambda walk, _: walk.set_items(walk.marked()),
    "BINUNICODE": _Walk.push,
    "BININT": _Walk.push,
    "BININT1": _Walk.push,
    "BININT2": _Walk.push,
    "NEWTRUE": lambda walk, _: walk.push(True),
    "NEWFALSE": lambda walk, _: walk.push(False),
}

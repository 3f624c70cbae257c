"""Is training ever waiting for its input? Shards against memory, the reader alone, and what compression would cost.

    training     optimizer steps on the same bags from memory, from shards in the page cache that are read for the first
                 time and again, from shards that the page cache has dropped (the disk), and from slices packed with
                 zlib, in turn in one process
    reading      MB/s of the reader, checksum included, and of what feeds the network, by number of threads
    compression  phantom slices of 512x512 packed and unpacked: size, MB/s

    python benchmarks/input.py --out docs/results/input.csv      writes input-training.csv, input-reading.csv, ...
"""

import argparse
import functools
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import fresh  # noqa: E402

PARTS = ("training", "reading", "compression")
# Name -> (profile of the recipe, epoch, bags a window, slices a bag, pixels a side, windows a repetition). Epoch 0 is
# the warm-up, which takes instances at random; the last one searches.
TRAINED = {
    "ResNet-34, 512, search": ("full", -1, 4, 32, 512, 1),
    "ResNet-34, 512, warm-up": ("full", 0, 4, 32, 512, 1),
    "quick, 96, search": ("quick", -1, 16, 32, 96, 4),
    "quick, 96, warm-up": ("quick", 0, 16, 32, 96, 8),
}
SOURCES = ("memory", "shards, first epoch", "shards, later", "disk, first epoch", "zlib")
READ = {"512": (16, 40, 512, 16), "96": (256, 40, 96, 256)}  # bags, slices, side, chunk
THREADS = (1, 2, 4)
PACKED_SCANS = 2


def main(args=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--trained", nargs="+", choices=TRAINED, default=list(TRAINED), help="rows of training")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--out", type=Path, help="CSV to write, one a part: its name with -PART before the ending")
    given = parser.parse_args(args)
    made = {"training": training, "reading": reading, "compression": compression}
    for part in given.parts:
        with tempfile.TemporaryDirectory() as folder:
            rows = made[part](given, Path(folder))
        fresh.report(rows, given.out and given.out.with_stem(f"{given.out.stem}-{part}"))
    return 0


def noise(index, slices, side):
    """A bag of noise of a brain's HU."""
    from tfrecords import Bag

    rng = np.random.default_rng(index)
    pixels = rng.normal(30, 10, (slices, side, side, 1)).astype(np.float16)
    name = f"bag-{index}"
    return Bag(id=name, patient=name, label=[index % 2], instances=pixels, source_index=rng.permutation(slices))


def write(folder, bags):
    """Writes bags into one shard; returns the open Dataset."""
    from tfrecords import Dataset
    from tfrecords.writer import DatasetWriter

    writer = DatasetWriter(folder, [[bag.id for bag in bags]], {"classes": ["positive"]})
    with writer.shard(0) as shard:
        for bag in bags:
            shard.write(bag)
    writer.finish()
    return Dataset(folder)


def stepper(profile, epoch=-1):
    """A function (source, window) that does one optimizer step of the recipe, as in `epoch`; -1 is the last."""
    from mil_tf.models.build import build_scorer
    from mil_tf.options import resolve
    from mil_tf.recipes import remedios2020 as recipe
    from mil_tf.training.method import build_chooser, build_optimizer, build_search, build_signals
    from mil_tf.training.scoring import Scorer

    options = resolve(recipe.OPTIONS, recipe.PROFILES[profile])
    epoch = options["max_epochs"] - 1 if epoch < 0 else epoch
    model = build_scorer(options, seed=0)
    search = build_search(options, model, Scorer(model, options["chunk"]))
    signal = build_signals(options, model, build_chooser(options, search, 1), 0)(epoch)
    optimizer = build_optimizer(options)
    optimizer.build(model.trainable_variables)

    def step(source, window):
        result = signal(source, window, epoch)
        optimizer.apply_gradients(zip(result.gradients, model.trainable_variables))

    return step


def training(given, folder):
    """Rows of `training`; ratios are to memory, in the same repetition."""
    from mil_tf.data import reading_ahead

    rows = []
    for place, name in enumerate(given.trained):
        profile, epoch, bags, slices, side, windows = TRAINED[name]
        some = [noise(index, slices, side) for index in range(bags * windows)]
        sources = make_sources(write(folder / str(place), some), some)
        step = stepper(profile, epoch)
        ahead = reading_ahead if epoch == 0 else (lambda source, windows: windows)  # as the loop does
        runs = {kind: functools.partial(steps, step, make, windows, bags, ahead) for kind, make in sources.items()}
        for run in runs.values():
            run()  # the first one traces
        found = fresh.in_turn(runs, given.repetitions)
        rows += [
            fresh.row({"network": name, "source": kind}, each, {"ratio": ("bag_ms", found["memory"])})
            for kind, each in found.items()
        ]
    return rows


def make_sources(dataset, bags):
    """{kind: function that gives the source; that of `later` has been read before, the other shards not yet}."""
    from mil_tf.data import MemorySource, ShardSource

    def dropped():
        for path in dataset.folder.glob("*.tfrecord"):
            drop(path)
        return ShardSource(dataset, dataset.rows)

    known = ShardSource(dataset, dataset.rows)
    packed = [[pack(image) for image in bag.instances] for bag in bags]
    makers = (
        lambda: MemorySource(bags), lambda: ShardSource(dataset, dataset.rows), lambda: known, dropped,
        lambda: Packed(bags, packed),
    )
    return dict(zip(SOURCES, makers))


def drop(path):
    """Has the page cache forget a file, so that it is read from the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def steps(step, make, windows, bags, ahead):
    """{"bag_ms", "cpu_ms"} of so many windows of bags of the source that `make` gives, handed out by `ahead`."""
    source = make()
    began, worked = time.monotonic(), time.process_time()
    for window in ahead(source, [np.arange(place * bags, (place + 1) * bags) for place in range(windows)]):
        step(source, window)
    total = windows * bags / 1000
    return {"bag_ms": (time.monotonic() - began) / total, "cpu_ms": (time.process_time() - worked) / total}


def pack(image):
    """Bytes of a slice, the low bytes of its values before the high ones, zlib level 1."""
    return zlib.compress(np.ascontiguousarray(image).view(np.uint8).reshape(-1, 2).T.tobytes(), 1)


def unpack(data, shape):
    """The float16 slice of `pack`."""
    halves = np.frombuffer(zlib.decompress(data), np.uint8).reshape(2, -1)
    return np.ascontiguousarray(halves.T).view(np.float16).reshape(shape)


class Packed:
    """Bags whose slices are packed, each by itself so that one can be taken; a source of `mil_tf.data`."""

    def __init__(self, bags, packed):
        self._bags, self._packed = bags, packed
        self.labels = np.array([bag.label for bag in bags], np.int64)
        self.counts = np.array([bag.n for bag in bags], np.int64)
        self.instance_shape, self.dtype = bags[0].instances.shape[1:], bags[0].instances.dtype

    def blocks(self, position, size):
        """Yields the bag's instances, at most `size` at a time."""
        for start in range(0, self.counts[position], size):
            yield self.take(position, range(start, min(start + size, self.counts[position])))

    def take(self, position, indices):
        """Returns the instances at `indices`, (m, h, w, c)."""
        return np.stack([unpack(self._packed[position][index], self.instance_shape) for index in indices])

    def ready(self, positions):
        """As of the sources of `mil_tf.data`."""

    def source_index(self, position):
        """Where each instance of the bag came from, (n,)."""
        return self._bags[position].source_index


def reading(given, folder):
    """Rows of `reading`: MB/s of everything between the file and the network, and of what it consists of."""
    rows = []
    for name, (count, slices, side, chunk) in READ.items():
        dataset = write(folder / name, [noise(index, slices, side) for index in range(count)])
        size = count * slices * side * side * 2 / 1e6
        runs = {what: functools.partial(speed, read, size) for what, read in readers(dataset, chunk).items()}
        found = fresh.in_turn(runs, given.repetitions)
        rows += [fresh.row({"side": name, "what": what}, each) for what, each in found.items()]
    return rows


def readers(dataset, chunk):
    """{what: function that reads all bags}."""
    import google_crc32c

    from mil_tf import data
    from tfrecords import reader

    def stream():
        for row in dataset.rows:
            for _ in reader.iter_instances(dataset.folder, row, chunk):
                pass

    def from_disk():
        drop(dataset.folder / dataset.rows[0].shard)
        stream()

    def feed(threads):
        source = data.ShardSource(dataset, dataset.rows)
        for _ in data.chunks(source, range(len(source)), chunk, threads):
            pass

    whole = [reader.read_bag(dataset.folder, row).instances for row in dataset.rows]
    raw = [bag.tobytes() for bag in whole]
    return {
        f"CRC-32C alone ({google_crc32c.implementation})": lambda: [google_crc32c.value(data) for data in raw],
        "sha256 alone": lambda: [hashlib.sha256(image).digest() for bag in whole for image in bag],
        "iter_instances, page cache": stream,
        "iter_instances, disk": from_disk,
        **{f"chunks, {threads} threads": lambda threads=threads: feed(threads) for threads in THREADS},
    }


def speed(function, size):
    """{"mb_per_second"} of a call that reads `size` MB."""
    began = time.perf_counter()
    function()
    return {"mb_per_second": size / (time.perf_counter() - began)}


def compression(given, folder):
    """Rows of `compression`, of the slices of phantoms as `preprocessing ct` keeps them."""
    bags = phantoms(folder)
    size = sum(bag.nbytes for bag in bags) / 1e6
    runs = {name: functools.partial(ways, bags, size, *way) for name, way in packings(folder).items()}
    found = fresh.in_turn(runs, given.repetitions)
    return [fresh.row({"packing": name}, each) for name, each in found.items()]


def phantoms(folder):
    """The slices of a few phantoms of 512x512, float16 (n, 512, 512, 1) each."""
    from tfrecords import Dataset, reader

    scans = folder / "phantoms"
    for words in (
        ["phantoms", "ct", f"--n={PACKED_SCANS}", "--size=512", f"--out={scans}"],
        ["ct", f"--scans={scans / 'scans'}", f"--labels={scans / 'labels.csv'}", f"--out={folder / 'bags'}",
         "--brain=none"],
    ):
        subprocess.run([sys.executable, "-m", "preprocessing", *words], cwd=ROOT, stdout=sys.stderr, check=True)
    dataset = Dataset(folder / "bags")
    return [reader.read_bag(dataset.folder, row).instances for row in dataset.rows]


def packings(folder):
    """{name: (pack a bag, unpack it into arrays)}."""
    found = {"none": (lambda bag: [image.tobytes() for image in bag], lambda parts, bag: [
        np.frombuffer(part, np.float16).copy() for part in parts
    ])}
    for level in (1, 6):
        found[f"zlib {level}, a slice"] = (
            lambda bag, level=level: [zlib.compress(image, level) for image in bag],
            lambda parts, bag: [np.frombuffer(zlib.decompress(part), np.float16) for part in parts],
        )
    for level in (1, 6):
        found[f"bytes apart, zlib {level}, a slice"] = (
            lambda bag, level=level: [
                zlib.compress(image.view(np.uint8).reshape(-1, 2).T.tobytes(), level) for image in bag
            ],
            lambda parts, bag: [unpack(part, bag.shape[1:]) for part in parts],
        )
    found["TFRecord GZIP, a shard"] = _gzip(folder)
    return found


def _gzip(folder):
    """TensorFlow's own compression, of a whole file: no bag can be found by its offset any more."""
    from tfrecords import quiet

    tf, path = quiet.tensorflow(), str(folder / "gzip.tfrecord")

    def written(bag):
        with tf.io.TFRecordWriter(path, "GZIP") as file:
            file.write(bag.tobytes())
        return [Path(path).read_bytes()]

    def read(parts, bag):
        return [np.frombuffer(record.numpy(), np.float16) for record in tf.data.TFRecordDataset(path, "GZIP")]

    return written, read


def ways(bags, size, packing, unpacking):
    """{"size_ratio", "write_mb_per_second", "read_mb_per_second"} of a packing, in MB of what is unpacked."""
    spent, packed = {"write": 0.0, "read": 0.0}, 0
    for bag in bags:
        began = time.perf_counter()
        parts = packing(bag)
        ended = time.perf_counter()
        back = unpacking(parts, bag)
        spent["read"] += time.perf_counter() - ended
        spent["write"] += ended - began
        packed += sum(map(len, parts))
        if not np.array_equal(np.concatenate([each.ravel() for each in back]).view(np.uint16), _bits(bag)):
            raise RuntimeError("a packing does not give back what it was given")
    rates = {f"{name}_mb_per_second": size / took for name, took in spent.items()}
    return {"size_ratio": packed / size / 1e6, **rates}


def _bits(bag):
    return np.ascontiguousarray(bag).ravel().view(np.uint16)


if __name__ == "__main__":
    sys.exit(main())

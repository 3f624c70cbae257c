"""What watches the loop: a table, the terminal, TensorBoard."""

import csv
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from mil_tf.nouns import SCANS
from mil_tf.selection import top_position
from mil_tf.training.prepared import BINARY

# What an image shows: the brain window, level 40 width 80 HU (standard in head CT reading).
LEVEL, WIDTH = 40.0, 80.0
DISPLAYED = {"float16": (LEVEL, WIDTH), "uint8": (127.5, 255.0)}  # by the instances' type: HU, or colours as they are
# Bags whose chosen instance is drawn: the first of each class of the validation set (our decision).
DRAWN = {1: 3, 0: 1}


class HistoryTable:
    """history.csv: one row an epoch, no times in it, so that equal runs have equal tables."""

    def __init__(self, path):
        self._path = Path(path)

    def epoch(self, state, metrics, timing):
        """Writes the table anew, as a whole."""
        part = self._path.with_name(f".{self._path.name}.part")
        with open(part, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, state.history[0])
            writer.writeheader()
            writer.writerows(state.history)
        os.replace(part, self._path)


class Console:
    """One line an epoch.

    Args:
        show: called with it.
        shown: {metric: what it is called} of those that it tells beside the losses.
    """

    def __init__(self, show=print, shown=BINARY):
        self._show, self._shown = show, shown

    def epoch(self, state, metrics, timing):
        """Prints the epoch's figures."""
        best = state.convergence
        kept = f"best {best.best:.4f} (epoch {best.best_epoch})" if best.best_epoch >= 0 else "warming up"
        told = "  ".join(f"{words} {metrics[name]:.3f}" for name, words in self._shown.items())
        self._show(
            f"epoch {state.epoch:3d}  train loss {metrics['train_loss']:.4f}  validation loss "
            f"{metrics['validation_loss']:.4f}  {told}  {_rate(timing):.1f} bags/s  {kept}"
        )


class TensorBoard:
    """Losses, validation metrics, learning rate, bags/s, and the chosen instance of a few fixed validation bags.

    Args:
        folder: where the event files go.
        source: the validation source.
        scorer: `Scorer`.
        image_every: epochs between images; 0 is never.
        window: (center, width) of the display, in the units of the instances.
        instance: what an instance is called.
    """

    def __init__(self, folder, source, scorer, image_every, window=(LEVEL, WIDTH), instance=SCANS.instance):
        self._writer = tf.summary.create_file_writer(str(folder))
        self._source, self._scorer, self._every, self._window = source, scorer, image_every, window
        self._instance, labels = instance, source.labels[:, 0]
        self._fixed = [int(i) for value, most in DRAWN.items() for i in np.flatnonzero(labels == value)[:most]]

    def epoch(self, state, metrics, timing):
        """Writes the epoch's scalars and, every few epochs, its images."""
        with self._writer.as_default(step=state.epoch):
            for name, value in {**metrics, "learning_rate": state.history[-1]["learning_rate"]}.items():
                tf.summary.scalar(_tag(name), value)
            tf.summary.scalar("speed/bags_per_second", _rate(timing))
            if self._every and state.epoch % self._every == 0:
                self._images()
        self._writer.flush()

    def _images(self):
        low = self._window[0] - self._window[1] / 2
        for position, scores in zip(self._fixed, self._scorer(self._source, self._fixed)):
            fields = self._source.fields(position)
            top = top_position(scores[:, 1], fields.source_index)
            image = (self._source.take(position, [top]).astype(np.float32) - low) / self._window[1]
            told = f"p={scores[top, 1]:.2f}, {self._instance} {fields.source_index[top]}"
            truth = "positive" if self._source.labels[position, 0] else "negative"
            tf.summary.image(f"chosen {self._instance}/{truth} {fields.id}", np.clip(image, 0, 1), description=told)


def _rate(timing):
    return timing["bags"] / max(timing["train_seconds"], 1e-9)


def _tag(name):
    return name.replace("_", "/", 1) if name.startswith(("train_", "validation_")) else name

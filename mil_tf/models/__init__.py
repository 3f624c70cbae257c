"""Keras models: what maps instances to class probabilities. They know neither data nor losses."""

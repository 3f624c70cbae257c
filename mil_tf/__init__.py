"""mil-tf: multiple-instance learning for medical imaging, paper by paper, on TensorFlow and Keras.

Importing this package imports no TensorFlow, so that every command can print its help at once.
"""

__version__ = "0.1.0"

"""MIL pooling operators, one a file: what makes one answer of a bag's instances. They know no recipe.

`mil_tf.pooling.names` has them by name; docs/POOLING.md has their table.
"""

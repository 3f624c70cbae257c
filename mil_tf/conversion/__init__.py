"""Files that the authors of a paper published -> our models, without running anything that those files name."""

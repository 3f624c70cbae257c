"""Many runs: which there are, whose share they are, where each is trained, and the table of how far they are."""

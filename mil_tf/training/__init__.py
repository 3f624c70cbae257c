"""The loop: next window of bags -> loss and gradients -> accumulate -> apply. It knows no paper."""

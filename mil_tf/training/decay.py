"""Coupled L2 decay around a signal."""


class Decayed:
    """Adds `decay` times the weights to the gradient, as PyTorch's Adam does with its `weight_decay`.

    Keras' own `weight_decay` is decoupled, and another method (Loshchilov & Hutter 2019).

    Args:
        signal: (source, window, epoch) -> WindowResult, with `variables`.
        decay: 0 changes nothing.
    """

    def __init__(self, signal, decay):
        self._signal, self._decay = signal, decay
        self.variables = signal.variables

    def __call__(self, source, window, epoch):
        """Returns the signal's WindowResult with the decay in its gradients."""
        found = self._signal(source, window, epoch)
        if not self._decay:
            return found
        pairs = zip(found.gradients, self.variables)
        return found._replace(gradients=[gradient + self._decay * variable for gradient, variable in pairs])

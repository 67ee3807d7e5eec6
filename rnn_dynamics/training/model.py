"""A recurrent module with a linear readout: the usual model of a sequence task."""

import math

import torch
from torch import Tensor, nn

from ..checks import Size, checked, generator_of, whole_number
from ..systems import recurrent_layers


@checked
class SequenceModel(nn.Module):
    """y_t = W h_t + b, where h_t is what a recurrent module puts out at step t.

    Attributes:
        recurrent: the module.
        readout: W and b, an ``nn.Linear``.
    """

    def __init__(self, recurrent: nn.Module, outputs: Size, *, seed: int | torch.Generator = 0) -> None:
        """Put a readout on a recurrent module.

        Args:
            recurrent: ``nn.RNN``, ``nn.GRU``, ``nn.LSTM``, or one of ``rnn_dynamics.cells``, ``batch_first`` or not. It
                is used as it is, not copied.
            outputs: d, such as a task's ``target_size``.
            seed: of the readout's weights, drawn as ``nn.Linear`` draws them; the global random state is not touched.

        Raises:
            ValueError: for another module, or outputs below 1.
        """
        super().__init__()
        outputs = whole_number(outputs, "outputs", 1)
        if not isinstance(recurrent, nn.Module) or isinstance(recurrent, nn.RNNCellBase):
            what = type(recurrent).__name__
            raise ValueError(f"recurrent must be a module that runs over sequences, like nn.GRU, got {what}")
        width = getattr(recurrent, "output_size", recurrent_layers(recurrent)[-1].output_size)
        like = next(recurrent.parameters())
        generator = generator_of(seed)
        self.recurrent = recurrent
        readout = nn.utils.skip_init(nn.Linear, width, outputs, device=like.device, dtype=like.dtype)
        assert isinstance(readout, nn.Linear)
        self.readout = readout
        bound = 1.0 / math.sqrt(width)
        with torch.no_grad():
            for weight in (self.readout.weight, self.readout.bias):
                # On the host and in float32, so that a seed gives the same on every device and in every precision.
                drawn = torch.empty(weight.shape, dtype=torch.float32, device="cpu")
                weight.copy_(drawn.uniform_(-bound, bound, generator=generator))

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs [b, T, d] for inputs [b, T, m], from the zero state."""
        if getattr(self.recurrent, "batch_first", False):
            return self.readout(self.recurrent(inputs)[0])
        return self.readout(self.recurrent(inputs.transpose(0, 1))[0]).transpose(0, 1)

"""A traced step as data, to be kept in files: its operations by torch's names, and the tensors that they take."""

from dataclasses import dataclass

from torch import Tensor

from ..store import storable


@storable
@dataclass(frozen=True, eq=False)
class StoredStep:
    """F as elementary operations of torch (``aten``) on one state [n] and constants.

    Nothing of a file is run: there is no operation in it but torch's own, and none of them that takes text.
    """

    operations: str
    """JSON: of each operation its name and arguments, {"at": i} being what the i-th made, the state first, then the
    constants; of the last, what is F."""

    constants: tuple[Tensor, ...]
    """The weights, to the last bit."""

    state_size: int

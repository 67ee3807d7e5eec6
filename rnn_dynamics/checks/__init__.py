"""What is refused at the door, in sentences that name what was expected and what came.

``checked`` reads a function's signature and holds callers to it: each argument by its type hint, and by the bounds in
an ``Annotated`` hint. ``values`` has what functions ask of tensors whose shapes depend on other arguments.
"""

from .bounds import (
    MOST,
    AtLeast,
    AtMost,
    Bytes,
    CheckedInside,
    Complex,
    Count,
    OrInfinite,
    Positive,
    Share,
    Size,
    Told,
    Within,
)
from .door import checked, checked_fields, is_checked
from .expectations import worded
from .memory import available_memory, out_of_memory, require_memory
from .refusals import AdvisedError, ArgumentError, CannotFollow, NotRecurrent, NotRegular, NoWeights, Words
from .values import (
    ArrayLike,
    HasSequences,
    InputSequences,
    as_rows,
    as_tensor,
    as_vector,
    generator_of,
    require_floating,
    require_positive,
    whole_number,
)

__all__ = [
    "MOST",
    "AdvisedError",
    "ArgumentError",
    "ArrayLike",
    "AtLeast",
    "AtMost",
    "Bytes",
    "CannotFollow",
    "CheckedInside",
    "Complex",
    "Count",
    "HasSequences",
    "InputSequences",
    "NoWeights",
    "NotRecurrent",
    "NotRegular",
    "OrInfinite",
    "Positive",
    "Share",
    "Size",
    "Told",
    "Within",
    "Words",
    "as_rows",
    "as_tensor",
    "as_vector",
    "available_memory",
    "checked",
    "checked_fields",
    "generator_of",
    "is_checked",
    "out_of_memory",
    "require_floating",
    "require_memory",
    "require_positive",
    "whole_number",
    "worded",
]

"""From networks as users have them, modules or functions, to driven maps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import torch
from torch import Tensor, nn

from ..checks import ArgumentError, ArrayLike, CheckedInside, NotRecurrent, Positive, Size, checked
from .complex_states import ComplexStep, maps_complex
from .derived_weights import StaleWeight, device_of, has_derived_weights, present
from .differences import ArrayStep, is_array_step
from .driven import DrivenMap
from .encoded import encoded
from .entry_checks import input_first, require_order, require_sizes, require_values
from .fields import FieldStep, Scheme, own_dt, without_input
from .functions import DifferencedMap, FunctionMap
from .gradients import Step
from .interpretation import Interpretation
from .layered import LayeredMap
from .memory import require_no_memory
from .modules import is_recurrent, recurrent_layers
from .plain import NotPlain, require_plain, wraps
from .probing import is_plain, made_of_zeros
from .recognition import ModuleStep, arguments_of, recognise, require_same
from .within import seen_steps

Bounds: TypeAlias = tuple[ArrayLike | float, ArrayLike | float] | None


@dataclass(frozen=True)
class _Told:
    """What a caller tells of a network, as ``as_map`` takes it."""

    state_size: int | None = None
    input_size: int | None = None
    protocol: str | None = None
    box: Bounds = None
    device: torch.device | str | None = None


@checked
def as_map(
    module: Annotated[nn.Module | Step, CheckedInside()],
    state_size: Size | None = None,
    input_size: Size | None = None,
    *,
    box: tuple[ArrayLike | float, ArrayLike | float] | None = None,
    device: torch.device | str | None = None,
    encoder: nn.Module | Callable[[Tensor], Tensor] | None = None,
    protocol: Literal["state, input", "input, state", "time, batch", "batch, time"] | None = None,
    child: str | None = None,
    derivatives: Literal["autograd", "differences"] | None = None,
    dt: Annotated[float, Positive()] | None = None,
    tau: Annotated[float, Positive()] | None = None,
    scheme: Scheme | None = None,
) -> DrivenMap:
    """See a recurrent network, as a module or any function step(state, input) -> state, as a driven map.

    The map reads the module's own parameters, so it follows them through training and gradients flow into them;
    weights that a module computes from others (weight_norm, spectral_norm, parametrizations, pruning) are computed
    anew at every use. Nothing about the module is changed. Dropout between layers is off, as in ``module.eval()``, and
    forward hooks of a module that is known by its weights are not run; those of any other are, at every step. Its
    ``notes`` say which.

    torch's modules and those of ``rnn_dynamics.cells`` are known by their weights, with closed-form Jacobians. Any
    other module is called: a copy of it, on random states and inputs, in the forms in which recurrent modules are
    written, until one is found in which it steps: the rows of a batch do not see each other, the state matters, a
    sequence of many inputs leads where as many of one do, and nothing that a call writes into the module changes the
    next one. The map's repr says which form that is; the map is compared with the module itself in the module's own
    precision. A module whose step is that of one cell within it is taken for that cell, and so is a larger module that
    takes no state, for the one recurrent module within it, unless it is seen to change that one's state between steps.

    Gaussian noise is frozen at zero where it is added to the state, or where an attribute such as ``noise_std`` scales
    it. A complex state becomes a real one of twice the size, real parts before imaginary ones. Constants in a coarser
    precision than the analysis are taken as they stand. The map's ``notes`` say so. A step must have its own gradients:
    when its input is held, they are compared with differences.

    Args:
        module: ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` (any layers, ``batch_first``, bias, ``proj_size``), one of the
            ``*Cell`` classes, one of ``rnn_dynamics.cells``, any module with a method ``recurrent_layers``; a module
            called as forward(state, input) or forward(input, state) for a step, or over a sequence, that returns its
            state, alone or in a tuple or dict; or a function step(state [n], input [m]) -> state [n].
        state_size, input_size: n and m, of a function (``input_size=0`` for an autonomous one, which may take its state
            alone) or of a module that does not tell them. With an encoder, ``input_size`` is what it takes, if its
            first layer does not tell.
        box: (lower, upper), each [n], for a function that is known to map this box into itself; the index sum needs it.
        device: where a plain function computes; the parameters' device for a module, else the CPU.
        encoder: what the input goes through before the module, a module or function [..., m] -> [..., m'] that treats
            rows independently: ``as_map(model.rnn, encoder=model.encoder)``. The map's inputs are then the encoder's.
        protocol: how the module is called, where it does not show: a step in the order "state, input" or "input,
            state", or a sequence with its axes in the order "time, batch" or "batch, time".
        child: which part of the module is meant, by its path: "encoder.rnn".
        derivatives: "differences" for a step without gradients: central differences, with their error in ``notes``.
            They are the default for a step on arrays (NumPy, JAX, numba), and "autograd" for all others.
        dt: the time that a step takes, in a unit of your own (ms): results then tell time constants in that unit, and
            eigenvalues also as rates ln(lambda) / dt.
        tau: the time constant of the units, in the same unit: of a module with an attribute ``alpha`` = dt / tau it
            tells dt; of a vector field see ``scheme``.
        scheme: "euler" or "rk4" for a function that is a vector field, tau dh/dt = field(state, input), whose map is
            one step of length ``dt`` by that method. Fixed points found of it are looked at in steps half as long too.

    Raises:
        ValueError: for a bidirectional module, one in which no form or several are found, one that does more than its
            weights tell, NaN or infinite weights, an encoder that does not fit.
    """
    if child is not None:
        module = _part(module, child)
    module = _unwrapped(module)
    if input_size == 0 and state_size is not None and len(arguments_of(module).names) == 1:
        module = without_input(module)
    if scheme is not None:
        if dt is None or state_size is None or input_size is None:
            raise ValueError(f"scheme={scheme!r} makes a map of a vector field: give dt, state_size and input_size")
        require_sizes(state_size, input_size)
        require_order(module, state_size, input_size)
        step = FieldStep(module, dt, 1.0 if tau is None else tau, scheme)
        kind = DifferencedMap if derivatives == "differences" else FunctionMap
        require_no_memory(step, state_size, input_size)
        network: DrivenMap = kind(step, state_size, input_size, box, device)
    else:
        dt = own_dt(module, dt, tau)
        network = _as_map(module, _Told(state_size, input_size, protocol, box, device), encoder, derivatives)
    network.dt = dt
    return network


def _as_map(
    module: nn.Module | Step,
    told: _Told,
    encoder: nn.Module | Callable[[Tensor], Tensor] | None,
    derivatives: str | None,
) -> DrivenMap:
    if encoder is not None:
        if told.state_size is not None:
            raise ArgumentError("encoder", "is for a recurrent module: a step can call the encoder itself")
        return encoded(_as_map(module, _Told(protocol=told.protocol), None, None), encoder, told.input_size)
    differences = derivatives == "differences"
    if isinstance(module, nn.Module) and not differences:
        return _of_module(module, told)
    if told.state_size is None:
        what = "a function" if callable(module) else type(module).__name__
        raise ValueError(f"as_map takes a torch module, or a function with state_size and input_size; got {what} alone")
    if not callable(module):
        raise ArgumentError(
            "module", f"must be a torch module or a function step(state, input), got {type(module).__name__}"
        )
    return _of_function(module, told.state_size, told, differences)


def _part(module: object, path: str) -> nn.Module:
    if not isinstance(module, nn.Module):
        raise ArgumentError("child", f"is for a torch module, got {type(module).__name__}")
    try:
        return module.get_submodule(path)
    except AttributeError as error:
        names = [name for name, _ in module.named_modules() if name]
        listed = ", ".join(names[:12]) or "none"
        raise ArgumentError(
            "child", f"must be the path of a part of {type(module).__name__} ({listed}), got {path!r}"
        ) from error


def _unwrapped(module: nn.Module | Step) -> nn.Module | Step:
    """What ``torch.compile``, ``DataParallel`` and ``DistributedDataParallel`` were given."""
    while True:
        inner = getattr(module, "_orig_mod", None) or getattr(module, "_torchdynamo_orig_callable", None)
        if inner is None and type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
            inner = getattr(module, "module", None)
        if inner is None:
            return module
        module = inner


def _of_module(module: nn.Module, told: _Told) -> DrivenMap:
    state_size, input_size, protocol = told.state_size, told.input_size, told.protocol
    require_sizes(state_size, input_size)
    if isinstance(module, torch.jit.ScriptModule):
        raise NotRecurrent("a module of torch.jit cannot be analysed: pass the module that it was made of")
    reasons: list[ValueError] = []
    if protocol is None:
        try:
            return _required(_of_layers(module), module, state_size, input_size)
        except StaleWeight:
            raise
        except (NotRecurrent, NotPlain) as error:
            reasons.append(error)
    if state_size is not None and input_size is not None and protocol in (None, "state, input"):
        if (
            told.box is None
            and protocol is None
            and (cell := _wrapped_cell(module, state_size, input_size)) is not None
        ):
            return _of_layers(cell)
        if not (protocol is None and input_first(module, state_size, input_size)) and _steps(
            module, state_size, input_size
        ):
            require_order(module, state_size, input_size, protocol)
            require_no_memory(module, state_size, input_size)
            return FunctionMap(module, state_size, input_size, told.box, told.device)
    try:
        return _called(module, told)
    except NotRecurrent as error:
        reasons.append(error)
    if state_size is None and protocol is None and (found := _children(module)):
        if len(found) > 1:
            listed = ", ".join(f"'.{path}' ({type(part).__name__})" for path, part in found.items())
            raise ValueError(
                f"{type(module).__name__} holds several recurrent modules, pass one of {listed}, as child="
            )
        path, part = next(iter(found.items()))
        network = _of_module(part, _Told())
        unseen = "" if seen_steps(module, path) else ", and were not seen to stay out of its recurrence"
        network.said = (
            f"part '.{path}' of {type(module).__name__}, whose other parts are left out{unseen}",
            *network.said,
        )
        return network
    if state_size is not None and input_size is not None and protocol is None:
        require_order(module, state_size, input_size)
        # It says what is wrong with it when it is held.
        return FunctionMap(module, state_size, input_size, told.box, told.device)
    if len(reasons) == 1 or type(module).__module__.partition(".")[0] == "torch":
        raise reasons[0]
    raise NotRecurrent(f"{reasons[1]}; {reasons[0]}")


def _of_layers(module: nn.Module) -> LayeredMap:
    layers = recurrent_layers(module)
    for index, layer in enumerate(layers):
        for name, weight in layer.weights().items():
            if weight.is_complex():
                raise ValueError(f"{name} of layer {index} must be real: layers of complex weights are not known")
            require_values(weight, f"{name} of layer {index}")
    require_plain(module, layers)
    network = LayeredMap(layers, (lambda: recurrent_layers(module)) if has_derived_weights(module) else None)
    network.said = _of_hooks(module, "its forward hooks are not run")
    return network


def _of_hooks(module: nn.Module, said: str) -> tuple[str, ...]:
    return (said,) if any(part._forward_hooks for part in module.modules()) else ()


def _required(network: LayeredMap, module: nn.Module, state_size: int | None, input_size: int | None) -> LayeredMap:
    """The network, if it has the sizes that were given."""
    if state_size in (None, network.state_size) and input_size in (None, network.input_size):
        return network
    raise ValueError(
        f"a {type(module).__name__} tells its sizes itself, {network.state_size} state units and "
        f"{network.input_size} inputs, but state_size={state_size} and input_size={input_size} were given"
    )


def _wrapped_cell(module: nn.Module, state_size: int, input_size: int) -> nn.Module | None:
    """The cell whose step is that of the module, if there is one."""
    for name, part in module.named_modules():
        if is_recurrent(part) and wraps(module, name, state_size, input_size, recurrent_layers):
            return part
    return None


def _called(module: nn.Module, told: _Told) -> DrivenMap:
    """The map of a module that is called in the form that is found."""
    for name, weight in [*module.named_parameters(), *module.named_buffers()]:
        require_values(weight, f"{name} of {type(module).__name__}")
    found = recognise(module, told.state_size, told.input_size, told.protocol)
    step, n, m = ModuleStep(module, found.form), found.form.layout.state_size, found.input_size
    if told.box is None and (cell := _wrapped_cell(step, n, m)) is not None:
        return _of_layers(cell)
    require_no_memory(step, n, m)
    network = FunctionMap(step, n, m, told.box, told.device)
    network.said = _of_hooks(module, "its forward hooks are run at every step")
    require_same(step, n, m, network.dtype)
    return network


def _children(module: nn.Module) -> dict[str, nn.Module]:
    """The recurrent modules within a module that do not lie within one another: known ones, or else called ones."""
    for known in (True, False):
        found: dict[str, nn.Module] = {}
        for path, part in module.named_modules():
            if not path or any(path.startswith(f"{outer}.") for outer in found):
                continue
            if is_recurrent(part) if known else _is_called(part):
                found[path] = part
        if found:
            return found
    return {}


def _is_called(module: nn.Module) -> bool:
    if not any(True for _ in module.parameters()) or type(module).__module__.partition(".")[0] == "torch":
        return False
    try:
        recognise(module)
    except NotRecurrent:
        return False
    return True


def _steps(module: nn.Module, state_size: int, input_size: int) -> bool:
    """Whether a module makes a state [n] of a state [n] and an input [m], in this order."""
    dtype = next((p.dtype for p in module.parameters()), torch.get_default_dtype())
    where = {"dtype": dtype, "device": device_of(module), "mode": Interpretation(frozen=True)}
    with torch.no_grad():
        made = made_of_zeros(lambda state, input: present(module)(state, input), state_size, input_size, **where)
    return made is not None and made.shape == (state_size,)


def _of_function(step: Step, state_size: int, told: _Told, differences: bool) -> DrivenMap:
    input_size = told.input_size
    if input_size is None:
        raise ValueError("a function needs input_size beside state_size (0 if it takes no input)")
    require_sizes(state_size, input_size)
    if told.protocol not in (None, "state, input"):
        raise ArgumentError("protocol", f"{told.protocol!r} is for modules: a function is called as step(state, input)")
    require_order(step, state_size, input_size, told.protocol)
    require_no_memory(step, state_size, input_size)
    device = torch.device(told.device or "cpu")
    kind = DifferencedMap if differences else FunctionMap
    # NumPy takes tensors too, but none that wants gradients.
    if not is_plain(step, state_size, input_size, torch.float64, device):
        if is_array_step(step, state_size, input_size):
            step, kind = ArrayStep(step), DifferencedMap
        elif maps_complex(step, state_size, input_size, device):
            step, state_size = ComplexStep(step), 2 * state_size
    return kind(step, state_size, input_size, told.box, told.device)

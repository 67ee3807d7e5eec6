"""The environments' ids, so that ``gymnasium.make`` finds them."""

from gymnasium.envs.registration import register, registry

ID = "rnn_dynamics/TMaze-v0"


def register_environments() -> None:
    """Register what is not registered yet."""
    if ID not in registry:
        register(ID, entry_point="rnn_dynamics.rl:TMaze", vector_entry_point="rnn_dynamics.rl:TMazeVector")

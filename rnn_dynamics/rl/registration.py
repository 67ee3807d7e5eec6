"""The environments' ids, so that ``gymnasium.make`` finds them."""

from gymnasium.envs.registration import register, registry

MAZE = "rnn_dynamics/TMaze-v0"
CART_POLE = "rnn_dynamics/HiddenVelocityCartPole-v0"


def register_environments() -> None:
    """Register what is not registered yet."""
    if MAZE not in registry:
        register(MAZE, entry_point="rnn_dynamics.rl:TMaze", vector_entry_point="rnn_dynamics.rl:TMazeVector")
    if CART_POLE not in registry:
        entry_point = "rnn_dynamics.rl.hidden_velocity:hidden_velocity_cart_pole"
        register(CART_POLE, entry_point=entry_point, max_episode_steps=500, reward_threshold=475.0)

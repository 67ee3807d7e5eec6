"""Agents with memory: the T-Maze, a recurrent Q-network, and the automaton that it has learned."""

try:
    import gymnasium as _  # noqa: F401  # once, and in words: all of this folder is made of its environments
except ImportError as error:
    raise ImportError('rnn_dynamics.rl needs Gymnasium: pip install "rnn-dynamics[rl]"') from error

from .agent_results import AgentTraining
from .agent_trainer import q_network, train_agent, train_agents
from .entry import Environment, as_world
from .evaluation import evaluate_agent
from .evaluation_results import AgentEvaluation
from .exploring import explore
from .held import held_input
from .hidden_velocity import HiddenVelocity
from .learned_automaton import learned_automaton, maze_automaton
from .maze import TMaze
from .maze_memory import MazeMemory, maze_memory
from .maze_rules import Move, Seen
from .maze_vector import MazeStep, TMazeVector
from .policies import Policy, RecurrentPolicy
from .registration import register_environments
from .settings import AgentSettings, AgentWarmup
from .tabular import TabularProblem
from .worlds import World

__all__ = [
    "AgentEvaluation",
    "AgentSettings",
    "AgentTraining",
    "AgentWarmup",
    "Environment",
    "HiddenVelocity",
    "MazeMemory",
    "MazeStep",
    "Move",
    "Policy",
    "RecurrentPolicy",
    "Seen",
    "TMaze",
    "TMazeVector",
    "TabularProblem",
    "World",
    "as_world",
    "evaluate_agent",
    "explore",
    "held_input",
    "learned_automaton",
    "maze_automaton",
    "maze_memory",
    "q_network",
    "train_agent",
    "train_agents",
]

register_environments()

"""Agents with memory: the T-Maze, a recurrent Q-network, and the automaton that it has learned."""

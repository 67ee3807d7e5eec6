"""Figures of agents with memory."""

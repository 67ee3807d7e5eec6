"""The figures of bifurcations: each a script that measures what is not stored yet, draws, and says what it shows."""

"""One HTML page of results, that needs no other file: what was found, the evidence, and what it cannot tell."""

from .writing import write_page

__all__ = ["write_page"]

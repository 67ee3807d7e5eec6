"""Files of weights, as people save them: tensors by name, read without running any code that a file may carry."""

from .classes import options_of
from .contents import Contents, FileContents, Place, Told
from .formats import read_file
from .writing import write_tensors

__all__ = ["Contents", "FileContents", "Place", "Told", "options_of", "read_file", "write_tensors"]

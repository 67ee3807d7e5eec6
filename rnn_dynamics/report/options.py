"""What the library says of its arguments, in the words of the command line."""

import re

_OPTIONS = {
    r"through_trajectories=False": "--no-trajectories",
    r"clip_norm=": "--clip-norm ",
    r"\bclip_norm\b": "--clip-norm",
    r"\ban lr below\b": "an --lr below",
    r"\ba Horizon with a longest below\b": "a --horizon below",
    r"with a folder, resume=True goes on": "--resume goes on",
    r"\bresume=True\b": "--resume",
    r"\banother folder\b": "another --out",
}


def as_options(text: str) -> str:
    """Advice or an error of the library with the command's options in place of arguments."""
    for argument, option in _OPTIONS.items():
        text = re.sub(argument, option, text)
    return text

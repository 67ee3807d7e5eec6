"""What a file is that cannot be read: one sentence, with what to do about it."""

import re
import tarfile
import zipfile
from itertools import islice
from pathlib import Path

_MAGIC = {
    b"\x1f\x8b": "compressed by gzip, so unpack it first",
    b"BZh": "compressed by bzip2, so unpack it first",
    b"\xfd7zXZ": "compressed by xz, so unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed by zstd, so unpack it first",
    b"\x93NUMPY": "a numpy array: save {name: torch.from_numpy(array)} with torch.save",
}
UNPACKED = 16
"""An archive that unpacks to more than so many times its size holds no weights: torch packs nothing."""


def head_of(path: Path) -> bytes:
    """Its first bytes.

    Raises:
        ValueError: if it cannot be read, or there are none.
    """
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if not head:
        raise ValueError("it is empty")
    return head


def members_of(path: Path) -> list[str]:
    """The names in a zip archive; none for what is no archive, or a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except Exception:  # of many types, for what is damaged
        return []


def require_unpackable(path: Path) -> None:
    """Refuse an archive that would fill the memory: torch makes room for whatever its directory says.

    Raises:
        ValueError: with both sizes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(info.file_size for info in archive.infolist())
    except Exception:  # of many types, for what is no zip archive or a damaged one: others say what it is
        return
    require_size(unpacked, path)


def require_size(unpacked: int, path: Path) -> None:
    """Refuse what unpacks to far more than a file of weights does.

    Raises:
        ValueError: with both sizes.
    """
    if unpacked > UNPACKED * path.stat().st_size + 2**20:
        raise ValueError(f"it unpacks to {unpacked:,} bytes from {path.stat().st_size:,}, as no weights do")


def refusal(path: Path) -> str:
    """One sentence for the page that torch.load says."""
    members = {name.rpartition("/")[2] for name in members_of(path)}
    if "constants.pkl" in members:
        return "it is a TorchScript archive: save module.state_dict() with torch.save instead"
    if members and "data.pkl" not in members:
        return "it is a zip archive, but not one that torch.save wrote"
    return "it is cut short, damaged, or neither a file of torch.save nor of safetensors" + _foreign(path)


def _foreign(path: Path) -> str:
    """What a file is that is none of torch's, where its first bytes or its structure tell."""
    head = head_of(path)
    if kind := next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None):
        return f": it is {kind}"
    try:
        with tarfile.open(path, "r:") as archive:
            names = {member.name.removeprefix("./") for member in islice(archive, 8)}
        if names & {"storages", "tensors", "pickle"}:
            return ": it is torch's own tar archive of before 2017: torch.save(torch.load(F, weights_only=False), G)"
        return ": it is a tar archive" if names else ""
    except (tarfile.TarError, OSError, EOFError):
        pass
    try:
        with path.open(encoding="utf-8") as file:
            start = file.read(4096).lstrip()
    except (OSError, UnicodeDecodeError):
        return ""
    if re.match(r"[{\[]\s*(\"|\[|\{|-?\d|\}|\])", start):
        return ": it is JSON, so save {name: torch.tensor(values)} of its lists with torch.save"
    return ""

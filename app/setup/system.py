"""Libraries of the operating system that packages load, and the line that installs them."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["SYSTEM_LIBRARIES", "SystemLibrary", "install_line", "library_loads", "missing_library"]


@dataclass(frozen=True)
class SystemLibrary:
    """A shared library that no wheel brings."""

    needed_for: str
    debian_package: str


SYSTEM_LIBRARIES: Mapping[str, SystemLibrary] = MappingProxyType(
    {
        "libGL.so.1": SystemLibrary("OpenCV in its windowed build (face tracking)", "libgl1"),
        "libgthread-2.0.so.0": SystemLibrary("OpenCV in its windowed build (face tracking)", "libglib2.0-0"),
        "libEGL.so.1": SystemLibrary("pyrender (shaded view without a screen)", "libegl1"),
        "libGLESv2.so.2": SystemLibrary("pyrender (shaded view without a screen)", "libgles2"),
    }
)


def library_loads(name: str) -> bool:
    """Whether the dynamic loader finds that library."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def install_line(debian_package: str) -> str:
    """What to type to install a system package here."""
    if shutil.which("apt-get") is None:
        return f"install the package of this system that Debian calls {debian_package}"
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y {debian_package}"


def missing_library(error: ImportError) -> str | None:
    """One sentence if an import failed for want of a system library, else None."""
    match = re.match(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file", str(error))
    if match is None:
        return None
    known = SYSTEM_LIBRARIES.get(match[1])
    way_out = f"run: {install_line(known.debian_package)}" if known else "install the system package that holds it"
    return f"the system library {match[1]} is missing; {way_out}"

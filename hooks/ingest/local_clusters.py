"""Keeps a Ray cluster of this machine to this process: on the loopback interface, with a token.

By default a cluster that `ray.init` starts listens on all interfaces (its GCS, raylets, workers and
metrics), and whoever reaches it can run code. Ray binds to 127.0.0.1 if that is the node's address,
which it is only where clusters of several machines are switched off, as on macOS and Windows: Ray
replaces a ``_node_ip_address`` of 127.0.0.1 by that of the network.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pgvoice.hooks.errors import ClusterUnavailable

_SEVERAL_MACHINES, _MODE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "RAY_AUTH_MODE"
_TOKEN, _TOKEN_FILE = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


@contextmanager
def private() -> Iterator[None]:
    """Set the environment of a new cluster, and give back the old one at the end.

    The token is new for each cluster and is stored nowhere; a version of Ray without tokens ignores
    it.
    """
    names = (_SEVERAL_MACHINES, _MODE, _TOKEN, _TOKEN_FILE)
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ |= {_SEVERAL_MACHINES: "0", _MODE: "token", _TOKEN: secrets.token_hex(32)}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        if "ray" in sys.modules:
            configure(sys.modules["ray"])


def configure(ray: Any) -> None:
    """Let a Ray that was imported earlier read these settings again."""
    several = os.environ.get(_SEVERAL_MACHINES, str(int(sys.platform == "linux"))) != "0"
    ray._private.ray_constants.ENABLE_RAY_CLUSTER = several
    native = ray._raylet
    if hasattr(native, "AuthenticationTokenLoader"):
        native.Config.initialize("")
        native.AuthenticationTokenLoader.instance().reset_cache()


def check(ray: Any) -> None:
    """Stop a cluster that others can reach, and raise `ClusterUnavailable`."""
    address = ray.util.get_node_ip_address()
    if not ipaddress.ip_address(address).is_loopback:
        ray.shutdown()
        raise ClusterUnavailable(
            f"Ray {ray.__version__} would listen at {address}, where other machines can reach it:"
            " install another version of Ray, or leave out --ray and use --workers"
        )

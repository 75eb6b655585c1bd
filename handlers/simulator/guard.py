"""Keeps the stand-in apart from the real Messenger."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

DEMO_PREFIX = "demo-"
META = "https://graph.facebook.com"  # the default, which the demo replaces with its own


def is_demo_token(token: str) -> bool:
    """Whether a token is one of the demo's own, which works nowhere else."""
    return token.startswith(DEMO_PREFIX)


def refuse_real_token(environment: Mapping[str, str]) -> str | None:
    """A sentence for whoever starts the demo where real values are set, or None when all is well."""
    token = environment.get("PAGE_ACCESS_TOKEN", "")
    if token and not is_demo_token(token):
        return (
            "PAGE_ACCESS_TOKEN holds a real Page's token. The demo only runs with its own, "
            "so that an invented conversation never reaches a real person. Unset it and start again."
        )
    url = environment.get("GRAPH_API_URL", "")
    if url and url != META and not _is_loopback(url):
        return (
            "GRAPH_API_URL points away from this machine. The demo only talks to its own stand-in. "
            "Unset it and start again."
        )
    return None


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

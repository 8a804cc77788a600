"""Answers with an ETag: a client that has it already gets 304 and no body."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

__all__ = ["conditional", "conditional_content"]


def conditional(
    request: Request, body: Any, *, cache_control: str, tagged: Any = None
) -> HttpResponseBase:
    """Answer a GET with a JSON body and its ETag, or with 304.

    The tag is strong, the hash of the body; where `tagged` is given it is weak, the hash of
    that: what the answer means, when it also tells such things as its own age.
    """
    content = JSONRenderer().render(body)
    known = content if tagged is None else JSONRenderer().render(tagged)
    digest = hashlib.sha256(known).hexdigest()[:32]
    etag = f'"{digest}"' if tagged is None else f'W/"{digest}"'
    return conditional_content(request, content, etag=etag, cache_control=cache_control)


def conditional_content(
    request: Request, content: bytes, *, etag: str, cache_control: str
) -> HttpResponseBase:
    """Answer a GET with JSON that is written already, under a tag that is known, or with 304."""
    headers = {"ETag": etag, "Cache-Control": cache_control}
    response = HttpResponse(content, content_type="application/json", headers=headers)
    # Private to Django's stubs only: the request underneath is what it looks at.
    return get_conditional_response(request._request, etag=etag, response=response) or response

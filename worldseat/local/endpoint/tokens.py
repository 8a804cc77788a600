"""IAM tokens: a presigned URL without its scheme, checked as AWS checks it.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

from worldseat.local.endpoint.wire import Refusal

ADMIN = "admin"

_ALGORITHM = "AWS4-HMAC-SHA256"
_LONGEST = timedelta(days=7)
# AWS tolerates clocks that run ahead by this much.
_SKEW = timedelta(minutes=5)


class AccessDenied(Refusal):
    """unable to accept connection, access denied"""

    def __init__(self, hint: str | None = None) -> None:
        super().__init__("28000", "unable to accept connection, access denied", hint=hint)


def check_token(
    token: str,
    *,
    host: str,
    region: str,
    user: str,
    access_key: str,
    secret_key: str,
    now: datetime,
) -> None:
    """Raise AccessDenied unless `token` was signed for this host, region and user and is fresh.

    Only an expired token gets a hint, "Signature expired", as on DSQL: nothing else that is wrong
    can be put right by minting again.
    """
    parts = urlsplit(f"https://{token}")
    try:
        fields = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
        key, day, signed_region, service, end = fields["X-Amz-Credential"].split("/")
        signed_at = datetime.strptime(fields["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        life = timedelta(seconds=int(fields["X-Amz-Expires"]))
        signature = fields.pop("X-Amz-Signature")
        algorithm, headers = fields["X-Amz-Algorithm"], fields["X-Amz-SignedHeaders"]
        action = fields["Action"]
    except (KeyError, ValueError):
        raise AccessDenied from None
    expected = "DbConnectAdmin" if user == ADMIN else "DbConnect"
    if (
        parts.netloc.partition(":")[0] != host
        or parts.path not in ("", "/")
        or (key, signed_region, service, end) != (access_key, region, "dsql", "aws4_request")
        or (algorithm, headers, action) != (_ALGORITHM, "host", expected)
        or not timedelta(0) < life <= _LONGEST
        or day != f"{signed_at:%Y%m%d}"
    ):
        raise AccessDenied
    computed = sign(host=parts.netloc, fields=fields, secret_key=secret_key)
    if not hmac.compare_digest(computed, signature) or signed_at > now + _SKEW:
        raise AccessDenied
    if now >= signed_at + life:
        raise AccessDenied("Signature expired")


def sign(*, host: str, fields: dict[str, str], secret_key: str) -> str:
    """Return the SigV4 signature, in hex, of a presigned `GET https://<host>/?<fields>`."""
    query = "&".join(
        f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(fields.items())
    )
    request = f"GET\n/\n{query}\nhost:{host}\n\nhost\n{hashlib.sha256(b'').hexdigest()}"
    scope = fields["X-Amz-Credential"].split("/", 1)[1]
    hashed = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"{_ALGORITHM}\n{fields['X-Amz-Date']}\n{scope}\n{hashed}"
    key = f"AWS4{secret_key}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()

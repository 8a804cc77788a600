"""What can go wrong with AWS, in words: what happened, where, and what to do about it.

Every error of this package is a ClusterError. `done` says what had been changed before it,
so that nobody has to guess what state the pair is in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore import exceptions as aws

__all__ = [
    "AccessDenied",
    "BadCredentials",
    "ClusterError",
    "ClusterNotFound",
    "Conflict",
    "NoCredentials",
    "QuotaExceeded",
    "RequestRefused",
    "ServiceTrouble",
    "Throttled",
    "Unreachable",
    "translate",
]


class ClusterError(Exception):
    """Something about the pair of clusters is not as it has to be.

    what: what happened, one sentence. todo: what to do about it.
    done: what this command had changed before, in order; empty means nothing was.
    """

    # 1 other, 2 bad input, 3 not finished, 4 needs a decision, 5 access, 6 a cluster failed.
    exit_code = 1
    # Whether the same call may be sent again, later.
    transient = False

    def __init__(self, what: str, *, todo: str) -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo
        self.done: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Name the error for programs: `access-denied`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()


class NoCredentials(ClusterError):
    """No AWS credentials were found, or they are not complete."""

    exit_code = 5


class BadCredentials(ClusterError):
    """AWS does not accept the credentials: expired, unknown, or a clock that is off."""

    exit_code = 5


class AccessDenied(ClusterError):
    """The credentials are good, but IAM does not allow an action.

    actions: the IAM action that is missing; several where AWS did not say which.
    """

    exit_code = 5

    def __init__(self, what: str, *, todo: str, actions: tuple[str, ...]) -> None:
        super().__init__(what, todo=todo)
        self.actions = actions


class QuotaExceeded(ClusterError):
    """The account may have no more of something."""

    exit_code = 5


class Throttled(ClusterError):
    """AWS wants fewer requests. retry_after: seconds, where AWS said so."""

    exit_code = 3
    transient = True
    retry_after: float | None = None


class ServiceTrouble(ClusterError):
    """AWS answered with a fault of its own."""

    exit_code = 3
    transient = True


class Unreachable(ClusterError):
    """No answer: whether the request took effect is not known."""

    exit_code = 3
    transient = True


class Conflict(ClusterError):
    """The cluster is in the middle of something else, or the request contradicts an earlier one."""

    exit_code = 4
    transient = True


class ClusterNotFound(ClusterError):
    """There is no such cluster."""

    exit_code = 4


class RequestRefused(ClusterError):
    """AWS understood the request and finds it wrong. reason: the model's ValidationException."""

    exit_code = 2
    reason = "other"


_NOT_CONFIGURED = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.ProfileNotFound,
    aws.ConfigParseError,
    aws.InvalidConfigError,
)
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_UNKNOWN_KEY = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "MissingAuthenticationTokenException",
}
_DENIED = {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}
_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown"}
_TROUBLE = {"InternalServerException", "InternalFailure", "ServiceUnavailable"}

# What an operation asks of IAM, for a refusal that does not say which (service model).
_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "CreateCluster": (
        "dsql:CreateCluster",
        "dsql:TagResource",
        "dsql:PutMultiRegionProperties",
        "dsql:PutWitnessRegion",
        "dsql:AddPeerCluster",
    ),
    "UpdateCluster": (
        "dsql:UpdateCluster",
        "dsql:GetCluster",
        "dsql:PutMultiRegionProperties",
        "dsql:PutWitnessRegion",
        "dsql:AddPeerCluster",
        "dsql:RemovePeerCluster",
    ),
}

_FIX_CREDENTIALS = (
    "Give credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "`aws sso login`), then run the same command again."
)


def translate(error: Exception, *, operation: str, region: str) -> ClusterError:
    """Turn an error of botocore into one that says what to do.

    operation: the API's name, `CreateCluster`. Errors that are not botocore's come out as a
    plain ClusterError.
    """
    where = f"{operation} in {region}"
    if isinstance(error, aws.ClientError):
        return _answered(error, operation=operation, region=region)
    if isinstance(error, _NOT_CONFIGURED):
        return NoCredentials(f"{where} was not sent: {error}.", todo=_FIX_CREDENTIALS)
    if isinstance(error, aws.SSOError | aws.CredentialRetrievalError | aws.TokenRetrievalError):
        return BadCredentials(
            f"{where} was not sent, because fetching credentials failed: {error}.",
            todo=_FIX_CREDENTIALS,
        )
    if isinstance(error, aws.ConnectionError):
        return Unreachable(
            f"{where} could not be sent: {error}.",
            todo=f"Check the network, and that DSQL is offered in {region}; then run it again.",
        )
    if isinstance(error, aws.HTTPClientError):
        return Unreachable(
            f"{where} got no answer ({error}); it may have taken effect.",
            todo="Run the same command again: it looks first and goes on where it stands.",
        )
    if isinstance(error, aws.ParamValidationError):
        return RequestRefused(f"{where} was not sent: {error}", todo="Correct the options.")
    return ClusterError(f"{where} failed: {error}", todo="Run the same command again.")


def _answered(error: aws.ClientError, *, operation: str, region: str) -> ClusterError:
    response: Mapping[str, Any] = error.response
    code = str(response.get("Error", {}).get("Code", ""))
    message = str(response.get("Error", {}).get("Message") or response.get("message") or code)
    where = f"{operation} in {region}"
    if code in _EXPIRED:
        return BadCredentials(
            f"{where} was refused: the credentials have expired.", todo=_FIX_CREDENTIALS
        )
    if code in _UNKNOWN_KEY:
        return BadCredentials(
            f"{where} was refused: {message} ({code}).",
            todo=f"Check the key and this machine's clock. {_FIX_CREDENTIALS}",
        )
    if code in _DENIED:
        return _denied(message, operation=operation, where=where)
    if code in _THROTTLED:
        return _throttled(response, where=where)
    if code in _TROUBLE:
        return ServiceTrouble(
            f"{where}: AWS had a fault of its own: {message}", todo="Run the same command again."
        )
    if code == "ServiceQuotaExceededException":
        return _quota(response, message=message, where=where)
    if code == "ConflictException":
        return Conflict(
            f"{where} was refused, it conflicts: {message}",
            todo="See `manage.py dsql_cluster status`, wait until it has settled, run it again.",
        )
    if code == "ResourceNotFoundException":
        return ClusterNotFound(
            f"{where}: {message}", todo="See `manage.py dsql_cluster status` for what exists."
        )
    if code == "ValidationException":
        return _invalid(response, message=message, where=where)
    return ClusterError(
        f"{where} failed: {message} ({code}).", todo="See the AWS documentation of this error."
    )


def _denied(message: str, *, operation: str, where: str) -> AccessDenied:
    named = re.search(r"perform: ([\w-]+:\w+)", message)
    resource = re.search(r"on resource: (\S+)", message)
    actions = (named[1],) if named else _ACTIONS.get(operation, (f"dsql:{operation}",))
    wanted = " or ".join(actions)
    on = f" on {resource[1]}" if resource else ""
    todo = (
        f"Allow {wanted}{on}; `manage.py dsql_cluster policy` prints the whole least policy. "
        f"Then run the same command again."
    )
    if "explicit deny" in message:
        todo = f"A policy denies {wanted}{on} explicitly: whoever owns that policy has to lift it."
    return AccessDenied(
        f"{where} was refused: IAM does not allow {wanted}{on}.", todo=todo, actions=actions
    )


def _throttled(response: Mapping[str, Any], *, where: str) -> Throttled:
    error = Throttled(
        f"{where} was refused: too many requests.", todo="Run the same command again in a minute."
    )
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    said = response.get("retryAfterSeconds", headers.get("retry-after"))
    if said is not None and str(said).isdecimal():
        error.retry_after = float(said)
    return error


def _quota(response: Mapping[str, Any], *, message: str, where: str) -> QuotaExceeded:
    quota = response.get("quotaCode", "?")
    return QuotaExceeded(
        f"{where} was refused, a quota is used up: {message} (quota {quota}).",
        todo=(
            f"Delete clusters that are not needed, or ask for more: `aws service-quotas "
            f"request-service-quota-increase --service-code dsql --quota-code {quota} "
            f"--desired-value N`. Then run the same command again."
        ),
    )


def _invalid(response: Mapping[str, Any], *, message: str, where: str) -> RequestRefused:
    fields = "; ".join(
        f"{each['name']}: {each['message']}" for each in response.get("fieldList", [])
    )
    error = RequestRefused(
        f"{where} was refused: {message}{f' ({fields})' if fields else ''}",
        todo="Correct the options; `manage.py dsql_cluster plan` shows what would be sent.",
    )
    error.reason = str(response.get("reason", "other"))
    return error

"""The files of an export: downloads from a host that takes no token, for its URLs are signed.

A URL here is a secret. So no error, log line or repr has more of it than host and file name.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from shared import telemetry
from shared.api.exchange import Answer, Observer, RequestContext, retry_after, unobserved
from shared.api.export import Manifest
from shared.errors import ApiError, Fatal, FileRefused, NoAnswer, Retriable, Throttled, may_pass
from shared.keys import quoted
from shared.setting_values import is_loopback

GZIP = b"\x1f\x8b"
"""How a file begins that tells by itself whether it is whole."""

_API = "files of an export"
"""What telemetry calls it."""
_AZURE = ".blob.core.windows.net"
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~=%+,@-]*)*")
_CONNECTIONS = 16
_MOST_AT_ONCE = 1 << 20
_ON_THE_WAY = (requests.RequestException, HTTPError, TimeoutError)

# It tells whole URLs: at DEBUG of each request, at WARNING of one whose answer has odd headers.
logging.getLogger("urllib3").setLevel(logging.ERROR)


def check_root(url: str, *, loopback: bool) -> None:
    """Refuse a directory, data from outside, that is not in an Azure storage account over https.

    With `loopback` it may also be on this machine. Raises Fatal.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        good = _is_trusted(parts.scheme, host, parts.port, loopback=loopback)
    except ValueError:
        host, good = "an address that is none", False
    if not good or not _PLAIN_URL.fullmatch(url) or _climbs(url):
        raise Fatal(
            f"The files of the export are said to be at {quoted(host)}, which is refused: expected a "
            f"directory of https://*{_AZURE}"
        )


def _is_trusted(scheme: str, host: str, port: int | None, *, loopback: bool) -> bool:
    if loopback and is_loopback(host):
        return scheme in ("http", "https")
    return scheme == "https" and host.endswith(_AZURE) and port in (None, 443)


def _climbs(url: str) -> bool:
    return any(part in (".", "..") for part in unquote(url).split("/"))


class Files:
    """Downloads files by signed URLs, with several connections. Thread-safe; one for the process."""

    def __init__(self, observe: Observer = unobserved) -> None:
        self._observe = observe
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))

    @contextmanager
    def open(
        self, manifest: Manifest, number: int, context: RequestContext
    ) -> Iterator[Iterator[bytes]]:
        """Give a file's bytes as they come. Raises ApiError, FileRefused among them."""
        name, url = manifest.names[number], manifest.url(number)
        with (
            telemetry.request(_API, "GET", url) as answered,
            self._get(url, name, context) as response,
        ):
            answered(response.status_code)
            self._observe(Answer(response.status_code, response.headers, b""))
            if response.status_code != 200:
                raise _refusal(name, response)
            try:
                yield _pieces(name, response, context)
            except _ON_THE_WAY as error:
                raise _told(name, error) from None

    def _get(self, url: str, name: str, context: RequestContext) -> requests.Response:
        patience, left = context.patience, context.deadline - time.monotonic()
        if left <= 0:
            raise NoAnswer(f"No time is left for {name}")
        failure: ApiError
        try:
            return self._session.get(
                url,
                headers={"Accept-Encoding": "identity"},
                auth=_no_auth,
                timeout=(min(patience.connect_timeout, left), min(patience.read_timeout, left)),
                allow_redirects=False,
                stream=True,
            )
        except _ON_THE_WAY as error:
            failure = _told(name, error)
        except ValueError:
            # requests takes the Location of a redirect apart even where it does not follow it.
            failure = Fatal(f"The download of {name} is redirected to nowhere")
        raise failure  # not while the other one is handled, which would stay within it


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no credentials; being the request's own auth, it also keeps a .netrc from adding some."""
    return request


def _told(name: str, error: BaseException) -> NoAnswer:
    """Tell what went wrong on the way, without what the libraries say of it: the URL."""
    if isinstance(error, requests.Timeout | TimeoutError | ReadTimeoutError):
        return NoAnswer(f"The file {name} did not come in time")
    return NoAnswer(f"The download of {name} broke off ({type(error).__name__})")


def _pieces(name: str, response: requests.Response, context: RequestContext) -> Iterator[bytes]:
    """Give what comes as it comes: a timeout of the socket does not bound a file that trickles."""
    length, head = 0, b""
    while piece := response.raw.read1(_MOST_AT_ONCE, decode_content=False):
        length, head = length + len(piece), head or piece[:2]
        yield piece
        if time.monotonic() >= context.deadline:
            raise TimeoutError
    promised = response.headers.get("Content-Length", "")
    if promised.isdecimal() and int(promised) != length:
        raise NoAnswer(f"The file {name} ended after {length} of {promised} bytes")
    if not (promised or "Transfer-Encoding" in response.headers or head == GZIP):
        raise NoAnswer(f"Nothing tells whether the file {name} is whole")


def _refusal(name: str, response: requests.Response) -> ApiError:
    """Say what any other status means, by what to do next."""
    status = response.status_code
    text = f"The host of the files answered {status} to a download of {name}"
    if may_pass(status):
        error = (Throttled if status == 429 else Retriable)(text, status=status)
        error.delay = retry_after(response.headers)
        return error
    kind = FileRefused if status in (401, 403, 404, 410) else Fatal
    return kind(text, status=status)

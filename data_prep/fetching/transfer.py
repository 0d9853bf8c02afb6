"""One small file over HTTP, asked for again where the connection or the server fails for a while."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request

from bam.base.errors import BamError
from bam.data_prep.sources.photographs import Unusable

ATTEMPTS = 6
PAUSE = 1.0  # seconds before the second attempt; each further pause is twice as long
TIMEOUT = 30  # seconds without any byte
LARGEST = 64 << 20  # bytes; the largest photographs of COCO have less than one MB
# Request timeout, too early, too many requests: the server may answer otherwise later, as after 5xx.
_LATER = (408, 425, 429)


def get(url: str) -> bytes:
    """The content of `url`.

    Raises `Unusable` if the server has none, or too much of it; `BamError` if it was cut off, or the server
    failed, at each of `ATTEMPTS` attempts.
    """
    failure: Exception | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            return _content(url)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in _LATER:
                raise Unusable(f"not to be had: {error.code} {error.reason}") from None
            failure = error
        except (OSError, http.client.HTTPException) as error:  # nothing is written here: it is the network
            failure = error
    raise BamError(f"{url} cannot be fetched in {ATTEMPTS} attempts ({failure}): run again to go on")


def _content(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        expected = answer.length  # None if the server does not say it
        data = answer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Unusable(f"not to be had: more than {LARGEST} bytes")
    if expected is not None and len(data) < min(expected, LARGEST):
        raise ConnectionError(f"broke off at {len(data)} of {expected} bytes")
    return data

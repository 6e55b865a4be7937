"""What other engines are known not to do, as they are today; each entry fails when it starts to pass."""

from typing import Final

GAPS: Final[dict[str, str]] = {
    "test_what_waits_reads_an_object_before_it_is_whole[nginx]": (
        "proxy_cache_lock lets nobody read what is still being written, and waiters poll every 500 ms"
    ),
    "test_what_waits_reads_an_object_before_it_is_whole[nginx-with-tls]": "as nginx without TLS",
    "test_a_range_beyond_the_end_is_416[nginx-with-tls]": "as nginx without TLS",
    "test_no_second_request_is_smuggled_behind_a_first[varnish-X: 1| Transfer-Encoding: chunked]": (
        "joins a folded field to one line, as RFC 9112 allows, and serves what follows as the next request"
    ),
    "test_a_range_beyond_the_end_is_416[nginx]": (
        "a 416 of nginx repeats the field that add_header set, because an error is a request of its own"
    ),
}


def gap_of(test: str) -> str | None:
    """Return why a test, by its name with parameters, is expected to fail."""
    return GAPS.get(test)

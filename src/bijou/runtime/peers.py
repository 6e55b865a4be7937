"""Whose address it is that somebody calls from."""

import functools
import ipaddress


@functools.lru_cache(maxsize=4096)
def household(peer: str) -> str:
    """Return what callers from one place have in common: an IPv4 address, or an IPv6 network of 64 bits.

    A home is given that many IPv6 addresses, so each single one proves
    nothing. What is no address stands for itself.

    Example:
        >>> household("198.51.100.7"), household("2001:db8:1:2:3:4:5:6"), household("::ffff:198.51.100.7")
        ('198.51.100.7', '2001:db8:1:2::/64', '198.51.100.7')
    """
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))

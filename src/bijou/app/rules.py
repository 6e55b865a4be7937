"""What settings must be beyond their types, so that what starts also works."""

import ipaddress
import re
from urllib.parse import urlsplit

from bijou.accounts import check_name, check_password
from bijou.app.settings import Encoding, Settings
from bijou.ports import InvalidRequest

_FILE = re.compile(r"(/[A-Za-z0-9._-]+)*")
_SLOWEST_FILL_BPS = 100_000
_HOUR = re.compile(r"[0-9]{1,2}")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def check(settings: Settings) -> Settings:
    """Return the settings as they are.

    Raises:
        InvalidRequest: `settings.bad_value`; one sentence with the setting, its
            value unless it is secret, and the rule.
    """
    _check_regions(settings)
    _check_urls(settings)
    _check_shields(settings.edge.shields)
    for name in ("capacity", "cost"):
        weights_of(settings, name)
    fill_hours_of(settings)
    _check_fill_rate(settings.edge.fill_bps)
    _check_records(settings.house.records)
    _check_recipes(settings.encoding.recipes)
    _check_proxies("[control]", settings.control.trusted_proxies)
    _check_proxies("[edge]", settings.edge.trusted_proxies)
    _check_tls(settings)
    _check_operator(settings.accounts.operator_name, settings.accounts.operator_password)
    return settings


def edges_of(settings: Settings) -> list[tuple[str, str]]:
    """Return (region, address) of every edge, the preferred first."""
    pairs = [entry.partition("=") for entry in settings.delivery.edges]
    return [(region, address.rstrip("/")) for region, _, address in pairs]


def edge_listens(settings: Settings, region: str) -> tuple[str, int]:
    """Return host and port where a region's edge listens, on a machine of all of them.

    That is its address, but for one behind TLS: nginx is there, and the edge at
    an address of this machine's own, the first 127.0.0.2.
    """
    for number, (name, address) in enumerate(edges_of(settings)):
        place = urlsplit(address)
        if name == region and place.scheme == "https":
            return f"127.0.0.{2 + number}", settings.edge.port
        if name == region:
            return place.hostname or "", place.port or 80
    raise _bad(f"[delivery] edges names no region {region}")


def proxies_of(settings: Settings) -> list[str]:
    """Return who is believed about whom they call for: nginx on this machine too, where it speaks TLS."""
    own = ["127.0.0.1", "::1"] if settings.tls.certificate else []
    return [*settings.control.trusted_proxies, *own]


def public_addresses(settings: Settings) -> list[str]:
    """Return every address under which somebody else reaches a part of this installation."""
    edges = [address for _, address in edges_of(settings)]
    places = (settings.control.public_url, *edges, settings.edge.origin_url, settings.steering.url)
    return [place for place in places if place]


def weights_of(settings: Settings, name: str) -> dict[str, float]:
    """Return what `[steering]` says of each region, where it says something.

    Args:
        name: Of the setting: `capacity` or `cost`.

    Raises:
        InvalidRequest: `settings.bad_value`.
    """
    regions = {region for region, _ in edges_of(settings)}
    weights: dict[str, float] = {}
    for entry in getattr(settings.steering, name):
        region, _, number = entry.partition("=")
        if region not in regions or region in weights or not _is_weight(number):
            rule = f"it takes region=number, above 0, each of {', '.join(sorted(regions))} once"
            raise _bad(f"[steering] {name}: {entry!r}; {rule}")
        weights[region] = float(number)
    if name == "capacity" and weights and len(weights) < len(regions):
        missing = ", ".join(sorted(regions - set(weights)))
        raise _bad(f"[steering] capacity says nothing of {missing}; it names every region or none")
    return weights


def fill_hours_of(settings: Settings) -> tuple[int, ...]:
    """Return the hours of the day at which an edge plans what to fetch ahead.

    Raises:
        InvalidRequest: `settings.bad_value`.
    """
    for hour in settings.edge.fill_hours:
        if not _HOUR.fullmatch(hour) or int(hour) > 23:
            raise _bad(f"[edge] fill_hours: {hour!r} is no hour of the day; it takes whole numbers, 0 to 23")
    return tuple(sorted({int(hour) for hour in settings.edge.fill_hours}))


def _check_fill_rate(rate_bps: int) -> None:
    if 0 < rate_bps < _SLOWEST_FILL_BPS:
        raise _bad(f"[edge] fill_bps = {rate_bps}; it takes 0 or at least {_SLOWEST_FILL_BPS}")


def _is_weight(number: str) -> bool:
    try:
        return 0 < float(number) < 1e12
    except ValueError:
        return False


def _check_regions(settings: Settings) -> None:
    if not settings.delivery.edges:
        raise _bad("[delivery] edges is empty; it takes region=http://host:port, at least one")
    seen = set()
    for region, address in edges_of(settings):
        if not _REGION.fullmatch(region) or not _is_url(address):
            raise _bad(
                f"[delivery] edges: {region}={address} is no edge; it takes region=http://host:port, "
                "the region of a-z 0-9 and -"
            )
        if region in seen:
            raise _bad(f"[delivery] edges names the region {region} twice; each region has one edge")
        seen.add(region)
    if not _REGION.fullmatch(settings.edge.region):
        raise _bad(f"[edge] region = {settings.edge.region!r}; it takes a-z 0-9 and -, at most 32")


def _check_urls(settings: Settings) -> None:
    for name, address in (
        ("[control] public_url", settings.control.public_url),
        ("[edge] origin_url", settings.edge.origin_url),
        ("[steering] url", settings.steering.url),
    ):
        if address and not _is_url(address):
            raise _bad(f"{name} = {address!r}; it takes http://host:port or https://host:port")


def _check_shields(shields: list[str]) -> None:
    for shield in shields:
        if not _is_url(shield):
            raise _bad(f"[edge] shields: {shield!r} is no address of an edge; it takes http://host:port")


def _check_records(address: str) -> None:
    if address and not address.startswith(("postgresql://", "postgres://")):
        raise _bad(
            "[house] records is no address of PostgreSQL; it takes postgresql://user:password@host/database"
        )


def _check_recipes(recipes: list[str]) -> None:
    if recipes == Encoding().recipes:
        return
    from bijou.encoding import recipe_names  # noqa: PLC0415 - what the usual ones spare every process

    known = recipe_names()
    if strange := [name for name in recipes if name not in known] or (["nothing"] if not recipes else []):
        raise _bad(
            f"[encoding] recipes names {', '.join(strange)}; it takes one or more of {', '.join(known)}"
        )


def _check_proxies(section: str, proxies: list[str]) -> None:
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            raise _bad(
                f"{section} trusted_proxies: {proxy!r} is neither an address nor a network; "
                "it takes such as 127.0.0.1 or 10.0.0.0/8"
            ) from None


def _check_tls(settings: Settings) -> None:
    tls = settings.tls
    if bool(tls.certificate) != bool(tls.key):
        raise _bad(
            f"[tls] certificate = {tls.certificate!r} and key = {tls.key!r}; it takes both files or neither"
        )
    for name, path in (("certificate", tls.certificate), ("key", tls.key)):
        if not _FILE.fullmatch(path):
            raise _bad(f"[tls] {name} = {path!r}; it takes an absolute path of A-Z a-z 0-9 . _ - and /")
    if tls.certificate and not any(each.startswith("https://") for each in public_addresses(settings)):
        raise _bad(
            f"[tls] certificate = {tls.certificate!r}, and no address is https://; "
            "see [control] public_url and [delivery] edges"
        )
    try:
        ipaddress.ip_address(tls.host)
    except ValueError:
        raise _bad(f"[tls] host = {tls.host!r} is no address; it takes such as 0.0.0.0 or ::") from None


def _check_operator(name: str, password: str) -> None:
    try:
        check_name(name)
    except InvalidRequest as error:
        raise _bad(f"[accounts] operator_name = {error.detail}") from error
    if password:
        try:
            check_password(password)
        except InvalidRequest as error:
            raise _bad(f"[accounts] operator_{error.detail.removeprefix('the ')}") from error


def _is_url(address: str) -> bool:
    try:
        place = urlsplit(address)
        plain = not (place.path.strip("/") or place.query or place.fragment or place.username)
        return place.scheme in {"http", "https"} and bool(place.hostname) and place.port != 0 and plain
    except ValueError:
        return False


def _bad(detail: str) -> InvalidRequest:
    return InvalidRequest("settings.bad_value", detail)

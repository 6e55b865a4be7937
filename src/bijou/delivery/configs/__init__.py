"""Edges of other makes, configured from what ours are: the same tokens, slots, lifetimes and refusals."""

from bijou.delivery.configs.nginx import nginx_conf
from bijou.delivery.configs.plan import EdgePlan
from bijou.delivery.configs.tls import Certificate, Front, TlsPlan, tls_conf
from bijou.delivery.configs.varnish import varnish_arguments, varnish_vcl

__all__ = [
    "Certificate",
    "EdgePlan",
    "Front",
    "TlsPlan",
    "nginx_conf",
    "tls_conf",
    "varnish_arguments",
    "varnish_vcl",
]

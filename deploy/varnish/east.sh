#!/bin/sh
exec varnishd -F -n /var/cache/bijou-edge/east/varnish -a 127.0.0.2:8810 -f /etc/varnish/east.vcl -s malloc,268435456 -p timeout_idle=60 -p http_req_size=20k -p max_restarts=2 -p max_retries=1

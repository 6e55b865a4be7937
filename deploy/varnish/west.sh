#!/bin/sh
exec varnishd -F -n /var/cache/bijou-edge/west/varnish -a 127.0.0.3:8810 -f /etc/varnish/west.vcl -s malloc,268435456 -p timeout_idle=60 -p http_req_size=20k -p max_restarts=2 -p max_retries=1

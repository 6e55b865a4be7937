-- Microseconds by the server's clock: the only one that all callers share.
local time = redis.call('TIME')
local NOW = time[1] * 1000000 + time[2]

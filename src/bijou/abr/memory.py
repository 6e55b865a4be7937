"""What a policy remembers of its session: places in one array of floats."""

THROUGHPUT, LATENCY = 0, 1  # of the shared estimate
FAST, SLOW, FAST_LATENCY, SLOW_LATENCY, SEGMENTS = 2, 3, 4, 5, 6
SAFETY = 8  # of the rule of the insufficient buffer
BOLA_RUNG, BOLA_V = 9, 10
IN_BOLA = 11
STEADY, PLACEHOLDER, E_RUNG, E_SAFETY, E_V, E_GP = 12, 13, 14, 15, 16, 17
ERRORS, RATES, SEEN, FORECAST, MPC_RUNG = 18, 23, 28, 29, 30  # five errors and five rates of MPC
OWN_FAST_BITS, OWN_FAST_S, OWN_SLOW_BITS, OWN_SLOW_S = 31, 32, 33, 34  # of our own policy
OWN_LAST_BPS, OWN_SPREAD, OWN_LATENCY_S, OWN_RUNG, OWN_FORCED = 35, 36, 37, 38, 39
TRIES, LEVELS, VALUES, HOPES = 40, 45, 51, 57  # room of MPC's search: 5, 6, 6 and 6 places
FAST_FADE, SLOW_FADE, FAST_LATENCY_FADE, SLOW_LATENCY_FADE = 63, 64, 65, 66  # what is left of the beginning
FAST_LATENCY_KEEPS, SLOW_LATENCY_KEEPS = 67, 68
SIZE = 69

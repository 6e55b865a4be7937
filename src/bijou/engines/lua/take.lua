-- KEYS: one. ARGV: one claim, whose cost is how many permits are wanted.
-- Charges as many as pass. Returns how many, and the microseconds until one more would.
local wanted = tonumber(ARGV[2])
local state = open(KEYS[1], 1)
local given = math.min(wanted, state.room)
if given > 0 then state.charge(given) end
if given == wanted then return {given, 0} end
return {given, open(KEYS[1], 1).retry(1)}

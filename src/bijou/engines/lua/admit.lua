-- KEYS: one a claim. ARGV: 'charge' or 'peek', then the claims.
-- Passes all claims or charges none. Returns (allowed, remaining, reset, retry) a claim, in microseconds.
local states, answers, passes = {}, {}, true
for claim, key in ipairs(KEYS) do
  states[claim] = open(key, 5 * claim - 3)
  local allowed, remaining, reset, retry = states[claim].answer(tonumber(ARGV[5 * claim - 2]))
  passes = passes and allowed == 1
  for _, number in ipairs({allowed, remaining, reset, retry}) do answers[#answers + 1] = number end
end
if passes and ARGV[1] == 'charge' then
  for claim, state in ipairs(states) do state.charge(tonumber(ARGV[5 * claim - 2])) end
end
return answers

-- At most `burst + rate * w / period` in any window of w: the generic cell rate algorithm.
--
-- A string "moment debt". Debt is scaled by `rate`, so that one request weighs the integer `period`
-- and nothing is ever rounded.
local function bucket(key, rate, period, burst)
  local now, debt = NOW, 0
  local kept = redis.call('GET', key)
  if kept then
    local at, owed = string.match(kept, '(%d+) (%d+)')
    now = math.max(now, tonumber(at)) -- a clock that was set back must not refill
    debt = math.max(0, owed - (now - at) * rate)
  end

  local state = {room = math.floor((burst * period - debt) / period)}

  function state.retry(cost)
    return math.ceil((debt - (burst - cost) * period) / rate)
  end

  function state.answer(cost)
    if cost > state.room then return 0, state.room, math.ceil(debt / rate), state.retry(cost) end
    return 1, state.room - cost, math.ceil((debt + cost * period) / rate), 0
  end

  function state.charge(cost)
    local owed = debt + cost * period
    local until_forgotten = math.ceil((math.ceil(owed / rate) + now - NOW) / 1000) + 1
    redis.call('SET', key, string.format('%.0f %.0f', now, owed), 'PX', string.format('%.0f', until_forgotten))
  end

  return state
end

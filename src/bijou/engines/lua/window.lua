-- At most `limit` in any window: the exact log, and the counter.
--
-- A list [before, leaves, total, leaves, total, ...]: each entry is the moment at which admissions
-- leave the window, and how many were ever admitted up to them; `before` is the total at the last
-- entry that was dropped. So an admission of any cost is one entry, and what is live is one
-- subtraction. `grain` 1 makes it the log; with a coarser one all admissions of a grain share an
-- entry and leave when the grain's last moment would: the counter, which never counts too little.
--
-- All numbers are integers below 2^53, where Lua's doubles are exact.
local function exact(number)
  return string.format('%.0f', number)
end

local function window(key, limit, grain, span)
  local function item(index)
    return tonumber(redis.call('LINDEX', key, index))
  end

  local function entries()
    return (redis.call('LLEN', key) - 1) / 2
  end

  -- The first entry from `from` on that satisfies; the last one is known to. Near ones are found first.
  local function first(from, satisfies)
    local to, step, last = from, 1, entries()
    while to < last and not satisfies(to) do
      from, to, step = to + 1, math.min(last, to + step), 2 * step
    end
    while from < to do
      local middle = math.floor((from + to) / 2)
      if satisfies(middle) then to = middle else from = middle + 1 end
    end
    return from
  end

  local now, before, total, newest, gone = NOW, 0, 0, nil, 0
  local head = redis.call('LRANGE', key, 0, 1)
  if head[1] then
    local tail = redis.call('LRANGE', key, -2, -1)
    before, newest, total = tonumber(head[1]), tonumber(tail[1]), tonumber(tail[2])
    now = math.max(now, newest - span) -- a clock that was set back must not reopen the window
    if newest <= now then
      gone, before = entries(), total
    elseif tonumber(head[2]) <= now then
      gone = first(2, function(entry) return item(2 * entry - 1) > now end) - 1
      before = item(2 * gone)
    end
  end

  local leaves = now - now % grain + span
  local state = {room = limit - (total - before)}

  function state.retry(cost)
    local entry = first(gone + 1, function(entry) return total - item(2 * entry) + cost <= limit end)
    return item(2 * entry - 1) - now
  end

  function state.answer(cost)
    if cost > state.room then return 0, state.room, newest - now, state.retry(cost) end
    return 1, state.room - cost, leaves - now, 0
  end

  function state.charge(cost)
    if gone > 0 then redis.call('LTRIM', key, 2 * gone, -1) end
    if leaves == newest then
      redis.call('LSET', key, -1, exact(total + cost))
    elseif newest then
      redis.call('RPUSH', key, exact(leaves), exact(total + cost))
    else
      redis.call('RPUSH', key, 0, exact(leaves), exact(cost))
    end
    redis.call('PEXPIRE', key, exact(math.ceil((leaves - NOW) / 1000) + 1))
  end

  return state
end

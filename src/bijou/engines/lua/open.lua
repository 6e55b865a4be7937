-- A claim is five arguments: the algorithm, the cost, and the algorithm's three numbers.
local function open(key, at)
  local algorithm = ARGV[at] == 'window' and window or bucket
  return algorithm(key, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]))
end

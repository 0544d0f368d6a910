"""What Redis does in one step for all workers: slots of connections that run out, and rates.

Times are Redis's own, in milliseconds: workers on several machines need not agree on a clock.
A rate is a leaky bucket by the time of the next free place (GCRA): "300 a minute" is one each
200 ms, and a few at once after a pause.
"""

# KEYS: epoch. Notes since when this Redis is there.
BEGIN = """
local time = redis.call('TIME')
redis.call('SET', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000), 'NX')
"""

# KEYS: epoch; then slots, ceiling, wanted, rate of each scope.
# ARGV: token, class, life of a lease, grace; then connections, interval, burst of each scope
# (0: no such bound), and 1 where the worker holds none there, or 0. Answers {1, held at the first
# scope} or {0, wait}; {-1, 0}: not known yet.
# What is wanted is written as twice the class, one more if the worker has some: who has none comes
# before his equals, and while he waits nothing is left for them.
ACQUIRE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], now, 'NX')
-- A Redis that is new, or lost its memory, does not know yet who holds what.
if now - redis.call('GET', KEYS[1]) < tonumber(ARGV[4]) then return {-1, 0} end
local class, wait, first = tonumber(ARGV[2]), 0, 0
for scope = 0, (#KEYS - 1) / 4 - 1 do
  local slots, ceiling = KEYS[2 + 4 * scope], KEYS[3 + 4 * scope]
  local wanted, rate = KEYS[4 + 4 * scope], KEYS[5 + 4 * scope]
  local limit, interval = tonumber(ARGV[5 + 4 * scope]), tonumber(ARGV[6 + 4 * scope])
  local burst, rank = tonumber(ARGV[7 + 4 * scope]), 2 * class + 1 - ARGV[8 + 4 * scope]
  local asked = tonumber(redis.call('GET', wanted) or 9)
  redis.call('ZREMRANGEBYSCORE', slots, '-inf', now)
  local held = redis.call('ZRANGE', slots, 0, -1)
  if scope == 0 then first = #held end
  local found = tonumber(redis.call('GET', ceiling) or 0)
  if found > 0 and (limit == 0 or found < limit) then limit = found end
  if limit > 0 then
    local room = limit - #held
    -- The last one is for priority, and half of them are not for digests.
    if class > 0 and limit > 1 then room = room - 1 end
    if class == 2 and limit > 1 then
      local digests = 0
      for _, token in ipairs(held) do
        if string.sub(token, 1, 1) == '2' then digests = digests + 1 end
      end
      room = math.min(room, math.floor(limit / 2) - digests)
    end
    if rank == asked + 1 and rank % 2 == 1 then room = room - 1 end
    if room < 1 then
      if rank <= asked then redis.call('SET', wanted, rank, 'PX', 3000) end
      wait = math.max(wait, 250)
    end
  end
  if interval > 0 then
    local free = math.max(now, tonumber(redis.call('GET', rate) or 0))
    wait = math.max(wait, free - now - interval * (burst - 1))
  end
end
if wait > 0 then return {0, math.ceil(wait)} end
for scope = 0, (#KEYS - 1) / 4 - 1 do
  local slots, rate = KEYS[2 + 4 * scope], KEYS[5 + 4 * scope]
  local interval = tonumber(ARGV[6 + 4 * scope])
  redis.call('ZADD', slots, now + ARGV[3], ARGV[1])
  redis.call('PEXPIRE', slots, ARGV[3])
  local wanted, rank = KEYS[4 + 4 * scope], 2 * class + 1 - ARGV[8 + 4 * scope]
  if tonumber(redis.call('GET', wanted) or 9) == rank then redis.call('DEL', wanted) end
  if interval > 0 then
    local free = math.max(now, tonumber(redis.call('GET', rate) or 0)) + interval
    redis.call('SET', rate, free, 'PX', math.ceil(free - now) + 1000)
  end
end
return {1, first}
"""

# KEYS: slots, wanted. ARGV: life of a lease; then tokens. Answers the class that wants a slot.
RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[2])
"""

# A connection was refused. KEYS: slots, ceiling. ARGV: token, how long the ceiling holds. Answers
# how many others there are: those who stayed are as many as the site bears.
REFUSED = """
local time = redis.call('TIME')
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', time[1] * 1000 + math.floor(time[2] / 1000))
local others = redis.call('ZCARD', KEYS[1])
local known = tonumber(redis.call('GET', KEYS[2]) or 0)
if others == 0 then
  redis.call('DEL', KEYS[2])
elseif known == 0 or others <= known then
  redis.call('SET', KEYS[2], others, 'PX', ARGV[2])
end
return others
"""

# KEYS: rates. ARGV: how many messages; then interval, burst of each. Answers {taken, wait}.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local number, wait = tonumber(ARGV[1]), 0
for i, rate in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local free = math.max(now, tonumber(redis.call('GET', rate) or 0))
  local room = math.floor((now + interval * burst - free) / interval)
  if room < 1 then wait = math.max(wait, free - now - interval * (burst - 1)) end
  number = math.min(number, room)
end
if number < 1 then return {0, math.ceil(wait)} end
for i, rate in ipairs(KEYS) do
  local free = math.max(now, tonumber(redis.call('GET', rate) or 0)) + number * ARGV[2 * i]
  redis.call('SET', rate, free, 'PX', math.ceil(free - now) + 1000)
end
return {number, 0}
"""

-- Shows a group's books to people, if what is there is not newer.
-- KEYS: plane (hash), calls (sorted set), window (sorted set), turn (string)
-- ARGV: epoch and number of the last entry of the log that is in the books, group, milliseconds to keep, the second from
-- which on steps are replaced ('-inf': all), the second that the window begins with ('' if it is not shown), the agent
-- that has the turn ('' if none), how many agents, per agent calls and name, then per step the second and `second:agent`
-- Answers: 'ok', or 'old'.
local shown = redis.call('HMGET', KEYS[1], 'epoch', 'shown:' .. ARGV[3])
if shown[1] ~= ARGV[1] or tonumber(shown[2] or '0') > tonumber(ARGV[2]) then return 'old' end
redis.call('HSET', KEYS[1], 'shown:' .. ARGV[3], ARGV[2])
local function add(key, first, last)
  for i = first, last, 500 do
    redis.call('ZADD', key, unpack(ARGV, i, math.min(i + 499, last)))
  end
end
if ARGV[6] == '' then
  redis.call('DEL', KEYS[2], KEYS[3])
else
  local agents = 8 + 2 * tonumber(ARGV[8])
  redis.call('DEL', KEYS[2])
  add(KEYS[2], 9, agents)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], ARGV[5], '+inf')
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[6])
  add(KEYS[3], agents + 1, #ARGV)
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
end
if ARGV[7] == '' then redis.call('DEL', KEYS[4]) else redis.call('SET', KEYS[4], ARGV[7], 'PX', ARGV[4]) end
return 'ok'

-- Makes the caller the publisher of events, or keeps it so, unless another is.
-- KEYS: publisher (hash)
-- ARGV: the caller's name, milliseconds of its lease, milliseconds to keep, a term that the new one is to be greater than
-- Answers: 'leads' and the term, or 'follows'.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local held = redis.call('HMGET', KEYS[1], 'holder', 'until', 'term')
if held[1] and held[1] ~= ARGV[1] and tonumber(held[2]) > now then return {'follows'} end
local term, least = tonumber(held[3] or '0'), tonumber(ARGV[4])
if held[1] ~= ARGV[1] or term <= least then
  -- A Redis that has lost the last term knows the time.
  term = math.max(term + 1, least + 1, clock[1] * 1000000 + clock[2])
end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', string.format('%d', now + ARGV[2]),
  'term', string.format('%d', term))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'leads', string.format('%d', term)}

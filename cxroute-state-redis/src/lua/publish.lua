-- Publishes events of a tenant, if nobody has published any in a later term, or later in this term.
-- KEYS: head (hash), stream (stream)
-- ARGV: channel, milliseconds to keep, time in words, term, number of the try, most entries, '1' if some may be in the
-- stream already, then per event its id in the outbox and its message from behind the id on ('' for a gap)
-- Answers: 'ok', or 'superseded' and the term that there is.
local fence = redis.call('HMGET', KEYS[1], 'term', 'try')
local theirs, mine = tonumber(fence[1] or '0'), tonumber(ARGV[4])
if theirs > mine or (theirs == mine and tonumber(fence[2]) >= tonumber(ARGV[5])) then
  return {'superseded', string.format('%.0f', theirs)}
end
local epoch, n = where(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3])
local known = {}
if ARGV[7] == '1' then
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1000)) do known[entry[2][2]] = true end
end
for i = 8, #ARGV, 2 do
  if not known[ARGV[i]] then
    n = n + 1
    local id = epoch .. '-' .. string.format('%.0f', n)
    local message = '{"id":"' .. id .. '",'
    if ARGV[i + 1] == '' then
      -- A number without an entry.
      message = message .. '"event_type":"gap","data":{},"timestamp":"' .. ARGV[3] .. '"}'
    else
      message = message .. ARGV[i + 1]
      redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], id, 'outbox', ARGV[i], 'event', message)
    end
    redis.call('PUBLISH', ARGV[1], message)
  end
end
redis.call('HSET', KEYS[1], 'n', string.format('%.0f', n), 'term', ARGV[4], 'try', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'ok'}

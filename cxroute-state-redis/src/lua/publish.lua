-- Publishes events of a tenant, if nobody has published any in a later term, or later in this term.
-- KEYS: head (hash), stream (stream), then per event its call's state (hash; any key for a gap)
-- ARGV: channel, milliseconds to keep, time in words, term, number of the try, most entries, '1' if some may be in the
-- stream already, then per event its id in the outbox, its message from behind the id on ('' for a gap), and of its call
-- the state ('' if none), whether that is its last ('1'), when it began ('' if not now), agent, group and the rest
-- Answers: 'ok' and how many were in the stream already, or 'superseded' and the term that there is.
local fence = redis.call('HMGET', KEYS[1], 'term', 'try')
local theirs, mine = tonumber(fence[1] or '0'), tonumber(ARGV[4])
if theirs > mine or (theirs == mine and tonumber(fence[2]) >= tonumber(ARGV[5])) then
  return {'superseded', string.format('%.0f', theirs)}
end
local epoch, n = where(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3])
local known, skipped = {}, 0
if ARGV[7] == '1' then
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1000)) do known[entry[2][2]] = true end
end
for i = 8, #ARGV, 8 do
  if known[ARGV[i]] then
    skipped = skipped + 1
  else
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
    if ARGV[i + 2] ~= '' then
      local call = KEYS[3 + (i - 8) / 8]
      redis.call('HSET', call, 'current_state', ARGV[i + 2], 'agent_id', ARGV[i + 5], 'group_id', ARGV[i + 6],
        'metadata', ARGV[i + 7])
      if ARGV[i + 4] ~= '' then redis.call('HSET', call, 'start_time', ARGV[i + 4]) end
      redis.call('PEXPIRE', call, ARGV[i + 3] == '1' and 300000 or ARGV[2])
    end
  end
end
redis.call('HSET', KEYS[1], 'n', string.format('%.0f', n), 'term', ARGV[4], 'try', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'ok', skipped}

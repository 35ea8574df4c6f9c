-- Publishes events of a tenant, if nobody has published any in a later term, or later in this term.
-- KEYS: head (hash), stream (stream), then the states (hashes) of the calls that something is said of
-- ARGV: channel, milliseconds to keep, time in words, term, number of the try, most events, '1' if some may be in the
-- stream already, how many events, per event its id in the outbox and its message from behind the id on ('' for a gap),
-- then per call the id in the outbox of its last event, its state, whether it stays so ('1'), when it began ('' if not
-- now), agent, group and the rest
-- Answers: 'ok' and how many were in the stream already, or 'superseded' and the term that there is.
local fence = redis.call('HMGET', KEYS[1], 'term', 'try')
local theirs, mine = tonumber(fence[1] or '0'), tonumber(ARGV[4])
if theirs > mine or (theirs == mine and tonumber(fence[2]) >= tonumber(ARGV[5])) then
  return {'superseded', string.format('%d', theirs)}
end
local epoch, n = where(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3])
local known, skipped = {}, 0
if ARGV[7] == '1' then
  local since = epoch .. '-' .. string.format('%d', math.max(n - 1000, 0))
  for _, entry in ipairs(redis.call('XRANGE', KEYS[2], since, '+')) do
    for i = 1, #entry[2], 2 do known[entry[2][i]] = true end
  end
end
-- One entry for all of them: its id is that of the last.
local entry, last, calls = {}, nil, 9 + 2 * tonumber(ARGV[8])
for i = 9, calls - 1, 2 do
  if known[ARGV[i]] then
    skipped = skipped + 1
  else
    n = n + 1
    local id = epoch .. '-' .. string.format('%d', n)
    local message = '{"id":"' .. id .. '",'
    if ARGV[i + 1] == '' then
      -- A number without a message in the stream.
      message = message .. '"event_type":"gap","data":{},"timestamp":"' .. ARGV[3] .. '"}'
    else
      message = message .. ARGV[i + 1]
      entry[#entry + 1] = ARGV[i]
      entry[#entry + 1] = message
      last = id
    end
    redis.call('PUBLISH', ARGV[1], message)
  end
end
if last then
  local oldest = epoch .. '-' .. string.format('%d', math.max(n - tonumber(ARGV[6]), 0))
  redis.call('XADD', KEYS[2], 'MINID', '~', oldest, last, unpack(entry))
end
for i = calls, #ARGV, 7 do
  if not known[ARGV[i]] then
    local call = KEYS[3 + (i - calls) / 7]
    if ARGV[i + 3] == '' then
      redis.call('HSET', call, 'current_state', ARGV[i + 1], 'agent_id', ARGV[i + 4], 'group_id', ARGV[i + 5],
        'metadata', ARGV[i + 6])
    else
      redis.call('HSET', call, 'current_state', ARGV[i + 1], 'start_time', ARGV[i + 3], 'agent_id', ARGV[i + 4],
        'group_id', ARGV[i + 5], 'metadata', ARGV[i + 6])
    end
    redis.call('PEXPIRE', call, ARGV[i + 2] == '1' and 300000 or ARGV[2])
  end
end
redis.call('HSET', KEYS[1], 'n', string.format('%d', n), 'term', ARGV[4], 'try', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {'ok', skipped}

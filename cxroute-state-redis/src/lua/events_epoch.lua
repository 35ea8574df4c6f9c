-- What the scripts of events begin with: where a tenant's events are; a new epoch, if Redis has lost them.
-- A Redis that was started anew, or that took over from another, may have lost events that were heard: its numbers would
-- be given twice.
local function where(head, stream, channel, keep, said)
  local clock = redis.call('TIME')
  local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  local at = redis.call('HMGET', head, 'epoch', 'n', 'run')
  local server = redis.call('INFO', 'server')
  local _, found = string.find(server, 'run_id:', 1, true)
  local run = string.sub(server, found + 1, found + 40)
  if at[1] and at[3] == run then return at[1], tonumber(at[2]) end
  local epoch = string.format('%d', math.max(now, tonumber(at[1] or '0') + 1))
  redis.call('DEL', stream)
  redis.call('HSET', head, 'epoch', epoch, 'n', '0', 'run', run)
  redis.call('PEXPIRE', head, keep)
  redis.call('PUBLISH', channel,
    '{"id":"' .. epoch .. '-0","event_type":"gap","data":{},"timestamp":"' .. said .. '"}')
  return epoch, 0
end

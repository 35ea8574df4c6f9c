-- Puts a newer state under the log and cuts the log behind the state before it.
-- KEYS: plane (hash), log (stream), snapshot (list), the newer state (list)
-- ARGV: the caller's epoch, number and id of the last entry that is in the state, milliseconds to keep, how many pieces
-- the state has, how many bytes
-- Answers: 'ok', or 'old' if the plane has another epoch or a state as new.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'base', 'base_id')
if head[1] ~= ARGV[1] or tonumber(head[2]) >= tonumber(ARGV[2]) or redis.call('LLEN', KEYS[4]) ~= tonumber(ARGV[5]) then
  redis.call('DEL', KEYS[4])
  return 'old'
end
redis.call('RENAME', KEYS[4], KEYS[3])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
-- Replicas that are not further than the state before still find all that they need.
redis.call('XTRIM', KEYS[2], 'MINID', head[3])
redis.call('HSET', KEYS[1], 'base', ARGV[2], 'base_id', ARGV[3], 'bytes', 0, 'size', ARGV[6])
return 'ok'

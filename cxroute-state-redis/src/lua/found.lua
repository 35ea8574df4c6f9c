-- Founds a tenant's plane: a new epoch, which begins with the state that the caller built from the store.
-- KEYS: plane (hash), log (stream), snapshot (list)
-- ARGV: the new epoch, '1' to replace a plane that is there, version, milliseconds to keep, the state
-- Answers: 'founded', now in milliseconds, number that the log starts behind; or 'there', now.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local head = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'n', 'version')
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local version = tonumber(ARGV[3])
if head[4] and tonumber(head[4]) > version then return {'newer', now, head[4]} end
if ARGV[2] ~= '1' and head[1] and head[2] == run and tonumber(head[4]) == version then return {'there', now} end
-- Entries of two epochs never have one number: what a replica of the old epoch reads does not follow what it has.
local n = clock[1] * 1000000 + clock[2]
if head[3] and tonumber(head[3]) >= n then n = tonumber(head[3]) + 1000000 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('RPUSH', KEYS[3], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'run', run, 'version', ARGV[3], 'bytes', 0, 'size', #ARGV[5],
  'n', string.format('%d', n), 'base', string.format('%d', n), 'base_id', '0-0')
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'founded', now, n}

-- The state that a replica starts from.
-- KEYS: plane (hash), snapshot (list)
-- ARGV: version
-- Answers: 'ok', now in milliseconds, epoch, number and id of the last entry that is in the state, the state's pieces;
-- 'lost', now; or 'newer', now, the version that is there.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local head = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'version', 'base', 'base_id')
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not head[1] or head[2] ~= run then return {'lost', now} end
local version = tonumber(head[3])
if version > tonumber(ARGV[1]) then return {'newer', now, head[3]} end
if version < tonumber(ARGV[1]) then return {'lost', now} end
local state = redis.call('LRANGE', KEYS[2], 0, -1)
if #state == 0 then return {'lost', now} end
return {'ok', now, head[1], tonumber(head[4]), head[5], state}

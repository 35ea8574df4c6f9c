-- Appends operations to a tenant's log, if the caller means the epoch that there is.
-- KEYS: plane (hash), log (stream), snapshot (string)
-- ARGV: the caller's epoch, deadline in Redis's milliseconds (0: none), milliseconds to keep, operations ...
-- Answers: status, now in milliseconds, and for `ok` the number of the last entry, its id ('' without operations), and
-- whether a snapshot is due (1) or not (0).
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local head = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'n', 'bytes', 'size')
-- A Redis that was started anew, or that took over from another, may have lost what was there: another run, another epoch.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if not head[1] or head[2] ~= run then return {'lost', now} end
if head[1] ~= ARGV[1] then return {'epoch', now} end
local deadline = tonumber(ARGV[2])
if deadline > 0 and now > deadline then return {'late', now} end
local n, bytes, id = tonumber(head[3]), tonumber(head[4]), ''
if #ARGV == 3 then return {'ok', now, n, id, 0} end
for i = 4, #ARGV do
  n = n + 1
  bytes = bytes + #ARGV[i]
  id = redis.call('XADD', KEYS[2], '*', 'n', string.format('%.0f', n), 'o', ARGV[i])
end
redis.call('HSET', KEYS[1], 'n', string.format('%.0f', n), 'bytes', bytes)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
local due = bytes >= math.max(1048576, tonumber(head[5]))
return {'ok', now, n, id, due and 1 or 0}

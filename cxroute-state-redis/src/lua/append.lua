-- Appends an entry to a tenant's log, if the caller means the epoch that there is, and reads what the caller has not.
-- KEYS: plane (hash), log (stream), snapshot (list)
-- ARGV: the caller's epoch, deadline in Redis's milliseconds (0: none), milliseconds to keep (0: others have seen to that),
-- number and id of the last entry that the caller has, and the entry: the operations of a batch; none only looks
-- Answers: status, now in milliseconds, and for `ok` the number of the last entry, its id ('' if nothing was appended),
-- whether a snapshot is due (1) or not (0), and of the entries between the caller's and its new one the first, 100 at most.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local head = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'n', 'bytes', 'size')
-- A Redis that was started anew, or that took over from another, may have lost what was there: another run, another epoch.
local server = redis.call('INFO', 'server')
local _, at = string.find(server, 'run_id:', 1, true)
if not head[1] or head[2] ~= string.sub(server, at + 1, at + 40) then return {'lost', now} end
if head[1] ~= ARGV[1] then return {'epoch', now} end
local deadline = tonumber(ARGV[2])
if deadline > 0 and now > deadline then return {'late', now} end
local n, bytes, id, behind = tonumber(head[3]), tonumber(head[4]), '', {}
if n > tonumber(ARGV[4]) then behind = redis.call('XRANGE', KEYS[2], '(' .. ARGV[5], '+', 'COUNT', 100) end
if not ARGV[6] then return {'ok', now, n, id, 0, behind} end
n = n + 1
bytes = bytes + #ARGV[6]
local number = string.format('%d', n)
id = redis.call('XADD', KEYS[2], '*', 'n', number, 'o', ARGV[6])
redis.call('HSET', KEYS[1], 'n', number, 'bytes', bytes)
if ARGV[3] ~= '0' then
  for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
end
local due = bytes >= math.max(1048576, tonumber(head[5]))
return {'ok', now, n, id, due and 1 or 0, behind}

-- Where a tenant's events are: the epoch, and the number of the last event in it.
-- KEYS: head (hash), stream (stream)
-- ARGV: channel, milliseconds to keep, time in words
local epoch, n = where(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return {epoch, string.format('%d', n)}

-- The calls of `cargo xtask bench webhook` and `cargo xtask load`, for wrk: every request is a call of its own.
-- Arguments after `--`: the numbers' file, the shape (json or form), the domain, the bearer key, 24 hex digits that no
-- other run has, and, for a steady rate instead of as fast as it goes, the requests a second.
-- A number has 12 digits and a session 32, so all requests of a shape have one length: a request is one concatenation of
-- parts made beforehand, and the generator takes as little of the shared cores as it can.

local count = 0
local numbers = {}
local parts
-- Requests whose time had passed when a connection became free for them, and by how many milliseconds at most.
local late, latest = 0, 0

local function http(shape, body_length, options)
  return table.concat({
    'POST /api/voice/application/' .. options.domain .. ' HTTP/1.1',
    'Host: ' .. options.host,
    'User-Agent: Cloudonix APP.Core/5.3.673',
    'Authorization: Bearer ' .. options.key,
    'Content-Type: ' .. shape,
    'Content-Length: ' .. body_length,
  }, '\r\n')
end

-- The request as fixed parts around {session} and {number}.
local function split(template)
  local made, names, from = {}, {}, 1
  while true do
    local at, to, name = template:find('{(%l+)}', from)
    if not at then break end
    made[#made + 1] = template:sub(from, at - 1)
    names[#names + 1] = name
    from = to + 1
  end
  made[#made + 1] = template:sub(from)
  return made, names
end

local function filled_length(body)
  return #(body:gsub('{session}', ('0'):rep(32)):gsub('{number}', ('0'):rep(12)):gsub('{stage}', ('0'):rep(16)))
end

local function json_template(options)
  local body = '{"CallSid":"{session}","AccountSid":"' .. options.domain .. '","ApiVersion":"1",'
    .. '"ApplicationSid":"5f0c1f0e-7d1b-4c5e-9a51-0d0c3f2f7a11","From":"+12025550147","To":"{number}",'
    .. '"CallerName":"Bench","Direction":"inbound","CallStatus":"in-progress","Domain":"' .. options.domain .. '",'
    .. '"Session":"{session}","SessionData":{"id":32018519,"domainId":4711,"destination":"{number}",'
    .. '"callerId":"+12025550147","token":"{session}","callStartTime":1767225600000,"status":"NEW",'
    .. '"vappServer":"127.0.0.1","callIds":["EB9-r_g3dkai9QG1xmLSqw.."],"ringing":false,'
    .. '"domainNameOrId":"' .. options.domain .. '","profile":{"trunk-sip-headers":{"Campaign":"spring"}}}}'
  return http('application/json', filled_length(body), options)
    .. '\r\nX-Cx-Apikey: XI0123456789abcdef0123456789abcdef\r\nX-Cx-Domain: ' .. options.domain
    .. '\r\nX-Cx-Session: {session}\r\nX-Cx-Source: TRUNK\r\nX-Cx-Stageid: {stage}'
    .. '\r\nX-Cx-From: +12025550147\r\nX-Cx-To: {number}\r\n\r\n' .. body
end

local function form_template(options)
  local body = 'CallSid={session}&From=%2B12025550147&To={number}&Session={session}&Domain=' .. options.domain
  return http('application/x-www-form-urlencoded', filled_length(body), options) .. '\r\n\r\n' .. body
end

-- A timetable of `rate` requests a second: each connection that becomes free takes the next time and waits for it.
-- A wait is no part of a request's latency.
local function keep_pace(rate)
  local ffi = require('ffi')
  ffi.cdef('typedef struct { long s, ns; } moment; int clock_gettime(int clock, moment *at);')
  local at, monotonic = ffi.new('moment'), 1
  local planned
  function delay()
    ffi.C.clock_gettime(monotonic, at)
    local now = tonumber(at.s) * 1e3 + tonumber(at.ns) / 1e6
    planned = (planned or now) + 1e3 / rate
    local wait = planned - now
    if wait < -1 then
      late, latest = late + 1, math.max(latest, -wait)
    end
    return math.max(0, math.floor(wait))
  end
end

function init(args)
  if args[6] then keep_pace(tonumber(args[6])) end
  for line in io.lines(args[1]) do numbers[#numbers + 1] = line end
  local options = { domain = args[3], key = args[4], host = wrk.host .. ':' .. wrk.port }
  local template = args[2] == 'json' and json_template(options) or form_template(options)
  local tag = args[5]
  local fixed, names = split(template)

  local lines = { 'local fixed, numbers = ...', 'return function(count)',
    'local serial = string.format("%08x", count)', 'local number = numbers[count % #numbers + 1]',
    'return fixed[1]' }
  local value = {
    session = '"' .. tag .. '" .. serial',
    stage = '"' .. tag:sub(-8) .. '" .. serial',
    number = 'number',
  }
  for at, name in ipairs(names) do
    lines[#lines + 1] = ' .. ' .. value[name] .. ' .. fixed[' .. (at + 1) .. ']'
  end
  lines[#lines + 1] = 'end'
  parts = assert(loadstring(table.concat(lines, '\n')))(fixed, numbers)
end

function request()
  count = count + 1
  return parts(count)
end

-- One line that the bench reads.
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('measured requests=%d micros=%d p50=%d p99=%d p999=%d late=%d latest=%d failed=%d\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    late, latest * 1e3, failed))
end

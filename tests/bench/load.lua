-- What wrk asks for, and one line about how it went.
--
-- arguments: MODE PATH [HEADER VALUE]...
-- fixed: PATH is asked for as it is.
-- seconds: in PATH each @ becomes a second from 01 to 59 and each # a minute from 01 to 14, so that no query
--          comes twice (within 680,000) and all of them find the same.
-- windows: PATH has a %s for the start and one for the end of a window, of three hours and a half of a random day of ten years.

local path, mode
local days = {}
local n = 0

local function day_names(count)
    local first = 1577836800 -- 2020-01-01T00:00:00Z
    for i = 0, count - 1 do
        days[i] = os.date("!%Y-%m-%d", first + i * 86400)
    end
end

local function vary_seconds()
    n = n + 1
    local digits = n
    local function next_digit(base)
        local digit = digits % base
        digits = math.floor(digits / base)
        return string.format("%02d", digit + 1)
    end
    return (path:gsub("[@#]", function(c) return next_digit(c == "@" and 59 or 14) end))
end

local function vary_window()
    local day = days[math.random(0, #days)]
    local hour, minute, second = math.random(6, 14), math.random(0, 29), math.random(0, 59)
    local from = string.format("%sT%02d:%02d:%02dZ", day, hour, minute, second)
    local to = string.format("%sT%02d:%02d:%02dZ", day, hour + 3, minute + 30, second)
    return string.format(path, from, to)
end

function init(args)
    mode, path = args[1], args[2]
    for i = 3, #args, 2 do
        wrk.headers[args[i]] = args[i + 1]
    end
    wrk.path = path
    math.randomseed(os.time())
    n = math.random(0, 680000)
    if mode == "seconds" then
        request = function() return wrk.format("GET", vary_seconds()) end
    elseif mode == "windows" then
        day_names(3652)
        request = function() return wrk.format("GET", vary_window()) end
    end
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %d %d %.0f %.0f\n", summary.requests, summary.duration, summary.bytes,
        e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end

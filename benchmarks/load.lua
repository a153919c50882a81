-- What wrk runs: sends the requests of a file in turn, as they stand there, and says in one line of JSON how it went.
--
--     wrk … -s load.lua http://127.0.0.1:8000 -- FILE

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   local count = tonumber(file:read("*l"))
   requests = {}
   for number = 1, count do
      requests[number] = file:read(tonumber(file:read("*l")))
   end
   file:close()
   sent = 0
end

function request()
   sent = sent + 1
   return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
   local errors = summary.errors
   print(string.format(
      '{"requests": %d, "seconds": %f, "p99": %f, "refused": %d, "broken": %d}',
      summary.requests, summary.duration / 1e6, latency:percentile(99) / 1e6,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout
   ))
end

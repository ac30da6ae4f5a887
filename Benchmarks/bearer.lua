-- wrk: sends the tokens of a file in turn: one is known from before, thousands never are.
local tokens = {}
for line in io.lines("tokens") do tokens[#tokens + 1] = "Bearer " .. line end
local next = 0

function request()
  next = next % #tokens + 1
  return wrk.format("GET", nil, { Authorization = tokens[next] })
end

-- wrk: sends the cookie of a session.
local cookie = io.open("cookie"):read()

function request()
  return wrk.format("GET", nil, { Cookie = cookie })
end

-- wrk: asks for challenges.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"address":"' .. string.rep("ab", 32) .. '"}'

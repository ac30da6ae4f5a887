-- wrk: asks for messages to sign with EIP-4361.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"address":"0x' .. string.rep("ab", 20) .. '","algorithm":"EIP-4361"}'

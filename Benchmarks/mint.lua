-- wrk: asks for fleet sessions.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Fleet-Secret"] = "0123456789-fleet-secret"
wrk.body = '{"session_id":"session-1","agent_id":"agent-1"}'

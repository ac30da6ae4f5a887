-- wrk: true sign-ins with EIP-4361. Every other request answers a challenge that came before, signed through
-- libsecp256k1.
local ffi, bit = require("ffi"), require("bit")
ffi.cdef [[
  void *secp256k1_context_create(unsigned int flags);
  int secp256k1_ec_pubkey_create(void *context, unsigned char *key, const char *seed);
  int secp256k1_ec_pubkey_serialize(void *context, unsigned char *out, size_t *size, const unsigned char *key, unsigned int flags);
  int secp256k1_ecdsa_sign_recoverable(void *context, unsigned char *signature, const char *digest, const char *seed, void *, void *);
  int secp256k1_ecdsa_recoverable_signature_serialize_compact(void *context, unsigned char *out, int *recovery, const unsigned char *signature);
]]
local curve = ffi.load("libsecp256k1.so.1")
local UNCOMPRESSED = 2
local bxor, band, bnot, rol = bit.bxor, bit.band, bit.bnot, bit.rol

-- The round constants, from the shift register of the Keccak reference, section 1.2.
local constants = {}
do
  local state = 1
  for round = 1, 24 do
    local constant = 0ULL
    for j = 0, 6 do
      if state % 2 == 1 then constant = bxor(constant, bit.lshift(1ULL, 2 ^ j - 1)) end
      state = state * 2
      if state >= 256 then state = bxor(state, 0x171) end
    end
    constants[round] = constant
  end
end

local a, c = ffi.new("uint64_t[25]"), ffi.new("uint64_t[5]")

local function permute()
  for round = 1, 24 do
    for x = 0, 4 do c[x] = bxor(a[x], a[x + 5], a[x + 10], a[x + 15], a[x + 20]) end
    for x = 0, 4 do
      local d = bxor(c[(x + 4) % 5], rol(c[(x + 1) % 5], 1))
      for y = 0, 20, 5 do a[x + y] = bxor(a[x + y], d) end
    end
    local x, y, moving = 1, 0, a[1]
    for step = 0, 23 do
      x, y = y, (2 * x + 3 * y) % 5
      a[x + 5 * y], moving = rol(moving, (step + 1) * (step + 2) / 2 % 64), a[x + 5 * y]
    end
    for row = 0, 20, 5 do
      for i = 0, 4 do c[i] = a[row + i] end
      for i = 0, 4 do a[row + i] = bxor(c[i], band(bnot(c[(i + 1) % 5]), c[(i + 2) % 5])) end
    end
    a[0] = bxor(a[0], constants[round])
  end
end

local function keccak(text)
  local size = #text + 136 - #text % 136
  local padded = ffi.new("uint8_t[?]", size)
  ffi.copy(padded, text, #text)
  padded[#text] = bxor(padded[#text], 1)
  padded[size - 1] = bxor(padded[size - 1], 0x80)
  ffi.fill(a, 200)
  local lanes = ffi.cast("uint64_t *", padded)
  for block = 0, size / 8 - 1, 17 do
    for lane = 0, 16 do a[lane] = bxor(a[lane], lanes[block + lane]) end
    permute()
  end
  return ffi.string(ffi.cast("char *", a), 32)
end

local function hex(text)
  return (string.gsub(text, ".", function(byte) return string.format("%02x", string.byte(byte)) end))
end

local context, seed, address
local waiting = {}

function init()
  context = curve.secp256k1_context_create(1)
  seed = string.rep("k", 32)
  local key, point, size = ffi.new("uint8_t[64]"), ffi.new("uint8_t[65]"), ffi.new("size_t[1]", 65)
  curve.secp256k1_ec_pubkey_create(context, key, seed)
  curve.secp256k1_ec_pubkey_serialize(context, point, size, key, UNCOMPRESSED)
  address = "0x" .. hex(string.sub(keccak(string.sub(ffi.string(point, 65), 2)), 13))
end

local function sign(text)
  local signature, compact, recovery = ffi.new("uint8_t[65]"), ffi.new("uint8_t[64]"), ffi.new("int[1]")
  local digest = keccak("\25Ethereum Signed Message:\n" .. #text .. text)
  curve.secp256k1_ecdsa_sign_recoverable(context, signature, digest, seed, nil, nil)
  curve.secp256k1_ecdsa_recoverable_signature_serialize_compact(context, compact, recovery, signature)
  return hex(ffi.string(compact, 64)) .. string.format("%02x", 27 + recovery[0])
end

local headers = { ["Content-Type"] = "application/json" }

function request()
  local answer = table.remove(waiting)
  if answer then
    local text = string.gsub(string.gsub(answer.message, "\\n", "\n"), "\\/", "/")
    return wrk.format("POST", "/api/v1/auth/sign-in", headers, string.format(
      '{"address":"%s","signature":"%s","challenge":"%s","message":"%s","algorithm":"EIP-4361"}',
      address, sign(text), answer.challenge, answer.message))
  end
  return wrk.format("POST", "/api/v1/auth/challenge", headers,
    '{"address":"' .. address .. '","algorithm":"EIP-4361"}')
end

function response(status, _, body)
  local challenge, message = string.match(body, '"challenge":"(%x+)".*"message":"([^"]*)"')
  if challenge then waiting[#waiting + 1] = { challenge = challenge, message = message } end
end

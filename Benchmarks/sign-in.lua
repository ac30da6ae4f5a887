-- wrk: true sign-ins with Ed25519. Every other request answers a challenge that came before, signed through
-- libcrypto.
local ffi = require("ffi")
ffi.cdef [[
  void *EVP_PKEY_new_raw_private_key(int type, void *engine, const unsigned char *key, size_t size);
  int EVP_PKEY_get_raw_public_key(void *key, unsigned char *public, size_t *size);
  void *EVP_MD_CTX_new(void);
  void EVP_MD_CTX_free(void *context);
  int EVP_DigestSignInit(void *context, void *, void *, void *, void *key);
  int EVP_DigestSign(void *context, unsigned char *signature, size_t *size, const char *data, size_t count);
]]
local crypto = ffi.load("libcrypto.so.3")
local ED25519 = 1087

local function hex(bytes, size)
  local digits = {}
  for index = 0, size - 1 do digits[#digits + 1] = string.format("%02x", bytes[index]) end
  return table.concat(digits)
end

local key, address
local waiting = {}

function init()
  key = crypto.EVP_PKEY_new_raw_private_key(ED25519, nil, string.rep("k", 32), 32)
  local public, size = ffi.new("unsigned char[32]"), ffi.new("size_t[1]", 32)
  crypto.EVP_PKEY_get_raw_public_key(key, public, size)
  address = hex(public, 32)
end

local function sign(text)
  local signature, size = ffi.new("unsigned char[64]"), ffi.new("size_t[1]", 64)
  local context = crypto.EVP_MD_CTX_new()
  crypto.EVP_DigestSignInit(context, nil, nil, nil, key)
  crypto.EVP_DigestSign(context, signature, size, text, #text)
  crypto.EVP_MD_CTX_free(context)
  return hex(signature, 64)
end

local headers = { ["Content-Type"] = "application/json" }

function request()
  local challenge = table.remove(waiting)
  if challenge then
    return wrk.format("POST", "/api/v1/auth/sign-in", headers, string.format(
      '{"address":"%s","public_key":"%s","signature":"%s","challenge":"%s","algorithm":"Ed25519"}',
      address, address, sign(challenge), challenge))
  end
  return wrk.format("POST", "/api/v1/auth/challenge", headers, '{"address":"' .. address .. '"}')
end

function response(status, _, body)
  local challenge = string.match(body, '"challenge":"(%x+)"')
  if challenge then waiting[#waiting + 1] = challenge end
end

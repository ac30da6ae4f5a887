extension DeploymentValues {
  var nginx: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth-http.conf", text: nginxHTTP),
      DeploymentFile(name: "pico-auth-locations.conf", text: nginxLocations),
      DeploymentFile(name: "pico-auth-fastcgi.conf", text: nginxFastCGI),
      DeploymentFile(name: "pico-auth-keys.conf", text: nginxKeys),
    ] + nginxGate
  }

  private var nginxHTTP: String {
    """
    # For the http block: how fast one address may ask, where pico-auth listens, and the cache of the key set.

    # A client is an IPv4 address or an IPv6 network of 64 bits, as whoever has such a network has all of its addresses. An
    # IPv4 address in IPv6 form (`listen [::]:443 ipv6only=off`) is an IPv4 address.
    map $binary_remote_addr $pico_auth_client {
      default $binary_remote_addr;
      "~(?s)^\\x00{10}\\xff\\xff(?<pico_auth_v4>.{4})$" $pico_auth_v4;
      "~(?s)^(?<pico_auth_v6>.{8}).{8}$" $pico_auth_v6;
    }

    # A wallet's sign-in is one challenge and one answer; ten a second leave room for many people behind one
    # address and none for guessing or for filling the disk with challenges.
    limit_req_zone $pico_auth_client zone=pico_auth_challenge:10m rate=10r/s;

    # Passwords: each try costs the server some 30 ms and 19 MiB on purpose.
    limit_req_zone $pico_auth_client zone=pico_auth_login:10m rate=1r/s;

    # Each answer is two records on the disk, and one good token is enough to ask for any number.
    limit_req_zone $pico_auth_client zone=pico_auth_refresh:10m rate=5r/s;

    # Whoever starts agents may start many at once.
    limit_req_zone $pico_auth_client zone=pico_auth_fleet:10m rate=20r/s;

    # The key set, the one answer that is the same for everybody. nginx makes the folder.
    fastcgi_cache_path /var/cache/nginx-pico-auth levels=1 keys_zone=pico_auth_keys:1m max_size=1m use_temp_path=off;

    \(nginxGateDefaults)

    upstream pico_auth {
      server \(nginxServer);

      # Kept connections, per nginx worker. An idle one costs pico-auth a descriptor, not a thread, so there may be more
      # of them than \(workers) processes x \(threads) threads: a burst finds its connections open.
      keepalive \(max(16, workers * threads));
    }

    """
  }

  private var nginxServer: String {
    switch listen {
    case .unix(let path): "unix:\(path)"
    case .tcp: "\(listen)"
    }
  }

  private var nginxLocations: String {
    """
    # For a server block: the routes of pico-auth. Needs the http-level lines of pico-auth-http.conf.

    # An ML-DSA-65 access token is about 11 KB long and travels in one header line.
    large_client_header_buffers 4 16k;

    location \(basePath)/ {
      include pico-auth-fastcgi.conf;
    }

    location = \(path("/jwks")) {
      include pico-auth-fastcgi.conf;
      include pico-auth-keys.conf;
    }

    location = \(keySetPath) {
      include pico-auth-fastcgi.conf;
      include pico-auth-keys.conf;
    }

    location = \(path("/challenge")) {
      limit_req zone=pico_auth_challenge burst=20 nodelay;
      limit_req_status 429;
      include pico-auth-fastcgi.conf;
    }

    location = \(path("/sign-in")) {
      limit_req zone=pico_auth_challenge burst=20 nodelay;
      limit_req_status 429;
      include pico-auth-fastcgi.conf;
    }

    location = \(path("/login")) {
      limit_req zone=pico_auth_login burst=5 nodelay;
      limit_req_status 429;
      include pico-auth-fastcgi.conf;
    }

    location = \(path("/refresh")) {
      limit_req zone=pico_auth_refresh burst=20 nodelay;
      limit_req_status 429;
      include pico-auth-fastcgi.conf;
    }

    location = \(path("/fleet/sessions")) {
      limit_req zone=pico_auth_fleet burst=100 nodelay;
      limit_req_status 429;
      include pico-auth-fastcgi.conf;
    }

    # Web servers ask it, not clients. For a proxy that asks over HTTP, such as Caddy or Traefik, make a server block with
    # pico-auth-verify-http.conf, on an address that only the proxy reaches.
    location = \(path("/verify")) {
      default_type application/problem+json;
      return 404 '{"type":"about:blank","title":"Not Found","status":404,"detail":"Not Found"}';
    }

    location @pico_auth_413 {
      internal;
      default_type application/problem+json;
      return 413 '{"type":"about:blank","title":"Content Too Large","status":413,"detail":"body too large"}';
    }

    location @pico_auth_429 {
      internal;
      default_type application/problem+json;
      add_header Retry-After 1 always;
      return 429 '{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"too many requests"}';
    }

    location @pico_auth_503 {
      internal;
      default_type application/problem+json;
      add_header Retry-After 1 always;
      return 503 '{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"temporarily unavailable"}';
    }

    """
  }

  private var nginxFastCGI: String {
    """
    # For a location block: hands its requests to pico-auth.

    # The largest request there is, an ML-DSA-65 sign-in, has 15 KB; pico-auth refuses what is over 64 KiB
    # (max_request_body_bytes). nginx takes more, so that it is pico-auth that says so.
    client_max_body_size \(bodyLimit >> 20)m;
    client_body_buffer_size 64k;

    # What nginx itself has to say, it says as pico-auth would.
    error_page 413 = @pico_auth_413;
    error_page 429 = @pico_auth_429;
    error_page 502 504 = @pico_auth_503;

    fastcgi_pass pico_auth;
    fastcgi_keep_conn on;

    # A worker that is replaced may close a kept connection just when nginx sends on it: nginx asks again then, over a new
    # one. Every request may be sent twice: a challenge is used up once, a revocation stays the same.
    fastcgi_next_upstream error non_idempotent;

    # An ML-DSA-65 sign-in is answered with 20 KB: hold it in memory rather than in a file.
    fastcgi_buffers 8 8k;

    # Workers answer within milliseconds or not at all.
    fastcgi_connect_timeout 2s;
    fastcgi_read_timeout 10s;
    fastcgi_send_timeout 10s;

    # All that pico-auth reads, besides the client's header fields. nginx decodes the path; it has no PATH_INFO. It drops
    # fields with an underscore in their name, so X_Fleet_Secret is not X-Fleet-Secret: leave underscores_in_headers off.
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param SCRIPT_NAME $fastcgi_script_name;
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param CONTENT_TYPE $content_type;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param REMOTE_ADDR $remote_addr;

    # Nothing here reads it, but a program that did would take a client's "Proxy:" for its own setting.
    fastcgi_param HTTP_PROXY "";

    """
  }

  private var nginxKeys: String {
    """
    # For the locations of the key set: nginx answers by itself, for a second at a time.

    fastcgi_cache pico_auth_keys;
    fastcgi_cache_key $request_method$uri$http_accept;

    # Clients may keep the set for five minutes, and fetch it again when they meet a key that they don't know: they must
    # not be given the old one then.
    fastcgi_ignore_headers Cache-Control Vary;
    fastcgi_cache_valid 200 1s;

    # One request at a time asks; with pico-auth down, the keys are still what they were.
    fastcgi_cache_lock on;
    fastcgi_cache_use_stale error timeout updating;

    # The answer is in a small file: kept open, and read rather than sent from.
    open_file_cache max=8 inactive=60s;
    open_file_cache_valid 1s;
    sendfile off;

    """
  }
}

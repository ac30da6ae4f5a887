/// What lets nginx ask the gate, and passes on who was let through.
extension DeploymentValues {
  var nginxGate: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth-verify.conf", text: nginxVerify(isCached: false)),
      DeploymentFile(name: "pico-auth-verify-cached.conf", text: nginxVerify(isCached: true)),
      DeploymentFile(name: "pico-auth-verify-http.conf", text: nginxVerifyHTTP),
      DeploymentFile(name: "pico-auth-gate.conf", text: nginxGuard),
      DeploymentFile(name: "pico-auth-gate-fastcgi.conf", text: nginxGuardFastCGI),
      DeploymentFile(name: "pico-auth-open.conf", text: nginxOpen),
      DeploymentFile(name: "pico-auth-open-fastcgi.conf", text: nginxOpenFastCGI),
    ]
  }

  /// For the http block.
  var nginxGateDefaults: String {
    """
    # What the gate asks for where a location sets nothing. Maps, not `set` in the server block: nginx would do that again
    # for its question to the gate, and undo what the location has set.
    map "" $pico_auth_role { default ""; }
    map "" $pico_auth_scope { default ""; }
    map "" $pico_auth_group { default ""; }
    map "" $pico_auth_audience { default ""; }
    map "" $pico_auth_token { default ""; }
    map "" $pico_auth_included { default ""; }
    """
  }

  // MARK: - The question

  /// The client's header fields that the gate's answer depends on: it is told these, and a kept answer is for these.
  private static let nginxQuestionFields = [
    "Authorization", "Cookie", "X-Agent-Authorization", "Host", "Origin", "Sec-WebSocket-Key",
    "X-Forwarded-Method",
    "X-Forwarded-Host",
  ].map { $0.replacing("-", with: "_") }

  /// What a location may require: nginx's variable, and the parameter that it becomes.
  private static let nginxRequirements = [
    ("$pico_auth_role", "PICO_AUTH_REQUIRE_ROLE"), ("$pico_auth_scope", "PICO_AUTH_REQUIRE_SCOPE"),
    ("$pico_auth_group", "PICO_AUTH_REQUIRE_GROUP"), ("$pico_auth_audience", "PICO_AUTH_REQUIRE_AUDIENCE"),
    ("$pico_auth_token", "PICO_AUTH_PASS_TOKEN"),
  ]

  private static let nginxCacheKey =
    (["$request_method"] + nginxQuestionFields.map { "$http_\($0.lowercased())" } + nginxRequirements.map(\.0))
    .joined(separator: "\\n")

  private func nginxVerify(isCached: Bool) -> String {
    let cache = """

        # A good answer counts for so long, so a token may be used for so long after it was revoked. The key is all that the
        # answer depends on, with newlines between, which no part of it can hold. nginx keeps the key with the answer on the
        # disk, tokens and all: the folder must be on tmpfs, and nginx's alone.
        fastcgi_cache pico_auth_gate;
        fastcgi_cache_key "\(Self.nginxCacheKey)";
        fastcgi_cache_methods GET HEAD POST;
        fastcgi_ignore_headers Cache-Control;
        fastcgi_cache_valid 204 5s;

      """
    let intro =
      isCached
      ? """
      # For a server block, in place of pico-auth-verify.conf: how nginx asks the gate, and keeps a good answer for 5 s. Needs in
      # the http block: fastcgi_cache_path /dev/shm/nginx-pico-auth-gate keys_zone=pico_auth_gate:10m use_temp_path=off;
      """
      : "# For a server block: how nginx asks the gate. Locations that it guards include pico-auth-gate.conf."
    let fields = Self.nginxQuestionFields.map {
      "  fastcgi_param HTTP_\($0.uppercased()) $http_\($0.lowercased()) if_not_empty;"
    }.joined(separator: "\n")
    let requirements = Self.nginxRequirements.map { "  fastcgi_param \($0.1) \($0.0);" }.joined(
      separator: "\n")
    return """
      \(intro)

      # nginx chooses a location by the path as it reads it, and proxy_pass hands on the path as it came: `..`, `//`, `%2F`
      # and the like may lead the application elsewhere. No location of this server takes such a path, open ones included.
      if ($request_uri ~* "^[^?]*(\(Self.ambiguousPart)|#)") { return 400; }

      location = /_pico_auth_verify {
        internal;

        # Asked for a location that inherits the question and not the requirements, as one inside of another does: such a
        # location has to include pico-auth-gate.conf itself.
        if ($pico_auth_included != 1) { return 403; }
      \(isCached ? cache : "")
      \(nginxConnection)

        # The client's body is for the application.
        fastcgi_pass_request_body off;

        # Of the client's fields, those that the answer depends on. Where a field comes twice, nginx before 1.23 tells the
        # first, and pico-auth-gate.conf hands no other on; from 1.23 on it tells all of them, which is refused.
        fastcgi_pass_request_headers off;
      \(fields)

        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param SCRIPT_NAME \(path("/verify"));
        fastcgi_param REMOTE_ADDR $remote_addr;
        # No client can set these.
      \(requirements)
      }

      """
  }

  private var nginxConnection: String {
    """
      fastcgi_pass pico_auth;
      fastcgi_keep_conn on;
      fastcgi_next_upstream error non_idempotent;
      fastcgi_connect_timeout 2s;
      fastcgi_read_timeout 10s;

      # The identity of an ML-DSA-65 wallet has 12 KB, its token 11 KB, the longest claims 25 KB.
      fastcgi_buffer_size 64k;
      fastcgi_buffers 4 64k;
    """
  }

  private var nginxVerifyHTTP: String {
    """
    # For a server block of its own, on an address that only a proxy such as Caddy or Traefik reaches: answers what it asks
    # over HTTP. The proxy may put requirements into the query. pico-auth-locations.conf closes this route to clients.
    # Example: server { listen 127.0.0.1:8101; include pico-auth-verify-http.conf; }

    # An ML-DSA-65 access token is about 11 KB long and travels in one header line.
    large_client_header_buffers 4 16k;

    location = \(path("/verify")) {
    \(nginxConnection)

      fastcgi_pass_request_body off;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param SCRIPT_NAME \(path("/verify"));
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param HTTP_PROXY "";
    }

    """
  }

  // MARK: - Guarded locations

  /// The client's fields that the gate judges and applications may read. nginx hands on each of several of a name, and the
  /// gate is told one.
  private static let nginxJudgedFields = ["Origin", "X-Agent-Authorization"]

  private static func nginxValue(_ field: String) -> String {
    "$http_" + field.replacing("-", with: "_").lowercased()
  }

  private var nginxGuardIntro: String {
    """
    # Requirements are set before it; any one entry of a list is enough: set $pico_auth_role "operator,auditor"; likewise
    # $pico_auth_scope, $pico_auth_group, $pico_auth_audience; set $pico_auth_token 1 to have the token passed on too.
    """
  }

  private var nginxQuestion: String {
    let sets = IdentityField.all.map { "auth_request_set \($0.nginx) \($0.upstream);" }.joined(
      separator: "\n")
    return """
      set $pico_auth_included 1;
      auth_request /_pico_auth_verify;
      \(sets)
      """
  }

  private var nginxGuard: String {
    let judged = Self.nginxJudgedFields.map { "proxy_set_header \($0) \(Self.nginxValue($0));" }
      .joined(separator: "\n")
    return """
      # For a location with proxy_pass: asks the gate, and tells the application the client's identity.
      \(nginxGuardIntro)

      \(nginxQuestion)

      # In place of whatever the client says of itself; what is empty isn't passed on. nginx drops other spellings of the
      # names: leave underscores_in_headers off and ignore_invalid_headers on. With these lines, proxy_set_header lines
      # of the server block no longer count here. Where try_files leads elsewhere, they belong where proxy_pass is.
      \(nginxProxyFields { $0.nginx })

      # What the gate was told, where a client sends one of these twice. For a value of your own change the line: a second
      # one would add a field.
      \(judged)

      # The identity of an ML-DSA-65 wallet has 12 KB. The application must take as much.

      """
  }

  private var nginxGuardFastCGI: String {
    let judged = Self.nginxJudgedFields.map {
      "fastcgi_param HTTP_\($0.replacing("-", with: "_").uppercased()) \(Self.nginxValue($0)) if_not_empty;"
    }.joined(separator: "\n")
    return """
      # For a location with fastcgi_pass, behind its own fastcgi_param lines: asks the gate, and tells the application the
      # client's identity.
      \(nginxGuardIntro)

      \(nginxQuestion)

      # In place of whatever the client says of itself.
      \(nginxFastCGIFields { $0.nginx })

      # What the gate was told, where a client sends one of these twice.
      \(judged)

      """
  }

  // MARK: - Open locations

  private var nginxOpen: String {
    """
    # For a location with proxy_pass that anybody may reach, beside guarded ones: the application is told no identity,
    # whatever the client says of itself. Leave underscores_in_headers off and ignore_invalid_headers on. With these lines,
    # proxy_set_header lines of the server block no longer count here.

    auth_request off;
    \(nginxProxyFields { _ in "\"\"" })

    """
  }

  private var nginxOpenFastCGI: String {
    """
    # For a location with fastcgi_pass that anybody may reach, beside guarded ones, behind its own fastcgi_param lines: the
    # application is told no identity, whatever the client says of itself.

    auth_request off;
    \(nginxFastCGIFields { _ in "\"\"" })

    """
  }

  private func nginxProxyFields(_ value: (IdentityField) -> String) -> String {
    let fields =
      IdentityField.all.map { "proxy_set_header \($0.name) \(value($0));" } + ["proxy_set_header Host $host;"]
    return fields.joined(separator: "\n")
  }

  private func nginxFastCGIFields(_ value: (IdentityField) -> String) -> String {
    IdentityField.all.map {
      "fastcgi_param HTTP_\($0.variable) \(value($0));\nfastcgi_param \($0.variable) \(value($0));"
    }.joined(separator: "\n")
  }
}

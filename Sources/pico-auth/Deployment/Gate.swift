import AuthServer
import FastCGI

/// What lets a web server ask the gate, and passes on who was let through.
extension DeploymentValues {
  /// A field of the identity, and what it is called on the way.
  private struct Field {
    /// As in a request: `X-Auth-Role`.
    let name: String

    /// As an authorizer's variable: `X_AUTH_ROLE`.
    var variable: String { name.uppercased().replacing("-", with: "_") }

    /// As a variable of nginx's.
    var nginx: String { "$pico_auth_" + name.lowercased().replacing("-", with: "_") }

    /// Where nginx finds it in the gate's answer.
    var upstream: String { "$upstream_http_" + name.lowercased().replacing("-", with: "_") }

    static let all = GateIdentity.fieldNames.map { Field(name: $0) }
  }

  // MARK: - nginx

  var nginxGate: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth-verify.conf", text: nginxVerify(isCached: false)),
      DeploymentFile(name: "pico-auth-verify-cached.conf", text: nginxVerify(isCached: true)),
      DeploymentFile(name: "pico-auth-gate.conf", text: nginxGuard),
      DeploymentFile(name: "pico-auth-gate-fastcgi.conf", text: nginxGuardFastCGI),
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
    return """
      \(intro)

      location = /_pico_auth_verify {
        internal;

        # Asked for a location that inherits the question and not what must be had, as one inside of another does: such a
        # location has to include pico-auth-gate.conf itself.
        if ($pico_auth_included != 1) { return 403; }
      \(isCached ? cache : "")
        fastcgi_pass pico_auth;
        fastcgi_keep_conn on;
        fastcgi_next_upstream error non_idempotent;
        fastcgi_connect_timeout 2s;
        fastcgi_read_timeout 10s;

        # The client's body is for the application.
        fastcgi_pass_request_body off;

        # The identity of an ML-DSA-65 wallet has 12 KB, its token 11 KB, the longest claims 25 KB.
        fastcgi_buffer_size 64k;
        fastcgi_buffers 4 64k;

        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param SCRIPT_NAME \(path("/verify"));
        fastcgi_param REMOTE_ADDR $remote_addr;
        fastcgi_param HTTP_PROXY "";
        # No client can set these.
        fastcgi_param PICO_AUTH_REQUIRE_ROLE $pico_auth_role;
        fastcgi_param PICO_AUTH_REQUIRE_SCOPE $pico_auth_scope;
        fastcgi_param PICO_AUTH_REQUIRE_GROUP $pico_auth_group;
        fastcgi_param PICO_AUTH_REQUIRE_AUDIENCE $pico_auth_audience;
        fastcgi_param PICO_AUTH_PASS_TOKEN $pico_auth_token;
      }

      """
  }

  private var nginxGuardIntro: String {
    """
    # What must be had is set before it, any one of each: set $pico_auth_role "operator,auditor"; likewise
    # $pico_auth_scope, $pico_auth_group, $pico_auth_audience; set $pico_auth_token 1 to have the token passed on too.
    """
  }

  private static let nginxCacheKey = [
    "http_authorization", "http_cookie", "http_x_agent_authorization", "request_method", "http_host",
    "http_origin",
    "http_sec_websocket_key", "http_x_forwarded_method", "http_x_forwarded_host", "pico_auth_role",
    "pico_auth_scope",
    "pico_auth_group", "pico_auth_audience", "pico_auth_token",
  ].map { "$" + $0 }.joined(separator: "\\n")

  private var nginxQuestion: String {
    let sets = Field.all.map { "auth_request_set \($0.nginx) \($0.upstream);" }.joined(separator: "\n")
    return """
      set $pico_auth_included 1;
      auth_request /_pico_auth_verify;
      \(sets)
      """
  }

  private var nginxGuard: String {
    let fields = Field.all.map { "proxy_set_header \($0.name) \($0.nginx);" }.joined(separator: "\n")
    return """
      # For a location with proxy_pass: asks the gate, and tells the application who it is.
      \(nginxGuardIntro)

      \(nginxQuestion)

      # In place of whatever the client says of itself; what is empty isn't passed on. nginx drops other spellings of the
      # names: leave underscores_in_headers off and ignore_invalid_headers on. With these lines, proxy_set_header lines
      # of the server block no longer count here. Where try_files leads elsewhere, they belong where proxy_pass is.
      \(fields)
      proxy_set_header Host $host;

      # The identity of an ML-DSA-65 wallet has 12 KB. The application must take as much.

      """
  }

  private var nginxGuardFastCGI: String {
    let fields = Field.all.map {
      "fastcgi_param HTTP_\($0.variable) \($0.nginx);\nfastcgi_param \($0.variable) \($0.nginx);"
    }.joined(separator: "\n")
    return """
      # For a location with fastcgi_pass, behind its own fastcgi_param lines: asks the gate, and tells the application who
      # it is.
      \(nginxGuardIntro)

      \(nginxQuestion)

      # In place of whatever the client says of itself.
      \(fields)

      """
  }

  // MARK: - lighttpd

  var lighttpdGate: String {
    // Spellings that lighttpd would hand over under the same name.
    let names = Field.all.flatMap { [$0.name, $0.name.replacing("-", with: "_")] }
    let cleared = names.map { "  \"\($0)\" => \"\"" }.joined(separator: ",\n")
    return """
      # For a condition such as $HTTP["url"] =~ "^/reports/" { ... }: lets through whom the gate lets through. In
      # server.modules, mod_setenv comes before mod_fastcgi, and mod_fastcgi before every other module that answers requests
      # (mod_cgi, mod_scgi, mod_wstunnel ...): what comes before it answers without asking the gate. mod_proxy can't be guarded.
      # What must be had is set beside it, any one of each:
      # setenv.add-environment = ("PICO_AUTH_REQUIRE_ROLE" => "operator,auditor"), ..._SCOPE, ..._GROUP, ..._AUDIENCE.
      # A condition within must not have setenv lines of its own: they would take the place of these.
      # Once before it: var.pico_auth_docroot = what server.document-root is, where lighttpd then looks for the page;
      # alias.url doesn't count behind the gate.

      fastcgi.server += ("/" => ((
        \(lighttpdAddress),
        "mode" => "authorizer",
        "docroot" => var.pico_auth_docroot,
        "check-local" => "disable"
      )))

      # The application is told in variables that no client can set: REMOTE_USER, REMOTE_GROUPS, X_AUTH_SUBJECT, X_AUTH_ROLE
      # and so on. It must not look at those that begin with HTTP_, which are what the client says of itself; lighttpd
      # turns any punctuation into an underscore there, so not every spelling can be taken out.
      setenv.set-request-header += (
      \(cleared)
      )

      """
  }

  // MARK: - Apache

  var apacheGate: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth-gate-authnz.conf", text: apacheAuthnz),
      DeploymentFile(name: "pico-auth-gate-fcgid.conf", text: apacheAccessChecker),
    ]
  }

  private var apacheAuthnz: String {
    """
    # For a <Location>: lets through whom the gate lets through. Needs `a2enmod authnz_fcgi authz_user setenvif headers`,
    # `pico-auth serve --listen HOST:PORT`, as mod_authnz_fcgi knows no unix sockets, and once, outside of any virtual host:
    #   AuthnzFcgiDefineProvider authn pico-auth fcgi://\(apacheTCP)/
    \(apacheRequirements)

    CGIPassAuth On
    AuthType None
    AuthnzFcgiCheckAuthnProvider pico-auth Authoritative On RequireBasicAuth Off UserExpr "%{reqenv:REMOTE_USER}"
    <RequireAll>
      Require valid-user
      Require expr "-z reqenv('FORGED_IDENTITY')"
    </RequireAll>

    \(apacheIdentity)
    """
  }

  private var apacheAccessChecker: String {
    """
    # For a <Location>: lets through whom the gate lets through, which mod_fcgid starts itself. Needs `a2enmod fcgid setenvif
    # headers`, and once, outside of any <Location>: FcgidInitialEnv PICO_AUTH_CONFIG \(configFile)
    # mod_fcgid makes a 401 of every refusal.
    \(apacheRequirements)

    CGIPassAuth On
    FcgidAccessChecker "\(program)"
    FcgidAccessCheckerAuthoritative On
    Require expr "-z reqenv('FORGED_IDENTITY')"

    \(apacheIdentity)
    """
  }

  private var apacheRequirements: String {
    """
    # What must be had is set beside it, any one of each: SetEnvIfExpr true PICO_AUTH_REQUIRE_ROLE=operator,auditor; likewise
    # ..._SCOPE, ..._GROUP, ..._AUDIENCE; SetEnvIfExpr true PICO_AUTH_PASS_TOKEN=1 to have the token passed on too. SetEnv
    # would come too late.
    """
  }

  private var apacheIdentity: String {
    let fields = Field.all.map {
      """
      RequestHeader set \($0.name) "expr=%{reqenv:\($0.variable)}" "expr=-n reqenv('\($0.variable)')"
      RequestHeader unset \($0.name) "expr=-z reqenv('\($0.variable)')"
      """
    }.joined(separator: "\n")
    return """
      # The application is told in variables (REMOTE_USER, X_AUTH_ROLE) and in fields, in place of whatever the client says of
      # itself. Other spellings of the names are refused, as some applications take them for the same; and a client
      # mustn't have mod_proxy drop the fields as belonging to its connection (RFC 9110, section 7.6.1).
      SetEnvIfNoCase "^(?=.*[^a-z0-9-])(remote|x[^a-z0-9]auth)[^a-z0-9]" "." FORGED_IDENTITY
      RequestHeader edit* Connection "(?i)(remote|x-auth)-[a-z-]+" "close"
      \(fields)

      """
  }

  private var apacheTCP: String {
    if case .tcp = listen { "\(listen)" } else { "127.0.0.1:9000" }
  }
}

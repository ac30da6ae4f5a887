import Supervision

extension DeploymentValues {
  var lighttpd: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth.conf", text: lighttpdSocket),
      DeploymentFile(name: "pico-auth-spawned.conf", text: lighttpdSpawned),
      DeploymentFile(name: "pico-auth-cgi.conf", text: lighttpdCGI),
    ] + lighttpdGate
  }

  private var lighttpdSocket: String {
    """
    # lighttpd in front of `pico-auth serve`, to be included in lighttpd.conf.
    \(lighttpdPreamble(module: "mod_fastcgi"))
    $HTTP["url"] =~ "\(clientPathPattern)" {
    \(lighttpdFleetRule)
      # lighttpd opens a connection for each request; pico-auth needs no thread for one that waits.
      fastcgi.server = ("/" => ((
        \(lighttpdAddress),
        "check-local" => "disable"
      )))
    }

    """
  }

  private var lighttpdSpawned: String {
    """
    # lighttpd that starts pico-auth itself, to be included in lighttpd.conf. The processes run as lighttpd's user, so
    # that user must be able to read \(configFile) and to write to \(stateFolder). A change of the
    # configuration needs a restart of lighttpd.
    \(lighttpdPreamble(module: "mod_fastcgi"))
    $HTTP["url"] =~ "\(clientPathPattern)" {
    \(lighttpdFleetRule)
      # One numbered socket a process. lighttpd asks the least busy, so \(workers) processes of \(threads) threads run
      # \(workers * threads) requests at once.
      fastcgi.server = ("/" => ((
        "socket" => "/run/lighttpd/pico-auth.sock",
        "bin-path" => "\(program)",
        "bin-environment" => ("PICO_AUTH_CONFIG" => "\(configFile)", "PICO_AUTH_THREADS" => "\(threads)"),
        "bin-copy-environment" => ("PATH"),
        "min-procs" => \(workers),
        "max-procs" => \(workers),
        "check-local" => "disable"
      )))
    }

    """
  }

  private var lighttpdCGI: String {
    """
    # lighttpd that runs pico-auth anew for each request, for hosts with little traffic; to be included in lighttpd.conf.
    # The processes run as lighttpd's user, so that user must be able to read \(configFile) and to
    # write to \(stateFolder).
    \(lighttpdPreamble(module: "mod_alias", "mod_cgi"))
    $HTTP["url"] =~ "\(clientPathPattern)" {
    \(lighttpdFleetRule)
      # Not outside of the condition: what isn't run is sent, the program itself.
      alias.url = ("\(basePath)" => "\(program)", "\(keySetPath)" => "\(program)")
      setenv.add-environment = ("PICO_AUTH_CONFIG" => "\(configFile)")
      cgi.assign = ("" => "")
    }

    """
  }

  private func lighttpdPreamble(module: String...) -> String {
    let modules = (["mod_setenv"] + module).map { "\"\($0)\"" }.joined(separator: ", ")
    return """
      # lighttpd can't limit how fast one address asks: let fail2ban read pico-auth's log, by the filter fail2ban/pico-auth.conf.
      # Only web servers ask \(path("/verify")), so it is closed here. To open it for a proxy such as Caddy or Traefik, take
      # (?!verify$) out of the pattern, within a condition on $SERVER["socket"] or $HTTP["remote-ip"] that only the proxy meets.

      server.modules += (\(modules))

      # An ML-DSA-65 access token is about 11 KB long. Kilobytes for bodies, bytes for header fields; pico-auth refuses
      # bodies over 64 KiB (max_request_body_bytes) by itself.
      server.max-request-size = \(bodyLimit >> 10)
      server.max-request-field-size = 32768

      """
  }

  /// lighttpd turns `X_Fleet_Secret` and `X-Fleet-Secret` into the same variable.
  private var lighttpdFleetRule: String {
    """
      # lighttpd hands over X_Fleet_Secret, or X.Fleet.Secret, as if it were X-Fleet-Secret, which somebody in front may
      # have taken out. Without the real field a dash takes its place: two of one name are no secret.
      $REQUEST_HEADER["X-Fleet-Secret"] == "" {
        setenv.set-request-header = ("X-Fleet-Secret" => "-")
      }

    """
  }

  var lighttpdAddress: String {
    switch listen {
    case .unix(let path): "\"socket\" => \"\(path)\""
    case .tcp(let host, let port): "\"host\" => \"\(host)\", \"port\" => \(port)"
    }
  }
}

import Supervision

extension DeploymentValues {
  /// The user and group that the package makes.
  static let account = "pico-auth"
  /// The web server's group on Debian.
  private static let webGroup = "www-data"

  var systemd: [DeploymentFile] {
    [
      DeploymentFile(name: "pico-auth.service", text: service),
      DeploymentFile(name: "pico-auth.socket", text: socketUnit),
      DeploymentFile(name: "pico-auth.sysusers", text: sysusers),
      DeploymentFile(name: "pico-auth.tmpfiles", text: tmpfiles),
    ]
  }

  private var service: String {
    """
    # Serves the socket of pico-auth.socket. `systemctl reload pico-auth` takes over a changed configuration and new keys
    # without losing a request.
    [Unit]
    Description=Sign-in and tokens for web servers
    Documentation=man:pico-auth(8)
    Requires=pico-auth.socket
    After=pico-auth.socket

    [Service]
    Type=notify
    ExecStart=\(program) serve --workers \(workers) --threads \(threads) --config \(configFile)
    ExecReload=/bin/kill -HUP $MAINPID
    Restart=on-failure
    # Only the first process speaks for the service; workers end within 2 s. It replaces workers that hang; systemd restarts
    # the service where the first process hangs itself.
    NotifyAccess=main
    WatchdogSec=60s
    TimeoutStopSec=10s

    User=\(Self.account)
    Group=\(Self.account)
    StateDirectory=pico-auth
    StateDirectoryMode=0700
    UMask=0077
    # A connection is a descriptor.
    LimitNOFILE=65536

    # All it needs is its socket, its configuration and its state: no network, no devices, no other files to write.
    PrivateNetwork=yes
    RestrictAddressFamilies=AF_UNIX
    IPAddressDeny=any
    ProtectSystem=strict
    ProtectHome=yes
    PrivateTmp=yes
    PrivateDevices=yes
    DevicePolicy=closed
    ProtectProc=invisible
    # Workers start as /proc/self/exe, read what the first process hands them below /proc/self/fd, and tell one boot from
    # the next by /proc/sys/kernel/random/boot_id: so no ProcSubset=pid.
    PrivateUsers=yes
    ProtectHostname=yes
    ProtectClock=yes
    ProtectKernelTunables=yes
    ProtectKernelModules=yes
    ProtectKernelLogs=yes
    ProtectControlGroups=yes
    PrivateIPC=yes
    CapabilityBoundingSet=
    AmbientCapabilities=
    NoNewPrivileges=yes
    RestrictNamespaces=yes
    RestrictRealtime=yes
    RestrictSUIDSGID=yes
    RemoveIPC=yes
    LockPersonality=yes
    MemoryDenyWriteExecute=yes
    SystemCallArchitectures=native
    SystemCallFilter=@system-service
    SystemCallFilter=~@privileged @resources
    # Password hashes and compaction give way to other requests.
    SystemCallFilter=setpriority sched_setscheduler
    SystemCallErrorNumber=EPERM

    [Install]
    WantedBy=multi-user.target
    Also=pico-auth.socket

    """
  }

  private var socketUnit: String {
    """
    # Whoever can connect can claim any header field, so only the web server's group may.
    [Unit]
    Description=Socket of pico-auth

    [Socket]
    ListenStream=\(listenStream)
    SocketUser=\(Self.account)
    SocketGroup=\(Self.webGroup)
    SocketMode=0660
    # What waits while workers are busy or started anew.
    Backlog=1024

    [Install]
    WantedBy=sockets.target

    """
  }

  private var listenStream: String {
    switch listen {
    case .unix(let path): path
    case .tcp: "\(listen)"
    }
  }

  private var sysusers: String {
    """
    # For sysusers.d: the user that pico-auth runs as.
    u \(Self.account) - "pico-auth" \(stateFolder)

    """
  }

  private var tmpfiles: String {
    """
    # For tmpfiles.d: the socket's folder, where no socket unit makes it; the folder of keys and shared files. Mode and owner
    # behind a colon are for a folder that is made anew: where lighttpd or mod_fcgid starts pico-auth, you give the folder
    # to their user, and no boot takes it back.
    d /run/pico-auth 0755 \(Self.account) \(Self.webGroup)
    d \(stateFolder) :0700 :\(Self.account) :\(Self.account)

    """
  }
}

// swift-tools-version: 6.2
import PackageDescription

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
  name: "pico-auth",
  products: [
    .executable(name: "pico-auth", targets: ["pico-auth"]),
    .library(
      name: "AuthServer", targets: ["AuthServer", "CGI", "Gate", "POSIX", "Stores", "Tokens", "Wallets"]),
    .library(name: "StoreConformance", targets: ["StoreConformance"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    // C libraries: a module map and a shim each, nothing else.
    .systemLibrary(name: "CArgon2", providers: [.apt(["libargon2-dev"])]),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
    .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),

    // Arrows point downwards only; CONTRIBUTING.md has the picture.
    .target(name: "POSIX", dependencies: ["CLinux"]),
    .target(name: "Wire"),
    .target(name: "CGI", dependencies: ["POSIX", "Wire", httpTypes]),
    .target(name: "Stores", dependencies: ["POSIX", "Wire", crypto, logging]),
    .target(name: "Tokens", dependencies: ["COpenSSL", "POSIX", "Wire", crypto]),
    .target(name: "Sessions", dependencies: ["POSIX", "Stores", "Tokens", "Wire", crypto]),
    .target(
      name: "Gate", dependencies: ["CGI", "Sessions", "Stores", "Tokens", "Wire", crypto, httpTypes]),
    .target(name: "Wallets", dependencies: ["COpenSSL", "CSecp256k1", "POSIX", "Wire", crypto]),
    .target(name: "FastCGI", dependencies: ["CGI", "CLinux", "POSIX", httpTypes, logging]),
    .target(name: "Supervision", dependencies: ["CLinux", "FastCGI", "POSIX", logging]),
    .target(
      name: "DeploymentTemplates", path: "deploy",
      exclude: ["apache", "config.yaml", "debian", "fail2ban", "lighttpd", "man", "systemd"],
      resources: [.embedInCode("templates")]),
    .target(name: "Observation", dependencies: ["CLinux", "POSIX", "Wire", logging]),
    .target(
      name: "AuthServer",
      dependencies: [
        "CArgon2", "CGI", "CYAML", "Gate", "POSIX", "Sessions", "Stores", "Tokens", "Wallets", "Wire", crypto,
        httpTypes, logging,
      ]),
    .executableTarget(
      name: "pico-auth",
      dependencies: [
        "AuthServer", "CGI", "DeploymentTemplates", "FastCGI", "Gate", "Observation", "POSIX", "Sessions",
        "Stores",
        "Supervision", "Tokens", "Wallets", "Wire", logging,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    .target(name: "StoreConformance", dependencies: ["POSIX", "Stores"]),
    .executableTarget(
      name: "custom-stores",
      dependencies: ["AuthServer", "CGI", "POSIX", "Stores", "Tokens", httpTypes, logging],
      path: "Examples/CustomStores"),

    .target(
      name: "TestSupport", dependencies: ["POSIX", "Wallets", "Wire", logging], path: "Tests/TestSupport"),
    .testTarget(name: "POSIXTests", dependencies: ["CLinux", "POSIX", "TestSupport", "pico-auth"]),
    .testTarget(name: "WireTests", dependencies: ["Wire"]),
    .testTarget(name: "ObservationTests", dependencies: ["Observation", "TestSupport", logging]),
    .testTarget(name: "CGITests", dependencies: ["CGI"]),
    .testTarget(name: "TokensTests", dependencies: ["TestSupport", "Tokens"]),
    .testTarget(
      name: "WalletsTests", dependencies: ["CSecp256k1", "POSIX", "TestSupport", "Wallets", "Wire"]),
    .testTarget(
      name: "StoresTests",
      dependencies: ["POSIX", "StoreConformance", "Stores", "TestSupport", "custom-stores", logging]),
    .testTarget(
      name: "AuthServerTests",
      dependencies: [
        "AuthServer", "CGI", "Gate", "POSIX", "Stores", "TestSupport", "Tokens", httpTypes, logging,
      ]),
    .testTarget(name: "GateTests", dependencies: ["CGI", "Gate", "Tokens", "Wire", httpTypes]),
    .testTarget(
      name: "FastCGITests",
      dependencies: [
        "CGI", "CLinux", "FastCGI", "POSIX", "Supervision", "TestSupport", "Wallets", "pico-auth",
      ]),
    .testTarget(
      name: "SupervisionTests", dependencies: ["FastCGI", "POSIX", "Supervision", "TestSupport", "pico-auth"]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "AuthServer", "CGI", "DeploymentTemplates", "Gate", "POSIX", "Stores", "TestSupport", "Wire",
        "pico-auth",
      ]),
    .testTarget(
      name: "IntegrationTests",
      dependencies: ["Gate", "POSIX", "TestSupport", "Tokens", "Wallets", "custom-stores", "pico-auth"]),
  ],
  swiftLanguageModes: [.v6]
)

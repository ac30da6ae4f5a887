// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that users of the library don't download an HTTP server.
let package = Package(
  name: "embedded",
  dependencies: [
    .package(name: "pico-auth", path: "../.."),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/swhitty/FlyingFox", exact: "0.27.1"),
  ],
  targets: [
    .executableTarget(
      name: "embedded",
      dependencies: [
        "FlyingFox", .product(name: "AuthServer", package: "pico-auth"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
      ], path: "Sources")
  ],
  swiftLanguageModes: [.v6]
)

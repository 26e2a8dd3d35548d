// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

// A package of its own, so that users of the library inherit nothing of it.
let package = Package(
    name: "vmm-store-benchmarks",
    dependencies: [
        .package(name: "vmm-store", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        .executableTarget(
            name: "bench",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Postgres", package: "vmm-store"),
                .product(name: "SchemaMigrations", package: "vmm-store"),
                .product(name: "VMMDatastore", package: "vmm-store"),
                .product(name: "VMMModel", package: "vmm-store"),
                .product(name: "_EphemeralPostgres", package: "vmm-store"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
                "libpq-baseline",
            ],
            swiftSettings: settings
        ),
        // What libpq's own users would write, in C: the other side of most comparisons.
        .executableTarget(
            name: "libpq-baseline",
            dependencies: ["SystemLibPQ"]
        ),
        .systemLibrary(name: "SystemLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    ],
    swiftLanguageModes: [.v6]
)

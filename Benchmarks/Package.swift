// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that users of the library inherit nothing of it.
let package = Package(
    name: "vmm-store-benchmarks",
    dependencies: [
        .package(name: "vmm-store", path: ".."),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        .executableTarget(
            name: "flagship",
            dependencies: [
                .product(name: "Postgres", package: "vmm-store"),
                .product(name: "SchemaMigrations", package: "vmm-store"),
                .product(name: "_EphemeralPostgres", package: "vmm-store"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .treatAllWarnings(as: .error),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that users of the library inherit nothing of it.
let package = Package(
    name: "vmm-store-benchmarks",
    dependencies: [.package(name: "vmm-store", path: "..")],
    targets: [
        .executableTarget(
            name: "flagship",
            dependencies: [
                .product(name: "Postgres", package: "vmm-store"),
                .product(name: "SchemaMigrations", package: "vmm-store"),
                .product(name: "_EphemeralPostgres", package: "vmm-store"),
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

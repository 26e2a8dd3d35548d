// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "vmm-store",
    products: [
        .library(name: "Postgres", targets: ["Postgres"]),
        .library(name: "SchemaMigrations", targets: ["SchemaMigrations"]),
        .library(name: "VMMModel", targets: ["VMMModel"]),
        .library(name: "VMMDatastore", targets: ["VMMDatastore"]),
        // Underscored: for sibling packages (Benchmarks/), without a promise of stability.
        .library(name: "_EphemeralPostgres", targets: ["EphemeralPostgres"]),
        .plugin(name: "EmbedMigrations", targets: ["EmbedMigrations"]),
        .executable(name: "migrate", targets: ["migrate"]),
        .executable(name: "vmmdb", targets: ["vmmdb"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/onevcat/Rainbow", from: "4.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CPGQuery", providers: [.apt(["libpg-query-dev"])]),
        .target(
            name: "Postgres",
            dependencies: [
                "CLibPQ",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]
        ),
        .target(
            name: "SchemaMigrations",
            dependencies: [
                "CPGQuery",
                "Postgres",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        // Compiles a folder of migrations into the target that names the plugin.
        .plugin(name: "EmbedMigrations", capability: .buildTool(), dependencies: ["EmbedMigrationsTool"]),
        .executableTarget(name: "EmbedMigrationsTool"),
        .target(name: "VMMModel"),
        .target(
            name: "VMMDatastore",
            dependencies: ["Postgres", "VMMModel", .product(name: "Logging", package: "swift-log")]
        ),
        .target(
            name: "EphemeralPostgres",
            dependencies: [
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        // What both command lines share.
        .target(name: "CommandSupport", dependencies: ["Postgres"]),
        .target(
            name: "MigrateCommand",
            dependencies: [
                "CommandSupport",
                "EphemeralPostgres",
                "Postgres",
                "SchemaMigrations",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Rainbow", package: "Rainbow"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .executableTarget(name: "migrate", dependencies: ["MigrateCommand"]),
        .target(
            name: "VMMCommand",
            dependencies: [
                "CommandSupport",
                "EphemeralPostgres",
                "Postgres",
                "VMMDatastore",
                "VMMModel",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Rainbow", package: "Rainbow"),
            ]
        ),
        .executableTarget(name: "vmmdb", dependencies: ["VMMCommand"]),

        // Shared by the test targets: one server per test process, one database per test.
        .target(
            name: "TestSupport",
            dependencies: ["EphemeralPostgres", "Postgres", "SchemaMigrations"],
            path: "Tests/TestSupport"
        ),
        .testTarget(
            name: "PostgresTests",
            dependencies: [
                "EphemeralPostgres", "Postgres", "TestSupport",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]
        ),
        .testTarget(
            name: "SchemaMigrationsTests",
            dependencies: [
                "EphemeralPostgres", "SchemaMigrations", "Postgres", "TestSupport",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .testTarget(name: "VMMModelTests", dependencies: ["VMMModel"]),
        .testTarget(name: "VMMDatastoreTests", dependencies: ["VMMDatastore", "VMMModel", "Postgres", "TestSupport"]),
        .testTarget(
            name: "EphemeralPostgresTests",
            dependencies: [
                "EphemeralPostgres", "TestSupport",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .testTarget(
            name: "MigrateCommandTests",
            dependencies: [
                "CommandSupport", "MigrateCommand", "migrate", "vmmdb", "Postgres", "TestSupport",
                .product(name: "Subprocess", package: "swift-subprocess"),
            ]
        ),
        .testTarget(
            name: "VMMCommandTests",
            dependencies: [
                "VMMCommand", "vmmdb", "Postgres", "TestSupport",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        .testTarget(
            name: "ShippedMigrationsTests",
            dependencies: [
                "EphemeralPostgres", "SchemaMigrations", "Postgres", "VMMDatastore", "VMMModel", "TestSupport",
            ],
            plugins: ["EmbedMigrations"]
        ),
        .testTarget(
            name: "FaultTests",
            dependencies: [
                "EphemeralPostgres", "migrate", "SchemaMigrations", "Postgres", "VMMDatastore", "VMMModel",
                "TestSupport",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]
        ),
        // Counts instructions of a release build; scripts/test runs it.
        .executableTarget(
            name: "hot-paths",
            dependencies: [
                "EphemeralPostgres", "Postgres", "VMMDatastore", "VMMModel",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Tests/HotPaths",
            exclude: ["counts.json"]
        ),
        .testTarget(
            name: "PublicAPIProbe",
            dependencies: ["Postgres", "SchemaMigrations", "VMMDatastore", "VMMModel"]
        ),
    ],
    swiftLanguageModes: [.v6]
)

// One set of settings for every target that is compiled from Swift.
for target in package.targets where target.type != .system && target.type != .plugin {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]
    // Where pointers are: each expression that uses one says so.
    if target.name == "Postgres" { target.swiftSettings?.append(.strictMemorySafety()) }
}

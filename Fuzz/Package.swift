// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    // libFuzzer brings `main`.
    .unsafeFlags(["-parse-as-library"]),
]

// A package of its own: the fuzzer's flags are not for the products. `scripts/fuzz` builds and runs it.
let package = Package(
    name: "vmm-store-fuzz",
    dependencies: [.package(name: "vmm-store", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [
                .product(name: "Postgres", package: "vmm-store"),
                .product(name: "SchemaMigrations", package: "vmm-store"),
                .product(name: "VMMModel", package: "vmm-store"),
                "SystemLibPQ",
            ],
            swiftSettings: settings
        ),
        .systemLibrary(name: "SystemLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    ],
    swiftLanguageModes: [.v6]
)

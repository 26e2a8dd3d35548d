public import Postgres
public import VMMModel

// The labels of these are those of enum types in the database, in the same order.

extension VMMState.Kind: PostgresEnum {}

extension VMMFailureReason: PostgresEnum {}

extension VMMCPUPlatform: PostgresEnum {}

extension LiveMigrationState: PostgresEnum {}

extension InstanceState.Kind: PostgresEnum {}

extension InstanceIntendedState: PostgresEnum {}

extension InstanceAutoRestartPolicy: PostgresEnum {}

extension InstanceCPUPlatform: PostgresEnum {}

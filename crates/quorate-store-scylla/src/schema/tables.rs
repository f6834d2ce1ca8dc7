//! What the schema is made of: migrations in order, each a list of statements that may run twice.
//!
//! A migration that was released is never changed; what changes comes as another one. `$.` stands for the keyspace.
//! `docs/adr/0017-schema-on-scylladb.md` says why the tables are as they are.

/// One step of the schema.
pub(super) struct Migration {
    /// Its number, from 1 without a gap.
    pub version: i32,
    /// What it is for.
    pub name: &'static str,
    /// Its statements, in order.
    pub statements: &'static [&'static str],
}

/// All steps.
pub(super) const MIGRATIONS: [Migration; 1] = [Migration {
    version: 1,
    name: "everything that a store keeps",
    statements: &[
        // One partition and one row per quota, account and period: the unit of a conditional change.
        "CREATE TABLE IF NOT EXISTS $.quota_grant (
            org text, quota text, account blob, period text,
            cap bigint, granted bigint, version bigint, holdings map<uuid, bigint>,
            PRIMARY KEY ((org, quota, account, period))
        ) WITH compaction = {'class': 'LeveledCompactionStrategy'}",
        // In the order of org and id within a bucket; 32 buckets to a kind.
        "CREATE TABLE IF NOT EXISTS $.document (
            kind text, bucket int, org text, id text,
            version bigint, body text,
            PRIMARY KEY ((kind, bucket), org, id)
        ) WITH compaction = {'class': 'LeveledCompactionStrategy'}",
        // Places are numbers without a gap; a bucket holds the places from 10,000 n to 10,000 n + 9,999.
        "CREATE TABLE IF NOT EXISTS $.change_feed (
            bucket bigint, place bigint,
            kind text, org text, id text, version bigint, at_s bigint,
            PRIMARY KEY ((bucket), place)
        )",
        "CREATE TABLE IF NOT EXISTS $.usage (
            org text, span tinyint, start_s bigint, key_id text, endpoint text, meter text, writer uuid,
            calls bigint, units bigint,
            PRIMARY KEY ((org, span, start_s), key_id, endpoint, meter, writer)
        )",
        // Which periods an org has rows in.
        "CREATE TABLE IF NOT EXISTS $.usage_period (
            org text, span tinyint, start_s bigint,
            PRIMARY KEY ((org, span), start_s)
        )",
        // A bucket holds 65,536 records of one writer.
        "CREATE TABLE IF NOT EXISTS $.audit (
            writer uuid, bucket bigint, sequence bigint,
            at_ns bigint, kind tinyint, of_writer uuid, of_sequence bigint, body text, hash blob,
            PRIMARY KEY ((writer, bucket), sequence)
        )",
        // Which buckets a writer has records in.
        "CREATE TABLE IF NOT EXISTS $.audit_bucket (
            writer uuid, bucket bigint,
            PRIMARY KEY ((writer), bucket)
        )",
        "CREATE TABLE IF NOT EXISTS $.pool (
            bucket int, org text, pool text,
            missing bigint, at_ns bigint,
            PRIMARY KEY ((bucket), org, pool)
        )",
        "CREATE TABLE IF NOT EXISTS $.piece (
            name text, content blob,
            PRIMARY KEY ((name))
        )",
        // Names of pieces, in order within a bucket.
        "CREATE TABLE IF NOT EXISTS $.piece_name (
            bucket int, name text,
            PRIMARY KEY ((bucket), name)
        )",
        "CREATE TABLE IF NOT EXISTS $.server_lock (
            name text, holder uuid, held_by text,
            PRIMARY KEY ((name))
        )",
    ],
}];

/// What the migrations themselves need; made before any lock can be taken, and hence through one node of the cluster.
pub(super) const FOUNDATION: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS $.migration_lock (name text, holder uuid, held_by text, PRIMARY KEY ((name)))",
    "CREATE TABLE IF NOT EXISTS $.migration (
        component text, version int, name text,
        PRIMARY KEY ((component), version)
    )",
];

/// What is better on ScyllaDB. Tried after the migrations; one that fails is logged and changes nothing else.
pub(super) const SCYLLA_EXTRAS: [&str; 1] = [
    // Every move of a quota leaves a trace of its Paxos round for ten days otherwise.
    "ALTER TABLE $.quota_grant WITH paxos_grace_seconds = 86400",
];

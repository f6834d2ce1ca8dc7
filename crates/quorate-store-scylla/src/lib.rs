//! The store on ScyllaDB, and on Apache Cassandra.

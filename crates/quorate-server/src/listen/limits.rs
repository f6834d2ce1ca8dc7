//! What one connection may take of the server.

use std::time::Duration;

/// Bounds on one connection, and on how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The most connections at once, over all threads of one door.
    pub connections_max: usize,
    /// The most calls open at once on one connection.
    pub streams_max: u32,
    /// The most bytes of headers of one call, as HTTP/2 counts them.
    pub header_bytes_max: u32,
    /// A connection without an open call for this long is told to go.
    pub idle_timeout: Duration,
    /// How often a silent peer is asked whether it is there.
    pub keepalive_interval: Duration,
    /// How long it may take to answer that.
    pub keepalive_timeout: Duration,
    /// The most bytes that the calls of one connection may together make the server keep: messages whose end has not
    /// come, and answers that were not taken.
    pub kept_bytes_max: usize,
}

/// How long a TLS handshake may take: many round trips of a bad line, and far less than a patient attacker would like.
pub(super) const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// How long a connection that was told to go may take to go.
pub(super) const GOODBYE_MAX: Duration = Duration::from_secs(5);

/// What [`ConnectionLimits::kept_bytes_max`] is at least: 64 KiB for each of a thousand calls at once, and
/// little enough that a hundred connections of a caller gone wrong do not take a machine's memory.
pub const KEPT_BYTES_MAX: usize = 64 << 20;

/// The flow-control window of one call: sixteen full frames, so that a busy stream never waits for a window update.
/// Windows bound what was received and not read yet; what was read and makes no message yet counts as kept.
pub(super) const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// The flow-control window of one connection.
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

//! Sockets, TLS and connections: what comes in is taken in within bounds, handed to the least loaded data-plane
//! thread, and let go in good order when the server stops. What a call means is not known here.

mod acceptor;
mod activity;
mod connection;
mod data_plane;
mod lifetime;
mod limits;
mod peer;
mod socket;
mod tls;
mod web;

pub use acceptor::accept_until;
pub use activity::{Activity, Kept, OpenCall};
pub use data_plane::{DataPlane, DataPlaneConfig};
pub use limits::{ConnectionLimits, KEPT_BYTES_MAX};
pub use peer::Certified;
pub use socket::{BindError, Bound, Socket};
pub use tls::{ClientAuthentication, Protocols, Tls, TlsError, TlsFiles};
pub use web::{Web, WebConfig};

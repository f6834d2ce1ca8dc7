//! The ways into the server, as labels of metrics.

/// How a request for a decision came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// `ShouldAllow`.
    GrpcUnary,
    /// An item of `ShouldAllowBatch`.
    GrpcBatch,
    /// A message on `ShouldAllowStream`.
    GrpcStream,
    /// `POST /v1/should-allow`.
    Http,
    /// Envoy's `ShouldRateLimit`.
    EnvoyRateLimit,
    /// Envoy's external authorization, `Check`.
    EnvoyAuthorization,
}

impl Door {
    /// All of them, by index.
    pub const ALL: [Self; 6] = [
        Self::GrpcUnary,
        Self::GrpcBatch,
        Self::GrpcStream,
        Self::Http,
        Self::EnvoyRateLimit,
        Self::EnvoyAuthorization,
    ];

    /// Its place in [`Door::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::GrpcUnary => 0,
            Self::GrpcBatch => 1,
            Self::GrpcStream => 2,
            Self::Http => 3,
            Self::EnvoyRateLimit => 4,
            Self::EnvoyAuthorization => 5,
        }
    }

    /// The label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GrpcUnary => "grpc_unary",
            Self::GrpcBatch => "grpc_batch",
            Self::GrpcStream => "grpc_stream",
            Self::Http => "http",
            Self::EnvoyRateLimit => "envoy_rate_limit",
            Self::EnvoyAuthorization => "envoy_authorization",
        }
    }
}

/// A socket that connections come in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listener {
    /// gRPC over TCP.
    Grpc,
    /// gRPC over a Unix socket.
    Unix,
    /// HTTP over TCP.
    Http,
}

impl Listener {
    /// All of them, by index.
    pub const ALL: [Self; 3] = [Self::Grpc, Self::Unix, Self::Http];

    /// Its place in [`Listener::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Grpc => 0,
            Self::Unix => 1,
            Self::Http => 2,
        }
    }

    /// The label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Unix => "unix",
            Self::Http => "http",
        }
    }
}

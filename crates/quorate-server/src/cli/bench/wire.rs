//! What the load generator reads of an answer: two fields. The rest is skipped without being copied, so that the load
//! costs as little as it can next to the server that it measures.

/// The two fields of a `ShouldAllowResponse` that are counted.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Slim {
    /// Whether the request may pass.
    #[prost(bool, tag = "1")]
    pub allowed: bool,
    /// Why, by its number.
    #[prost(int32, tag = "2")]
    pub reason: i32,
}

/// A `ShouldAllowBatchResponse`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SlimBatch {
    /// One answer per request.
    #[prost(message, repeated, tag = "1")]
    pub responses: Vec<Slim>,
}

/// A `ShouldAllowStreamResponse`: one of the two is set.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct SlimItem {
    /// It was decided.
    #[prost(message, optional, tag = "1")]
    pub response: Option<Slim>,
    /// It was malformed.
    #[prost(message, optional, tag = "2")]
    pub error: Option<SlimError>,
}

/// A `RequestError`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct SlimError {
    /// The code of the gRPC status.
    #[prost(uint32, tag = "1")]
    pub code: u32,
}

#[cfg(test)]
mod tests;

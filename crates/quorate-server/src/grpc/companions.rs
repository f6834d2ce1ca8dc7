//! Health and reflection: the services beside decisions, by tonic's own crates.

use std::convert::Infallible;

use http::{Request, Response};
use hyper::body::Incoming;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::util::BoxCloneSyncService;

/// A service of the port that is not on the hot path.
pub(super) type Companion = BoxCloneSyncService<Request<Incoming>, Response<tonic::body::Body>, Infallible>;

/// The names of what is served, as health knows them: the whole server (the empty name), its services, and the name by
/// which Envoy's reference service is asked for.
const SERVED: [&str; 5] = [
    "",
    "quorate.v1.DecisionService",
    "envoy.service.ratelimit.v3.RateLimitService",
    "envoy.service.auth.v3.Authorization",
    "ratelimit",
];

/// The other services of the port.
#[derive(Clone, Debug)]
pub struct Companions {
    pub(super) health: Companion,
    pub(super) reflection: Companion,
    pub(super) reflection_alpha: Companion,
}

/// What `grpc.health.v1` answers.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Companions {
    /// The services, and what steers health. Nothing is serving yet.
    ///
    /// # Panics
    /// The descriptor set that this binary was built with cannot be decoded.
    #[must_use]
    pub fn new() -> (Health, Self) {
        let (reporter, health) = tonic_health::server::health_reporter();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(quorate_api::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let companions = Self {
            health: BoxCloneSyncService::new(health),
            reflection: BoxCloneSyncService::new(reflection().build_v1().expect("we built these descriptors")),
            reflection_alpha: BoxCloneSyncService::new(
                reflection().build_v1alpha().expect("we built these descriptors"),
            ),
        };
        (Health(reporter), companions)
    }
}

impl Health {
    /// Says whether the server wants traffic.
    pub async fn set_serving(&self, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for service in SERVED {
            self.0.set_service_status(service, status).await;
        }
    }
}

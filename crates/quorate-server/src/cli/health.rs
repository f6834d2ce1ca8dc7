//! `quorate health`: does a server want requests? For probes, in containers that have no other program to ask with.

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::check;
use super::connect::{Connect, NOT_GRPC};
use super::exit::{Done, Exit, Failure, print};

/// The arguments of `quorate health`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It asks grpc.health.v1.Health, as any gRPC probe does. A Unix socket (`serve --uds`) can be asked whatever TLS the
other doors want, and needs no certificate.

Exit codes:
  0  the server wants requests
  1  it runs and wants none: it starts, drains, or a part of it has failed
  2  the command line is wrong
  3  no server was reached

Examples:
  quorate health
  quorate health --server unix:/run/quorate/grpc.sock --deadline 1s --json")]
pub struct Arguments {
    /// Ask about one service [default: the whole server]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    service: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

pub fn run(arguments: &Arguments) -> Done {
    check::run_to_end(ask(arguments))
}

async fn ask(arguments: &Arguments) -> Done {
    let target = arguments.connect.target()?;
    let asking = async {
        let transport = target.connect().await?;
        let request = HealthCheckRequest {
            service: arguments.service.clone(),
        };
        let answer = HealthClient::with_origin(transport, target.origin())
            .check(request)
            .await;
        anyhow::Ok(answer.map_err(|status| anyhow::anyhow!("{}", status.message()))?)
    };
    let unreached = |why: &dyn std::fmt::Display| {
        Failure::new(format_args!("no answer from {}: {why}", arguments.connect.server)).help(NOT_GRPC)
    };
    let answer = tokio::time::timeout(arguments.connect.deadline, asking)
        .await
        .map_err(|_| unreached(&"it took too long"))?
        .map_err(|error| unreached(&format_args!("{error:#}")))?;
    let status = answer.into_inner().status();
    let name = status.as_str_name();
    if arguments.json {
        print(format_args!("{}\n", serde_json::json!({ "status": name })))?;
    } else {
        print(format_args!("{name}\n"))?;
    }
    Ok(match status {
        ServingStatus::Serving => Exit::Success,
        _ => Exit::No,
    })
}

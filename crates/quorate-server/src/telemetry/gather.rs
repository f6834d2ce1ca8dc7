//! Every metric of the server, gathered: the one place where their names stand. `docs/metrics.md` has a row for each.

mod durable;
mod envoy;
mod windows;

use super::door::{Door, Listener};
use super::family::{Family, Kind, Sample, Value};
use super::recorder::Totals;
use super::{ServerView, Telemetry};
use crate::http::reason::{ALL, told};

use Kind::{Counter, Gauge, Histogram};

/// Nanoseconds in a second.
const SECOND: u64 = quorate_core::time::SECOND;

/// Gathers everything.
pub(super) fn gather(telemetry: &Telemetry, server: &ServerView) -> Vec<Family> {
    let mut totals = Totals::default();
    for shard in telemetry.shards.lock().iter() {
        shard.add_to(&mut totals);
    }
    let mut families = decisions(&totals);
    families.extend(in_flight(server));
    families.extend(outcomes(telemetry, &totals));
    families.extend(connections(telemetry));
    families.extend(state(server));
    families.extend(durable::quotas(&server.quotas));
    families.push(durable::operations(server.operations));
    families.extend(durable::pools(&server.pools));
    families.extend(windows::windows(&server.windows));
    families.extend(durable::store(&server.store));
    families.extend(envoy::envoy(server));
    families.extend(policy(server));
    families.extend(process(telemetry, server));
    families
}

fn decisions(totals: &Totals) -> Vec<Family> {
    let mut decisions = Family::new("quorate_decisions", Counter, "Answers given, by door and reason");
    let mut duration = Family::new(
        "quorate_decision_duration_seconds",
        Histogram,
        "Time from a decoded request to its answer, by door",
    );
    let mut invalid = Family::new(
        "quorate_requests_invalid",
        Counter,
        "Malformed requests, answered INVALID_ARGUMENT, by door",
    );
    let mut refused = Family::new(
        "quorate_requests_refused",
        Counter,
        "Requests of callers that are unknown or may not ask for that org, by door",
    );
    for (door, counted) in Door::ALL.into_iter().zip(&totals.doors) {
        for (reason, count) in ALL.into_iter().zip(counted.decisions) {
            decisions.samples.push(Sample {
                labels: vec![("door", door.name().into()), ("reason", told(reason).code.into())],
                value: Value::Number(count),
            });
        }
        duration.samples.push(Sample {
            labels: vec![("door", door.name().into())],
            value: Value::Distribution(counted.latency.clone()),
        });
        invalid = invalid.by("door", door.name(), counted.invalid);
        refused = refused.by("door", door.name(), counted.refused);
    }
    vec![decisions, duration, invalid, refused]
}

fn in_flight(server: &ServerView) -> Vec<Family> {
    vec![
        Family::new(
            "quorate_requests_in_flight",
            Gauge,
            "Requests accepted and not answered yet",
        )
        .of(server.in_flight),
        Family::new(
            "quorate_requests_in_flight_max",
            Gauge,
            "The bound on requests in flight",
        )
        .of(server.in_flight_max),
        Family::new(
            "quorate_requests_overloaded",
            Counter,
            "Requests beyond the bound on those in flight, answered OVERLOADED",
        )
        .of(server.overloaded),
    ]
}

fn outcomes(telemetry: &Telemetry, totals: &Totals) -> Vec<Family> {
    let mut shadow = Family::new(
        "quorate_shadow_denials",
        Counter,
        "Requests that a limit in shadow mode would have denied, by limit",
    );
    for (limit, count) in telemetry.shadow.counts() {
        shadow = shadow.by("limit", limit, count);
    }
    vec![
        Family::new(
            "quorate_decisions_unlimited",
            Counter,
            "Allowed answers to which no limit applied, exempt endpoints among them",
        )
        .of(totals.unlimited),
        Family::new(
            "quorate_decisions_degraded",
            Counter,
            "Answers made without something they would normally rest on",
        )
        .of(totals.degraded),
        Family::new(
            "quorate_decisions_replayed",
            Counter,
            "Answers given again to a repeated operation id",
        )
        .of(totals.replayed),
        Family::new(
            "quorate_decisions_warned",
            Counter,
            "Answers that carried a warning: a limit at or beyond its threshold",
        )
        .of(totals.warned),
        Family::new("quorate_pool_units_drawn", Counter, "Units drawn from burst pools").of(totals.pool_units),
        shadow,
        Family::new(
            "quorate_throttled_missed",
            Counter,
            "Denials that the list of the most denied missed because it was being read",
        )
        .of(totals.throttled_missed),
    ]
}

fn connections(telemetry: &Telemetry) -> Vec<Family> {
    let mut open = Family::new("quorate_connections_open", Gauge, "Connections open now, by listener");
    let mut opened = Family::new("quorate_connections", Counter, "Connections accepted, by listener");
    let mut refused = Family::new(
        "quorate_connections_refused",
        Counter,
        "Connections closed at once, for their number or a failed handshake, by listener",
    );
    for listener in Listener::ALL {
        let totals = telemetry.connections.totals(listener);
        open = open.by("listener", listener.name(), totals.open);
        opened = opened.by("listener", listener.name(), totals.opened);
        refused = refused.by("listener", listener.name(), totals.refused);
    }
    vec![open, opened, refused]
}

fn state(server: &ServerView) -> Vec<Family> {
    let stats = &server.stats;
    vec![
        Family::new("quorate_state_entries", Gauge, "Entries of counters that live").of(stats.entries),
        Family::new(
            "quorate_state_bytes",
            Gauge,
            "Bytes that counters take, tables included",
        )
        .of(stats.bytes),
        Family::new(
            "quorate_state_entries_reclaimed",
            Counter,
            "Entries that could change no decision any more and were given back",
        )
        .of(stats.reclaimed),
        Family::new(
            "quorate_state_overflowed",
            Counter,
            "Decisions that shared an overflow entry because memory was short",
        )
        .of(stats.overflowed),
        Family::new(
            "quorate_state_coarsened",
            Counter,
            "Times that a window's log got coarser because memory was short",
        )
        .of(stats.coarsened),
        Family::new("quorate_slots_held", Gauge, "Concurrency slots held now").of(stats.slots),
        Family::new(
            "quorate_slots_bounded",
            Counter,
            "Requests for a slot that met a bound on how many an org or all orgs may hold",
        )
        .of(stats.slots_bounded),
        Family::new("quorate_operations_remembered", Gauge, "Operation ids remembered now").of(stats.operations),
        Family::new(
            "quorate_operations_evicted",
            Counter,
            "Operation ids forgotten early because an org had too many",
        )
        .of(stats.operations_evicted),
    ]
}

fn policy(server: &ServerView) -> Vec<Family> {
    let info = Family::new("quorate_policy_info", Gauge, "1, for the policy in force, by content");
    vec![
        Family::new(
            "quorate_policy_reloads",
            Counter,
            "Reloads of the policy since the start, by result",
        )
        .by("result", "ok", server.reloads)
        .by("result", "failed", server.reload_failures),
        Family::new(
            "quorate_policy_sequence",
            Gauge,
            "The policy in force, counted from 1 at the start",
        )
        .of(server.policy_sequence),
        info.by("content_hash", server.policy_hash.clone(), 1),
    ]
}

fn process(telemetry: &Telemetry, server: &ServerView) -> Vec<Family> {
    let (exported, lost) = telemetry.exports.counts();
    let build = Family::new("quorate_build_info", Gauge, "1, for the version that runs");
    vec![
        Family::new(
            "quorate_otlp_exports",
            Counter,
            "Messages of metrics sent over OTLP, by result",
        )
        .by("result", "ok", exported)
        .by("result", "failed", lost),
        Family::new(
            "quorate_ready",
            Gauge,
            "1 when the server wants requests, 0 while it starts or drains",
        )
        .of(u64::from(server.serving)),
        build.by("version", env!("CARGO_PKG_VERSION"), 1),
        Family::new(
            "quorate_start_time_seconds",
            Gauge,
            "When the server started, in seconds since the Unix epoch",
        )
        .of(telemetry.started_unix_ns / SECOND),
    ]
}

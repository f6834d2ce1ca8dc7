//! What a load came to, in words or as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde_json::json;

use super::load::{Outcome, Plan};
use crate::cli::connect::NOT_GRPC;
use crate::cli::text::{Count, Span};

const BOLD: Style = Style::new().bold();
const RED: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));

/// The shares of the calls whose times are reported.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// Several lines for a reader.
pub fn words(plan: &Plan, outcome: &Outcome) -> String {
    let tally = &outcome.tally;
    let mut text = format!(
        "{BOLD}{} decisions/s{BOLD:#}  {} in {}: {} allowed, {} denied\n",
        Count(per_second(tally.decisions(), outcome.elapsed)),
        Count(tally.decisions()),
        Span(Duration::from_millis(
            u64::try_from(outcome.elapsed.as_millis()).unwrap_or(u64::MAX)
        )),
        Count(tally.allowed),
        Count(tally.denied),
    );
    let since = if plan.rate.is_some() { "due" } else { "sent" };
    let _ = write!(text, "answered within, from when {since}: ");
    for (name, quantile) in QUANTILES {
        let _ = write!(text, " {name} {}", Span(Duration::from_nanos(tally.at(quantile))));
    }
    let _ = writeln!(text, "  max {}", Span(Duration::from_nanos(tally.longest())));
    for (kind, count) in &tally.errors {
        let _ = writeln!(text, "{RED}failed{RED:#} {kind}: {}", Count(*count));
    }
    if tally.decisions() == 0 && tally.errors.contains_key("INTERNAL") {
        let _ = writeln!(text, "nothing was decided: {NOT_GRPC}");
    }
    // The last calls of a load, one of each thread, are due when it ends; only more than those and a thousandth say that
    // the rate was not reached.
    let last = u64::try_from(plan.threads).unwrap_or(u64::MAX);
    if tally.unsent > last.saturating_add(tally.decisions() / 1_000) {
        let _ = writeln!(
            text,
            "{RED}late{RED:#} {} calls were due and not sent: the rate was not reached",
            Count(tally.unsent)
        );
    }
    text
}

/// One object.
pub fn json(plan: &Plan, outcome: &Outcome) -> serde_json::Value {
    let tally = &outcome.tally;
    let elapsed_ns = u64::try_from(outcome.elapsed.as_nanos()).unwrap_or(u64::MAX);
    json!({
        "mode": format!("{:?}", plan.mode).to_lowercase(),
        "loop": if plan.rate.is_some() { "open" } else { "closed" },
        "rate": plan.rate,
        "connections": plan.connections,
        "threads": plan.threads,
        "in_flight": plan.in_flight,
        "batch_size": plan.batch_size,
        "keys": plan.pattern.keys,
        "elapsed_ns": elapsed_ns,
        "decisions": tally.decisions(),
        "decisions_per_second": per_second(tally.decisions(), outcome.elapsed),
        "allowed": tally.allowed,
        "denied": tally.denied,
        "errors": tally.errors,
        "unsent": tally.unsent,
        "latency_ns": {
            "p50": tally.at(0.5),
            "p90": tally.at(0.9),
            "p99": tally.at(0.99),
            "p99.9": tally.at(0.999),
            "max": tally.longest(),
        },
    })
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    let nanos = elapsed.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

//! Header profiles: what an answer says in HTTP header fields, in the dialects that clients understand.
//!
//! Values only, from an [`Answer`] and the instant it was made. Which status goes with an answer and what its body
//! says is the business of `http`; where headers are put on a gRPC answer, of `grpc`.

mod ietf;
mod seconds;
mod text;
mod warning;
mod x_ratelimit;

use quorate_core::answer::{Answer, Binding, Status, StatusKind};
use quorate_core::limit::Algorithm;
use quorate_policy::HeaderProfile;

pub use seconds::{ceil_seconds, retry_after_seconds};

/// One header field: its name, in lower case as HTTP/2 wants it, and its value, always printable ASCII.
pub type Field = (&'static str, String);

/// The header fields of an answer made at `unix_ns`, in the order of `profiles`, `retry-after` last. A name may come
/// more than once.
///
/// The fields describe the binding limit: of those that denied the one that says when to come back, else the one
/// with the least room. An answer without one (an unknown key) has only what says when to come back. When the answer
/// carries the statuses of its limits, the dialects that can list every limit do.
#[must_use]
pub fn render(profiles: &[HeaderProfile], answer: &Answer<'_>, unix_ns: u64) -> Vec<Field> {
    let mut fields = Vec::new();
    for profile in profiles {
        match (profile, &answer.binding) {
            (HeaderProfile::XRateLimitUnix, Some(binding)) => {
                x_ratelimit::push_unix(&mut fields, binding, kind_of(answer, binding), unix_ns);
            }
            (HeaderProfile::XRateLimitDraft03, Some(binding)) => {
                x_ratelimit::push_draft03(&mut fields, binding, answer);
            }
            (HeaderProfile::Ietf, Some(binding)) => ietf::push(&mut fields, binding, answer),
            (HeaderProfile::Warning, _) => warning::push(&mut fields, answer),
            (_, None) => {}
        }
    }
    if let Some(seconds) = retry_after_seconds(answer) {
        fields.push(("retry-after", seconds.to_string()));
    }
    fields
}

/// What the binding limit is, as far as the answer's statuses tell.
fn kind_of(answer: &Answer<'_>, binding: &Binding<'_>) -> Option<StatusKind> {
    let status = answer.statuses.iter().find(|status| status.name == binding.name);
    status.map(|status| status.kind)
}

/// One limit as the dialects that list every limit write it.
#[derive(Clone, Copy)]
struct Listed<'a> {
    name: &'a str,
    limit: u64,
    window_ns: u64,
    kind: Option<StatusKind>,
}

/// The limits that a client is to know of: the binding one, and, where the answer carries statuses, every other that
/// can deny. What only adds (allowance, pool) and what never denies (shadow) is left out.
fn listed<'a>(answer: &Answer<'a>, binding: &Binding<'a>) -> Vec<Listed<'a>> {
    let mut all: Vec<_> = answer
        .statuses
        .iter()
        .filter(|status| status.name == binding.name || tells_a_client(status))
        .map(|status| Listed {
            name: status.name,
            limit: status.limit,
            window_ns: status.window_ns,
            kind: Some(status.kind),
        })
        .collect();
    if all.iter().all(|limit| limit.name != binding.name) {
        let binding = Listed {
            name: binding.name,
            limit: binding.limit,
            window_ns: binding.window_ns,
            kind: None,
        };
        all.insert(0, binding);
    }
    all
}

fn tells_a_client(status: &Status<'_>) -> bool {
    let only_adds = matches!(
        status.kind,
        StatusKind::Allowance | StatusKind::Limit(Algorithm::Pool { .. })
    );
    !status.shadow && !only_adds
}

#[cfg(test)]
mod tests;

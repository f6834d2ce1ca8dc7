//! The one status of a request that the configured headers tell: the last that denies, else the one with the least
//! remaining, the first of equal ones.

use quorate_api::envoy::config::core::v3::HeaderValue;
use quorate_envoy::{HeaderNames, Response};

use super::answer::header;

/// A status, as headers tell it.
#[derive(Debug)]
pub(super) struct Shown {
    /// The place of its descriptor in the request.
    pub(super) place: usize,
    /// It denies.
    pub(super) denies: bool,
    /// What remains.
    pub(super) remaining: u64,
    /// The headers; none where it was no limit that denied.
    pub(super) headers: Vec<HeaderValue>,
}

impl Shown {
    /// What the headers tell of the rules' answer; `None` where no status has a limit.
    pub(super) fn of_rules(response: &Response<'_>, names: &HeaderNames) -> Option<Self> {
        let headers = response.headers(names)?;
        let place = response.shown?;
        Some(Self {
            place,
            denies: response.overall == quorate_envoy::Code::OverLimit || response.shadowed,
            remaining: response.statuses.get(place)?.limit_remaining.into(),
            headers: headers.map(|(name, value)| header(name, value)).into(),
        })
    }

    /// Which of two is told.
    pub(super) fn or(self, other: Self) -> Self {
        let others = match (self.denies, other.denies) {
            (true, true) => other.place > self.place,
            (true, false) => false,
            (false, true) => true,
            (false, false) => (other.remaining, other.place) < (self.remaining, self.place),
        };
        if others { other } else { self }
    }
}

#[cfg(test)]
mod tests;

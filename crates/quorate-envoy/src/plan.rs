//! A request with what limits each of its descriptors: all that can be said before a counter is looked at.

use std::collections::BTreeSet;

use crate::find::Matched;
use crate::request::{DESCRIPTORS_MAX, Hits, Refused, Request};
use crate::rules::{Domain, Rate, Rules};
use crate::unit::Window;

/// A request, matched.
#[derive(Clone, Debug)]
pub struct Plan<'r, 'q> {
    pub(crate) request: Request<'q>,
    pub(crate) domain: Option<&'r Domain>,
    pub(crate) items: Vec<Item<'r>>,
}

/// What becomes of one descriptor.
#[derive(Clone, Debug)]
pub enum Item<'r> {
    /// The native pipeline decides on it (see [`Domain::is_native`]), not what is planned here.
    Native,
    /// No limit: none matched, or another one of the request replaces it.
    Free,
    /// A rule lets everything pass.
    Unlimited(Matched<'r>),
    /// It is counted.
    Counted(Counted<'r>),
}

/// A descriptor that is counted.
#[derive(Clone, Debug)]
pub struct Counted<'r> {
    /// What limits it.
    pub matched: Matched<'r>,
    /// The limit.
    pub limit: u32,
    /// The window.
    pub window: Window,
    /// The name of its counter (see [`Matched::counter`]).
    pub counter: String,
    /// What it is charged.
    pub hits: Hits,
}

impl Rules {
    /// Matches a request: looks up its domain, and for each descriptor what limits it.
    ///
    /// # Errors
    /// Why the request is refused. Nothing is charged by this.
    pub fn plan<'r, 'q>(&'r self, request: Request<'q>) -> Result<Plan<'r, 'q>, Refused> {
        if request.domain.is_empty() {
            return Err(Refused::DomainEmpty);
        }
        match request.descriptors.len() {
            0 => return Err(Refused::DescriptorsEmpty),
            count if count > DESCRIPTORS_MAX => return Err(Refused::TooManyDescriptors { count }),
            _ => {}
        }
        let domain = self.domain(request.domain);
        let items = match domain {
            Some(domain) => items(domain, &request)?,
            None => request.descriptors.iter().map(|_| Item::Free).collect(),
        };
        Ok(Plan { request, domain, items })
    }
}

impl<'r> Plan<'r, '_> {
    /// The domain; `None` for one without rules.
    #[must_use]
    pub const fn domain(&self) -> Option<&'r Domain> {
        self.domain
    }

    /// What becomes of each descriptor, in their order.
    #[must_use]
    pub fn items(&self) -> &[Item<'r>] {
        &self.items
    }

    /// Whether any descriptor is counted. Where none is no counter needs to be locked.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Counted(_)))
    }
}

fn items<'r>(domain: &'r Domain, request: &Request<'_>) -> Result<Vec<Item<'r>>, Refused> {
    let mut found = Vec::with_capacity(request.descriptors.len());
    for (place, descriptor) in request.descriptors.iter().enumerate() {
        let native = domain.is_native(descriptor.entries);
        let matched = if native { Ok(None) } else { domain.find(descriptor) };
        let matched = matched.map_err(|unknown| Refused::OverrideUnit {
            descriptor: place,
            unit: unknown.0,
        })?;
        found.push((native, matched));
    }
    // A limit that is itself replaced still replaces others.
    let replaced: BTreeSet<&str> = found
        .iter()
        .filter_map(|(_, matched)| matched.as_ref())
        .flat_map(|matched| matched.replaces().iter().map(AsRef::as_ref))
        .collect();
    let items = found.into_iter().zip(request.descriptors).map(|(found, descriptor)| {
        let matched = match found {
            (true, _) => return Item::Native,
            (false, None) => return Item::Free,
            (false, Some(matched)) => matched,
        };
        match matched.rate() {
            // It counts nothing, so that there is nothing to replace.
            Rate::Unlimited => Item::Unlimited(matched),
            // No item of `replaces` is without a name.
            Rate::PerUnit { .. } if replaced.contains(matched.name()) => Item::Free,
            Rate::PerUnit { requests, window } => Item::Counted(Counted {
                counter: matched.counter(descriptor.entries, window),
                matched,
                limit: requests,
                window,
                hits: request.hits_of(descriptor),
            }),
        }
    });
    Ok(items.collect())
}

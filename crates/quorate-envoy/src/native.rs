//! Domains whose descriptors go through the native pipeline: plans, burst pool, quotas, boosts. Ours.
//!
//! ```yaml
//! domain: edge
//! native: { org: org, key: key, endpoint: endpoint }   # the keys of the entries that name them; these are the defaults
//! ```
//!
//! A domain may have rules too. Then a descriptor with any of the three entries is for the policy, and all others meet the
//! rules: were a descriptor without its key one that no rule meets, leaving the key out would be a way around every limit.

/// Which entries of a descriptor name whom the native pipeline asks about. All other entries are attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// The key of the entry that names the org.
    pub org: Box<str>,
    /// The key of the entry that names the API key.
    pub key: Box<str>,
    /// The key of the entry that names the endpoint.
    pub endpoint: Box<str>,
}

impl Default for Native {
    fn default() -> Self {
        Self {
            org: "org".into(),
            key: "key".into(),
            endpoint: "endpoint".into(),
        }
    }
}

/// A descriptor as the native pipeline reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject<'q> {
    /// The org; empty when no entry names it.
    pub org: &'q str,
    /// The API key; empty when no entry names it.
    pub key: &'q str,
    /// The endpoint; empty when no entry names it.
    pub endpoint: &'q str,
    /// All other entries, in order.
    pub attributes: Vec<(&'q str, &'q str)>,
}

impl Native {
    /// Whether a descriptor has an entry that is named here, whatever its value.
    #[must_use]
    pub fn names(&self, entries: &[(&str, &str)]) -> bool {
        entries.iter().any(|(key, _)| self.keys().contains(key))
    }

    /// The keys of the entries that are named here.
    pub(crate) fn keys(&self) -> [&str; 3] {
        [&self.org, &self.key, &self.endpoint]
    }

    /// Reads a descriptor. Of two entries with one key the first counts.
    #[must_use]
    pub fn read<'q>(&self, entries: &[(&'q str, &'q str)]) -> Subject<'q> {
        let mut subject = Subject::default();
        for (key, value) in entries.iter().copied() {
            let place = match key {
                _ if key == &*self.org => &mut subject.org,
                _ if key == &*self.key => &mut subject.key,
                _ if key == &*self.endpoint => &mut subject.endpoint,
                _ => {
                    subject.attributes.push((key, value));
                    continue;
                }
            };
            if place.is_empty() {
                *place = value;
            }
        }
        subject
    }
}

//! From rule files to [`Rules`]: every problem at once, each with its place, and what is allowed but hardly meant as a
//! warning.

mod descriptor;
mod fields;
mod metadata;
mod scalar;
mod warnings;

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_policy::document::{Dialect, Level as Severity, Node, Problems, SOURCE_BYTES_MAX, Spot, parse, shown};
use quorate_policy::{Report, Source};

use self::descriptor::{Growing, descriptors};
use self::fields::{CHARGE, Fields, NATIVE, ROOT};
use crate::charge::Charge;
use crate::native::Native;
use crate::rules::{Domain, Rules};

/// YAML as the reference reads it. 200 levels are a hundred of rules; more was not written by a person.
static DIALECT: Dialect = Dialect {
    noun: "rule",
    depth_max: 200,
    tags: Some(scalar::is_of),
    merge_keys: true,
    empty_documents: true,
    yaml_1_1: true,
};

/// How files are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Several files may add to one domain, in the order of the files. Else a domain belongs to one file.
    pub merge: bool,
}

impl Rules {
    /// Loads rule files, which add up, and says what in them is allowed but hardly meant.
    ///
    /// # Errors
    /// Every problem at once; then nothing of the files may be used.
    pub fn load(sources: &[Source], options: Options) -> Result<(Self, Report), Report> {
        let shared: Arc<[Source]> = sources.into();
        let mut loading = Loading {
            options,
            ..Loading::default()
        };
        for (number, source) in sources.iter().enumerate() {
            loading.file(number, source);
        }
        loading.charged_in_vain();
        let Loading {
            problems,
            mut warnings,
            domains,
            ..
        } = loading;
        if !problems.is_empty() {
            return Err(Report::new(shared, problems, Severity::Error));
        }
        for begun in domains.values() {
            warnings::cycles(&begun.limits, &mut warnings);
            if let Some(mapping) = &begun.domain.native {
                warnings::of_the_policy(mapping, &begun.keys, &mut warnings);
            }
        }
        let rules = Self {
            domains: domains
                .into_iter()
                .map(|(name, growing)| (name, growing.domain))
                .collect(),
        };
        Ok((rules, Report::new(shared, warnings, Severity::Warning)))
    }
}

/// A domain while files add to it.
struct Begun {
    spot: Spot,
    domain: Domain,
    /// What stands beside each other on its first level.
    growing: Growing,
    limits: Vec<warnings::Named>,
    /// Where each key of its rules stands first.
    keys: BTreeMap<Box<str>, Spot>,
}

#[derive(Default)]
struct Loading {
    options: Options,
    problems: Problems,
    warnings: Problems,
    domains: BTreeMap<Box<str>, Begun>,
}

impl Loading {
    fn file(&mut self, number: usize, source: &Source) {
        let start = Spot::first_of(number);
        if source.text.len() > SOURCE_BYTES_MAX {
            let message = format!("the file is larger than {} MiB", SOURCE_BYTES_MAX >> 20);
            self.problems.add(start, message);
            return;
        }
        if let Some(spot) = control_character(number, &source.text) {
            self.problems
                .add(spot, "YAML has no such control character")
                .help("in double quotes it can be written: \"\\u0001\"");
            return;
        }
        let before = self.problems.len();
        let root = parse(&DIALECT, number, &source.text, &mut self.problems);
        match root {
            Some(root) if !root.is_nothing() => self.root(&root),
            _ if self.problems.len() == before => {
                self.problems
                    .add(start, "the file is empty")
                    .help("a rule file begins with `domain: <name>`");
            }
            _ => {}
        }
    }

    fn root(&mut self, root: &Node) {
        let Some(fields) = Fields::of(root, &ROOT, &mut self.problems) else {
            return;
        };
        let name = fields.text("domain", &mut self.problems);
        let charge = self.charge(&fields);
        let native = self.native(&fields);
        let spot = fields.spot_of("domain");
        let name = name.filter(|name| !name.is_empty());
        let known = name.and_then(|name| self.domains.remove(name));
        let mut begun = match (name, known) {
            (Some(_), Some(begun)) if self.options.merge => begun,
            (Some(name), None) => Begun::new(name, spot),
            (name, known) => {
                // Its rules are looked at all the same, for what is wrong with them.
                self.descriptors(&fields, &mut Begun::new("", spot));
                match (name, known) {
                    (Some(name), Some(begun)) => {
                        self.problems
                            .add(spot, format!("the domain `{}` is given twice", shown(name)))
                            .also(begun.spot, "first given here")
                            .help("several files make one domain only where merging is switched on");
                        self.domains.insert(name.into(), begun);
                    }
                    // Another problem with the name has been told.
                    _ if fields.is_nothing("domain") => {
                        self.problems
                            .add(spot, "the domain is empty")
                            .help("`domain` names what requests ask for");
                    }
                    _ => {}
                }
                return;
            }
        };
        self.settle(&mut begun, charge, native, spot);
        self.descriptors(&fields, &mut begun);
        self.domains.insert(begun.domain.name.clone(), begun);
    }

    fn descriptors(&mut self, fields: &Fields<'_>, begun: &mut Begun) {
        let items = fields.list("descriptors", &mut self.problems);
        let mut lowering = descriptor::Lowering {
            problems: &mut self.problems,
            warnings: &mut self.warnings,
            limits: &mut begun.limits,
            keys: &mut begun.keys,
        };
        descriptors(items, &mut begun.growing, &mut begun.domain.level, &mut lowering);
    }

    /// Puts what a file says of the whole domain to what others said.
    fn settle(&mut self, begun: &mut Begun, charge: Option<Charge>, native: Option<Native>, spot: Spot) {
        let was = (begun.domain.charge, &begun.domain.native);
        let charge_differs = charge.is_some() && was.0.is_some_and(|was| Some(was) != charge);
        let native_differs = native.is_some() && was.1.is_some() && *was.1 != native;
        if charge_differs || native_differs {
            self.problems
                .add(spot, "the domain is charged or mapped in another way than before")
                .also(begun.spot, "first given here");
        }
        begun.domain.charge = begun.domain.charge.or(charge);
        begun.domain.native = begun.domain.native.take().or(native);
    }

    /// Finds domains that say how rules are charged and leave every descriptor to the policy. Known when all files are
    /// read: another one may bring the rules.
    fn charged_in_vain(&mut self) {
        let mapped = self.domains.values().filter(|begun| begun.domain.native.is_some());
        for begun in mapped.filter(|begun| begun.domain.charge.is_some() && begun.domain.level.is_empty()) {
            self.problems
                .add(
                    begun.spot,
                    "`charge` says how rules are charged, and this domain has none",
                )
                .help("what the policy decides is charged all or none");
        }
    }

    fn charge(&mut self, fields: &Fields<'_>) -> Option<Charge> {
        let word = fields.text("charge", &mut self.problems)?;
        let found = CHARGE.iter().find(|(name, _)| *name == word).map(|(_, charge)| *charge);
        if found.is_none() {
            fields::unknown_word(
                fields,
                "charge",
                word,
                CHARGE.iter().map(|(name, _)| *name),
                &mut self.problems,
            );
        }
        found
    }

    fn native(&mut self, fields: &Fields<'_>) -> Option<Native> {
        let node = fields.node("native")?;
        if node.is_nothing() {
            self.problems
                .add(node.spot, "`native`: nothing is given")
                .help("`native: {}` takes `org`, `key` and `endpoint` as the keys of entries");
            return None;
        }
        let names = Fields::of(node, &NATIVE, &mut self.problems)?;
        let mut native = Native::default();
        for (field, place) in [
            ("org", &mut native.org),
            ("key", &mut native.key),
            ("endpoint", &mut native.endpoint),
        ] {
            match names.text(field, &mut self.problems) {
                Some("") if names.node(field).is_some() => {
                    self.problems.add(names.spot_of(field), format!("`{field}` is empty"));
                }
                Some(name) if !name.is_empty() => *place = name.into(),
                _ => {}
            }
        }
        if native.org == native.key || native.org == native.endpoint || native.key == native.endpoint {
            self.problems.add(
                node.spot,
                "`org`, `key` and `endpoint` are read from three different entries",
            );
        }
        Some(native)
    }
}

/// Where the first character stands that YAML does not have.
fn control_character(source: usize, text: &str) -> Option<Spot> {
    let (mut line, mut column) = (1, 1);
    for (start, character) in text.chars().enumerate() {
        let control = character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{85}');
        if control || matches!(character, '\u{fffe}' | '\u{ffff}') {
            return Some(Spot {
                source,
                line,
                column,
                start,
                end: start + 1,
            });
        }
        (line, column) = if character == '\n' {
            (line + 1, 1)
        } else {
            (line, column + 1)
        };
    }
    None
}

impl Begun {
    fn new(name: &str, spot: Spot) -> Self {
        Self {
            spot,
            domain: Domain {
                name: name.into(),
                charge: None,
                native: None,
                level: crate::rules::Level::default(),
            },
            growing: Growing::default(),
            limits: Vec::new(),
            keys: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;

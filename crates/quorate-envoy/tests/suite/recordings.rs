//! Everything that the reference service was recorded to answer (`tests/envoy-cases`), answered again by rules, plan and
//! charge: once on counters that are plain sums, once on a shard of the core. A case that the recording calls a quirk
//! passes, or stands in the table of differences with the reason.

use std::collections::BTreeMap;

use quorate_core::shard::Shard;
use quorate_core::state::layout::Layouts;
use quorate_core::state::memory::Memory;
use quorate_core::time::{Now, SECOND};
use quorate_envoy::counters::{Groups, ShardCounters};
use quorate_envoy::{Charge, HeaderNames, Options, Plan, Response, Rules, Settings, Source};

use crate::case::{self, Asked, Case};
use crate::counters::Sums;
use crate::differences::DIFFERENCES;

/// On an hour, and a while into every longer unit.
const START: u64 = 1_800_000_000 * SECOND;

/// How the server was set that a folder was recorded from.
struct Profile {
    folder: &'static str,
    settings: Settings,
    merge: bool,
    headers: Option<HeaderNames>,
    metadata: bool,
}

impl Profile {
    fn of(folder: &'static str) -> Self {
        let mut profile = Self {
            folder,
            settings: Settings::default(),
            merge: folder == "merge",
            headers: None,
            metadata: folder == "metadata",
        };
        match folder {
            "headers" => profile.headers = Some(HeaderNames::default()),
            "headers_custom" => {
                profile.headers = Some(HeaderNames {
                    limit: "X-My-Limit".to_owned(),
                    remaining: "x-my-remaining".to_owned(),
                    reset: "X-MY-RESET".to_owned(),
                });
            }
            "shadow" => profile.settings.shadow_mode = true,
            "quota" => profile.settings.quota_mode = true,
            "stop_increment" => profile.settings.charge = Charge::StopWhenOver,
            _ => {}
        }
        profile
    }
}

const PROFILES: [&str; 8] = [
    "plain",
    "headers",
    "headers_custom",
    "metadata",
    "shadow",
    "quota",
    "stop_increment",
    "merge",
];

/// What answers: counters, and the instant that they are asked at.
trait Service {
    fn decide<'r>(&mut self, plan: &Plan<'r, '_>, settings: &Settings, now: u64) -> Response<'r>;
}

impl Service for Sums {
    fn decide<'r>(&mut self, plan: &Plan<'r, '_>, settings: &Settings, now: u64) -> Response<'r> {
        self.now = now;
        plan.decide(settings, self)
    }
}

struct OnShard {
    shard: Shard,
    layouts: Layouts,
    groups: Groups,
}

impl Service for OnShard {
    fn decide<'r>(&mut self, plan: &Plan<'r, '_>, settings: &Settings, now: u64) -> Response<'r> {
        let mut counters = ShardCounters {
            shard: &mut self.shard,
            layouts: &self.layouts,
            groups: &self.groups,
            now: Now::at(now),
        };
        plan.decide(settings, &mut counters)
    }
}

fn on_shard() -> OnShard {
    let mut layouts = Layouts::default();
    let groups = Groups::intern(&mut layouts).expect("14 layouts");
    let memory = std::sync::Arc::new(Memory::new(64 << 20));
    OnShard {
        shard: Shard::new([3; 16], memory, 64 << 20),
        layouts,
        groups,
    }
}

/// All configurations of a profile together, but for those that are refused; and why those are.
fn load(profile: &Profile, cases: &[Case]) -> (Rules, BTreeMap<String, String>) {
    let options = Options { merge: profile.merge };
    let mut sources = Vec::new();
    let mut refused = BTreeMap::new();
    for case in cases {
        let alone: Vec<Source> = case.sources();
        match Rules::load(&alone, options) {
            Ok(_) => sources.extend(alone),
            Err(report) => {
                refused.insert(case.name.clone(), report.to_string());
            }
        }
    }
    let (rules, _) = Rules::load(&sources, options).expect("what loads alone loads together");
    (rules, refused)
}

/// What is wrong with the answers to a case. Time goes on: counters never see it go back.
fn replay(profile: &Profile, rules: &Rules, case: &Case, service: &mut dyn Service, now: &mut u64) -> Option<String> {
    for (place, asked) in case.asked.iter().enumerate() {
        *now += asked.after_ms * 1_000_000;
        // Bytes are decoded by the server.
        let Asked {
            message: Some(message), ..
        } = asked
        else {
            continue;
        };
        let answer = message.with(|request| {
            let plan = rules.plan(*request).map_err(|refused| case::code_of(&refused))?;
            let response = service.decide(&plan, &profile.settings, *now);
            Ok(case::answer(
                &plan,
                &response,
                profile.headers.as_ref(),
                profile.metadata,
            ))
        });
        if let Some(difference) = asked.expected.differs(&answer) {
            return Some(format!("request {place}: {difference}"));
        }
    }
    None
}

fn replay_all(mut service: impl FnMut() -> Box<dyn Service>) {
    let mut wrong = Vec::new();
    let mut passed = 0;
    for folder in PROFILES {
        let profile = Profile::of(folder);
        let cases = case::read_folder(folder);
        assert!(!cases.is_empty(), "{folder} has cases");
        let (rules, refused) = load(&profile, &cases);
        // One server for the profile, as it was recorded.
        let mut service = service();
        let mut now = START;
        for case in &cases {
            let found = match refused.get(&case.name) {
                Some(report) => Some(format!("refused: {report}")),
                None => replay(&profile, &rules, case, &mut *service, &mut now),
            };
            let listed = DIFFERENCES.iter().any(|(name, _)| *name == case.name);
            match (found, listed) {
                (None, false) => passed += 1,
                (Some(_), true) if case.quirk.is_some() => {}
                (None, true) => wrong.push(format!("{}: passes and is listed as a difference", case.name)),
                (Some(why), _) => wrong.push(format!("{} ({}): {why}", case.name, profile.folder)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(passed >= 260, "only {passed} cases passed");
}

#[test]
fn sums_answer_what_the_reference_answers() {
    replay_all(|| Box::<Sums>::default());
}

#[test]
fn a_shard_answers_what_the_reference_answers() {
    replay_all(|| Box::new(on_shard()));
}

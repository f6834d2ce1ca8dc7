//! The configurations that the reference was recorded to accept or refuse.

use quorate_envoy::{Options, Rules, Source};
use serde_json::Value;

use crate::case::folder;
use crate::differences::VERDICTS;

#[test]
fn configurations_are_accepted_and_refused_as_by_the_reference() {
    let mut wrong = Vec::new();
    let mut agreed = 0;
    for entry in std::fs::read_dir(folder("configs")).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let expected = std::fs::read_to_string(path.join("expected.json")).expect("a verdict was recorded");
        let expected: Value = serde_json::from_str(&expected).expect("it is JSON");
        let sources: Vec<Source> = (0..)
            .map(|number| path.join(format!("{number}.yaml")))
            .take_while(|file| file.exists())
            .map(|file| Source {
                name: file.file_name().expect("it has a name").to_string_lossy().into_owned(),
                text: std::fs::read_to_string(&file).expect("it is text"),
            })
            .collect();
        assert!(!sources.is_empty(), "{name} has files");
        let verdict = Rules::load(&sources, Options::default());
        let same = verdict.is_ok() == (expected["verdict"] == "accepted");
        let listed = VERDICTS.iter().any(|(listed, _)| *listed == name);
        if let Err(report) = &verdict {
            let placed = report.problems().iter().all(|problem| problem.line > 0);
            assert!(placed, "{name}: a problem without a place:\n{report}");
        }
        match (same, listed, expected["quirk"].is_string()) {
            (true, false, _) => agreed += 1,
            (false, true, true) => {}
            (true, true, _) => wrong.push(format!("{name}: agrees and is listed as a difference")),
            (false, ..) => wrong.push(format!("{name}: {verdict:?}, expected {expected}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(agreed >= 60, "only {agreed} agree");
}

//! The quick start of `docs/ENVOY.md`, followed as it stands in an empty directory: its files, its commands, and what it
//! says that they print. Only ports and the patience of the filter are others.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use super::envoy::Envoy;
use crate::harness::command::run;
use crate::harness::document::{self, Block};
use crate::harness::http::get;
use crate::harness::server::{Killed, until_line};
use crate::harness::{Launch, Server, time};

const SECTION: &str = "## To a 429 in five commands";

/// What the reader has in front of them, and what runs.
struct Reader {
    blocks: VecDeque<Block>,
    folder: TempDir,
    running: Option<Running>,
}

struct Running {
    server: Server,
    envoy: Envoy,
    _service: Killed,
}

impl Reader {
    fn new() -> Self {
        let page = document::read("docs/ENVOY.md");
        Self {
            blocks: document::blocks(document::section(&page, SECTION)).into(),
            folder: TempDir::new().expect("an empty directory"),
            running: None,
        }
    }

    /// The next block, which is in this language.
    fn next(&mut self, language: &str) -> Block {
        let block = self.blocks.pop_front();
        let block = block.unwrap_or_else(|| panic!("no more blocks, and {language} was to come"));
        assert_eq!(block.language, language, "{block:?}");
        block
    }

    /// Writes the files that come next.
    fn write_files(&mut self) -> Vec<String> {
        let mut written = Vec::new();
        while self.blocks.front().is_some_and(|block| block.language == "yaml") {
            let block = self.next("yaml");
            let name = block.file().expect("its name stands before it").to_owned();
            let path = self.folder.path().join(&name);
            std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder");
            std::fs::write(path, block.text + "\n").expect("it can be written");
            written.push(name);
        }
        written
    }

    /// Starts what the next block starts, once what it prepares is there. The rest of its commands, to be run then.
    async fn start(&mut self) -> String {
        let block = self.next("sh");
        let (background, rest): (Vec<&str>, Vec<&str>) = block.text.lines().partition(|line| line.ends_with('&'));
        let started = |program: &str| {
            let line = background.iter().find(|line| line.starts_with(program));
            let line = line.unwrap_or_else(|| panic!("{program} is not started: {background:?}"));
            line.trim_end_matches('&').trim_end()
        };
        let (prepare, rest) = rest.split_first().expect("there is more than what is started");
        self.shell(prepare);
        let arguments = started("quorate serve ").split_whitespace().skip(2);
        let server = Launch::plain().within(self.folder.path()).args(arguments).start();
        let (service, port) = serve(started("python3 "), self.folder.path());
        let (_, config) = started("envoy ").split_once("--config-path ").expect("it says how");
        let config = config.split(' ').next().unwrap_or(config);
        let config = std::fs::read_to_string(self.folder.path().join(config)).expect("the page has it written");
        let mut config = config + "\nadmin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }\n";
        for (from, to) in [
            ("port_value: 10000", "port_value: 0".to_owned()),
            ("port_value: 8000", format!("port_value: {port}")),
            ("port_value: 8081", format!("port_value: {}", server.grpc().port())),
            ("timeout: 1s", "timeout: 30s".to_owned()),
        ] {
            assert_eq!(config.matches(from).count(), 1, "{from}: {config}");
            config = config.replace(from, &to);
        }
        assert_eq!(background.len(), 3, "{background:?}");
        assert_eq!(background.len() + 1 + rest.len(), 5, "five commands are promised");
        self.running = Some(Running {
            server,
            envoy: Envoy::start(&config).await,
            _service: service,
        });
        rest.join("\n")
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it was started")
    }

    /// What commands print, with Envoy where it is.
    fn shell(&self, commands: &str) -> String {
        let commands = match &self.running {
            Some(running) => commands.replace("127.0.0.1:10000", &running.envoy.at("shop").to_string()),
            None => commands.to_owned(),
        };
        let mut shell = Command::new("sh");
        run(shell.args(["-ec", &commands]).current_dir(self.folder.path()))
            .exits(0)
            .stdout
    }

    /// Runs the command in the words before the next block until it prints what is no longer on its way, and compares that
    /// with the block: its first line and headers, and what it shows of the body.
    async fn answers_as_shown(&mut self) {
        let block = self.next("text");
        let command = block.command("curl ").expect("it stands before what it prints");
        let answer = time::eventually("an answer for good", || async {
            Some(self.shell(command)).filter(|answer| !answer.contains("QUOTA_PENDING"))
        })
        .await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let (shown_head, shown_body) = block.text.split_once("\n\n").unwrap_or((&block.text, ""));
        for shown in shown_head.lines() {
            // How long it is until midnight nobody has written down.
            let passing = shown.split_once("-reset: ").map(|(name, _)| format!("{name}-reset: "));
            let same = |line: &str| match &passing {
                Some(name) => line.strip_prefix(name).is_some_and(|rest| rest.parse::<u64>().is_ok()),
                None => line == shown,
            };
            assert!(
                head.lines().any(same),
                "{shown:?} is not in what {command:?} prints:\n{answer}"
            );
        }
        if !shown_body.is_empty() {
            let json = |text: &str| serde_json::from_str::<Value>(text).expect("it is JSON");
            let (shown, said) = (json(shown_body), json(body));
            let shown = shown["error"].as_object().expect("an error is shown");
            for (field, value) in shown {
                assert_eq!(said["error"][field], *value, "{field}: {body}");
            }
        }
    }

    /// Sends the requests of the loops that come next, and compares what comes back with what is shown, a line for each of
    /// `keys`. One that should pass is sent until it does: units of quotas and pools come in their own time, and what is
    /// denied till then has cost nothing.
    async fn loops_as_shown(&mut self, keys: &[&str]) {
        let (block, shown) = (self.next("sh").text, self.next("text").text);
        let request = &block[block.find("curl ").expect("it asks")..];
        let request = request.split(';').next().expect("a loop ends");
        assert_eq!(shown.lines().count(), keys.len(), "{shown}");
        for (line, key) in shown.lines().zip(keys) {
            for (place, expected) in line.split_whitespace().enumerate() {
                let ask = || self.shell(&format!("key={key}; {request}"));
                if expected == "200" {
                    let passes = || async { (ask().trim() == expected).then_some(()) };
                    time::eventually(&format!("request {place} of {key:?}"), passes).await;
                } else {
                    assert_eq!(ask().trim(), expected, "request {place} of {key:?}: {shown}");
                }
            }
        }
    }

    /// Waits until the rules as they are written now are in force.
    async fn rules_are(&self, sequence: u64) {
        let http = self.running().server.http();
        time::eventually("the rules in force", || async {
            let rules = get(http, "/readyz").await.json()["envoy_rules"].clone();
            assert_eq!(rules["last_failure"], Value::Null, "{rules}");
            (rules["sequence"] == sequence).then_some(())
        })
        .await;
    }
}

/// Starts the service of the page on a free port.
fn serve(command: &str, folder: &Path) -> (Killed, u16) {
    let command = command.replace(" 8000 ", " 0 ");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {command}")]).current_dir(folder);
    let (process, line) = until_line(shell.env("PYTHONUNBUFFERED", "1"));
    let port = line.split_once(" port ").and_then(|(_, rest)| rest.split(' ').next());
    let port = port.and_then(|port| port.parse().ok());
    (process, port.unwrap_or_else(|| panic!("no port in {line:?}")))
}

async fn follow() {
    let mut reader = Reader::new();
    let files = reader.write_files();
    assert_eq!(files, ["ratelimit/shop.yaml", "envoy.yaml", "policy.yaml"]);
    let asking = reader.start().await;
    let shown = reader.next("text").text;
    assert_eq!(reader.shell(&asking).trim(), shown, "{asking}");
    assert!(shown.ends_with("429"), "{shown}");
    reader.answers_as_shown().await;

    let setting = reader.next("sh").text;
    assert_eq!(setting.lines().count(), 1, "one setting: {setting}");
    reader.shell(&setting);
    reader.rules_are(2).await;
    reader.loops_as_shown(&["a", "b", "c"]).await;
    reader.answers_as_shown().await;
    reader.loops_as_shown(&[""]).await;
    assert!(reader.blocks.is_empty(), "not followed: {:?}", reader.blocks);
    // Nothing passed because nobody answered.
    let errors = reader.running().envoy.count("cluster.upstream.ratelimit.error").await;
    assert_eq!(errors, 0);
}

/// Days and months begin at midnight in UTC.
fn day() -> i64 {
    Timestamp::now().as_second() / (24 * 60 * 60)
}

#[tokio::test]
async fn whoever_follows_the_page_gets_what_it_says() {
    loop {
        let began = day();
        let followed = tokio::spawn(follow()).await;
        // At midnight every count begins anew: what was seen then says nothing.
        if day() == began {
            followed.expect("the page says what is so");
            return;
        }
    }
}

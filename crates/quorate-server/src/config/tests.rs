//! Layers, problems and printing of the configuration.

use std::path::Path;

use expect_test::expect;

use super::settings::SETTINGS;
use super::*;

fn layers(arguments: Arguments, environment: &[(&str, &str)], file: &str) -> Layers {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut layers = Layers::of(&arguments, environment);
    layers.add_file(Path::new("quorate.toml"), file);
    layers
}

fn read(arguments: Arguments, environment: &[(&str, &str)], file: &str) -> Config {
    match Config::read(&layers(arguments, environment, file)) {
        Ok((config, _)) => config,
        Err(problems) => panic!("{problems}"),
    }
}

fn problems(arguments: Arguments, environment: &[(&str, &str)], file: &str) -> String {
    match Config::read(&layers(arguments, environment, file)) {
        Ok((config, _)) => panic!("nothing is wrong with {config:?}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn nothing_needs_to_be_said() {
    let config = read(Arguments::default(), &[], "");
    assert_eq!(config.grpc_listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.http_listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.policy, Vec::<PathBuf>::new());
    assert_eq!(
        config.node.memory_max_bytes,
        quorate_node::NodeConfig::default().memory_max_bytes
    );
    assert_eq!(
        config.node.org_memory_max_bytes,
        quorate_node::NodeConfig::default().org_memory_max_bytes
    );
    assert_eq!(config.node.cost_max, quorate_node::NodeConfig::default().cost_max);
    assert!(config.data_threads >= 1);
}

#[test]
fn flags_beat_the_environment_and_the_environment_beats_the_file() {
    let file = "[drain]\ndelay = \"1s\"\ntimeout = \"10s\"\n[limits]\nin_flight = 7\n";
    let environment = [("QUORATE_DRAIN_DELAY", "2s"), ("QUORATE_DRAIN_TIMEOUT", "20s")];
    let config = read(Arguments::default().with("drain-delay", "3s"), &environment, file);
    assert_eq!(config.drain_delay, Duration::from_secs(3));
    assert_eq!(config.drain_timeout, Duration::from_secs(20));
    assert_eq!(config.in_flight_max, 7);
}

#[test]
fn beside_a_credential_header_the_key_header_counts_only_if_it_is_named() {
    let key_header = |flags: &[(&'static str, &str)]| {
        let arguments = flags.iter().fold(Arguments::default(), |arguments, (flag, value)| {
            arguments.with(flag, value)
        });
        read(arguments, &[], "").authz.key_header
    };
    let credential = ("authz-credential-header", "Authorization");
    assert_eq!(key_header(&[]).as_deref(), Some("x-api-key"));
    assert_eq!(key_header(&[credential]), None);
    let arguments = Arguments::default().with(credential.0, credential.1);
    let (_, effective) = Config::read(&layers(arguments, &[], "")).expect("nothing is wrong");
    let given_back = read(Arguments::default(), &[], &effective.to_string());
    assert_eq!(given_back.authz.key_header, None, "{effective}");
    let named = key_header(&[credential, ("authz-key-header", "X-Api-Key")]);
    assert_eq!(named.as_deref(), Some("x-api-key"));
}

#[test]
fn an_empty_variable_says_nothing() {
    let config = read(Arguments::default(), &[("QUORATE_DRAIN_DELAY", "")], "");
    assert_eq!(config.drain_delay, Duration::from_secs(1));
}

#[test]
fn policies_are_lists_in_every_layer() {
    let paths = |config: Config| {
        config
            .policy
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        paths(read(Arguments::default(), &[], "policy = [\"a.yaml\", \"b\"]")),
        ["a.yaml", "b"]
    );
    assert_eq!(
        paths(read(Arguments::default(), &[], "policy = \"a.yaml\"")),
        ["a.yaml"]
    );
    assert_eq!(
        paths(read(
            Arguments::default(),
            &[("QUORATE_POLICY", "c.yaml, d")],
            "policy = \"a\""
        )),
        ["c.yaml", "d"]
    );
}

#[test]
fn every_problem_is_told_at_once_with_its_field_and_source() {
    let file = "
data_threads = 0
drian = { delay = \"1s\" }
[limits]
in_fligth = 3
header_bytes = \"1B\"
streams_per_connection = [1]
[[callers]]
name = \"gateway\"
org = [\"acme\"]
token_sha256 = \"abc\"
";
    let environment = [("QUORATE_GRPC_LISTEN", "8081"), ("QUORATE_TRACE_RATIO", "2")];
    let arguments = Arguments::default()
        .with("http-listen", "0.0.0.0:8080")
        .with("drain-timeout", "1");
    expect![[r#"
        drian (from quorate.toml): there is no such setting, did you mean `drain`?
        limits.in_fligth (from quorate.toml): there is no such setting, did you mean `limits.in_flight`?
        limits.streams_per_connection (from quorate.toml): a single value is expected
        data_threads (from quorate.toml): 0 is not from 1 to 1024, or `auto`
        grpc.listen (from QUORATE_GRPC_LISTEN): `8081` is not an address with a port, such as `127.0.0.1:8081`
        callers[0].org (from quorate.toml): there is no such field, did you mean `orgs`?
        callers[0].orgs (from quorate.toml): a list of orgs, or ["*"] for all, is expected
        callers[0].token_sha256 (from quorate.toml): 64 hex digits are expected
        callers[0] (from quorate.toml): one of `token_sha256`, `token_file` and `certificate_names` must say how it is known
        limits.header_bytes (from quorate.toml): 1 is not from 1024 to 1048576
        drain.timeout (from --drain-timeout): `1` is not a duration, such as `250ms`, `5s` or `10m`
        telemetry.trace_ratio (from QUORATE_TRACE_RATIO): `2`: a share from 0 to 1 with at most six decimals is expected, such as 0.01
        http.listen (from --http-listen): an address beyond loopback needs TLS (tls.certificate, tls.key) or --insecure"#]]
    .assert_eq(&problems(arguments, &environment, file));
}

#[test]
fn a_bind_beyond_loopback_needs_tls_or_an_explicit_word() {
    let open = || Arguments::default().with("grpc-listen", "0.0.0.0:8081");
    assert!(problems(open(), &[], "").contains("--insecure"));
    read(open().with("insecure", "true"), &[], "");
    read(open(), &[("QUORATE_INSECURE", "true")], "");
    read(open(), &[], "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"");
    read(Arguments::default().with("grpc-listen", "[::1]:8081"), &[], "");
}

#[test]
fn tls_is_whole_or_not_there() {
    let wrong = |file: &str| problems(Arguments::default(), &[], file);
    assert!(wrong("[tls]\ncertificate = \"c.pem\"").starts_with("tls.key:"));
    assert!(wrong("[tls]\nkey = \"k.pem\"").starts_with("tls.certificate:"));
    assert!(wrong("[tls]\nclient_authorities = \"a.pem\"").starts_with("tls.client_authorities"));
    let caller = "[[callers]]\nname = \"a\"\norgs = [\"*\"]\ncertificate_names = [\"spiffe://a\"]\n";
    assert!(wrong(caller).starts_with("tls.client_authorities"));
    let tls = "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nclient_authorities = \"a.pem\"";
    assert_eq!(
        read(Arguments::default(), &[], &format!("{tls}\n{caller}"))
            .callers
            .len(),
        1
    );
}

#[test]
fn two_callers_cannot_have_one_token() {
    let hash = "0f".repeat(32);
    let file = format!(
        "[[callers]]\nname = \"a\"\norgs = [\"x\"]\ntoken_sha256 = \"{hash}\"\n\
         [[callers]]\nname = \"b\"\norgs = [\"y\"]\ntoken_sha256 = \"{hash}\"\n"
    );
    let text = problems(Arguments::default(), &[], &file);
    assert_eq!(
        text,
        "callers[1] (from quorate.toml): `a` has the same token or certificate name"
    );
}

#[test]
fn a_token_file_is_read_and_its_line_end_is_no_part_of_the_token() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "s3cret\n").expect("it is writable");
    let text = format!(
        "[[callers]]\nname = \"a\"\norgs = [\"*\"]\ntoken_file = {:?}",
        file.path()
    );
    let config = read(Arguments::default(), &[], &text);
    let callers = callers(&config.callers);
    assert!(callers.identify(None, Some(b"Bearer s3cret")).is_ok());
    assert!(callers.identify(None, Some(b"Bearer s3cret\n ")).is_ok());
    assert!(callers.identify(None, Some(b"Bearer other")).is_err());
}

#[test]
fn what_is_printed_says_where_it_came_from_and_can_be_given_back() {
    let environment = [("QUORATE_POLICY", "a.yaml")];
    let arguments = Arguments::default().with("data-threads", "3").with("insecure", "true");
    let layers = layers(arguments, &environment, "[drain]\ndelay = \"250ms\"");
    let (config, effective) = Config::read(&layers).expect("nothing is wrong");
    let text = effective.to_string();
    for line in [
        "policy = [\"a.yaml\"] # QUORATE_POLICY",
        "data_threads = 3 # --data-threads",
        "insecure = true # --insecure",
        "delay = \"250ms\" # quorate.toml",
        "listen = \"127.0.0.1:8081\" # default",
        "# otlp_endpoint is not set",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\nis not in\n{text}");
    }
    let again = read(Arguments::default(), &[], &text);
    assert_eq!(again, config);
}

/// A file without them would serve everybody.
#[test]
fn callers_are_given_back_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let token = directory.path().join("token");
    std::fs::write(&token, "s3cret").expect("a file");
    let file = format!(
        "insecure = true\n[[callers]]\nname = \"a\"\norgs = [\"x\", \"y\"]\ntoken_file = {token:?}\n\
         [[callers]]\nname = \"b \\\"quoted\\\"\"\norgs = [\"*\"]\ntoken_sha256 = \"{}\"\n",
        "ab".repeat(32)
    );
    let (config, effective) = Config::read(&layers(Arguments::default(), &[], &file)).expect("nothing is wrong");
    let text = effective.to_string();
    assert!(!text.contains("s3cret"), "{text}");
    let again = read(Arguments::default(), &[], &text);
    assert_eq!((again.callers.len(), &again), (2, &config), "{text}");
}

#[test]
fn the_share_of_one_org_follows_the_whole() {
    let share = |arguments: Arguments| read(arguments, &[], "").node.org_memory_max_bytes;
    let whole = || Arguments::default().with("memory-max", "128MiB");
    assert_eq!(share(whole()), 32 << 20);
    assert_eq!(share(whole().with("org-memory-max", "64MiB")), 64 << 20);
    let text = problems(whole().with("org-memory-max", "129MiB"), &[], "");
    assert_eq!(
        text,
        "memory.per_org (from --org-memory-max): it is more than memory.total"
    );
}

#[test]
fn every_default_is_a_value_and_every_name_is_its_own() {
    read(Arguments::default(), &[], "");
    for (index, setting) in SETTINGS.iter().enumerate() {
        for other in &SETTINGS[..index] {
            assert_ne!(setting.key, other.key);
            assert_ne!(setting.flag, other.flag);
        }
    }
}

#[test]
fn the_command_line_knows_every_setting() {
    let command = <Arguments as clap::Args>::augment_args(clap::Command::new("serve"));
    command.clone().debug_assert();
    let matches = command
        .try_get_matches_from([
            "serve",
            "--policy",
            "a",
            "--policy",
            "b",
            "--insecure",
            "--uds",
            "/run/q.sock",
        ])
        .expect("these flags exist");
    let arguments = <Arguments as clap::FromArgMatches>::from_arg_matches(&matches).expect("they are read");
    let config = read(arguments, &[], "");
    assert_eq!(config.policy, [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!(config.grpc_unix_socket, Some(PathBuf::from("/run/q.sock")));
}

#[test]
fn a_file_that_is_no_toml_is_one_problem() {
    let text = problems(Arguments::default(), &[], "data_threads = ");
    assert!(text.starts_with("config (from quorate.toml): "), "{text}");
}

#[test]
fn a_variable_that_is_almost_ours_is_pointed_out() {
    let variables = [
        "QUORATE_GRPC_LISTN",
        "QUORATE_GRPC_LISTEN",
        "QUORATE_SERVICE_HOST",
        "QUORATE_SERVER",
        "PATH",
    ];
    let environment = variables.map(|name| (name.to_owned(), "127.0.0.1:1".to_owned()));
    let layers = Layers::of(&Arguments::default(), environment);
    assert_eq!(
        layers.warnings(),
        ["the environment variable QUORATE_GRPC_LISTN means nothing; did you mean QUORATE_GRPC_LISTEN?"]
    );
}

#[test]
fn a_number_that_toml_would_not_take_is_given_back_as_a_text() {
    let printed = |arguments: Arguments| {
        let read = Config::read(&layers(arguments, &[], ""));
        read.expect("nothing is wrong").1.to_string()
    };
    let text = printed(Arguments::default().with("in-flight-max", "007"));
    assert_eq!(read(Arguments::default(), &[], &text).in_flight_max, 7, "{text}");
    assert!(printed(Arguments::default().with("in-flight-max", "7")).contains("in_flight = 7 #"));
}

#[test]
fn a_variable_that_is_no_text_is_a_problem_only_if_it_is_ours() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let broken = || OsString::from_vec(vec![0xFF, 0xFE]);
    let read = |name: &str| {
        let environment = environment([(OsString::from(name), broken()), (broken(), broken())]);
        Config::read(&Layers::gather(&Arguments::default(), environment))
    };
    read("LESSOPEN").expect("it is somebody else's");
    let problems = read("QUORATE_IN_FLIGHT_MAX").expect_err("it is no number").to_string();
    assert!(
        problems.starts_with("limits.in_flight (from QUORATE_IN_FLIGHT_MAX): "),
        "{problems}"
    );
}

#[test]
fn callers_that_would_be_more_than_they_say_are_refused() {
    let token = format!("token_sha256 = \"{}\"", "ab".repeat(32));
    // An org without a name would be the org of whichever key asks.
    let file = format!("[[callers]]\nname = \"a\"\norgs = [\"\"]\n{token}");
    let problems_of = |file: &str| problems(Arguments::default(), &[], file);
    assert_eq!(
        problems_of(&file),
        "callers[0].orgs (from quorate.toml): the name of an org is not empty"
    );
    let file = format!("[[callers]]\nname = \"a\"\norgs = [\"x\"]\ncertificate_names = [\"\"]\n{token}");
    assert!(problems_of(&file).contains("callers[0].certificate_names (from quorate.toml): a name is not empty"));
    for file in ["callers = 3", "[callers]\nname = \"a\"", "callers = [3]"] {
        assert_eq!(
            problems_of(file),
            "callers (from quorate.toml): every caller is a table `[[callers]]`"
        );
    }
}

#[test]
fn what_is_quite_unlike_is_no_hint() {
    assert_eq!(
        problems(Arguments::default(), &[], "foo = 1"),
        "foo (from quorate.toml): there is no such setting"
    );
}

#[test]
fn a_secret_in_a_url_is_refused_and_not_repeated() {
    let arguments = Arguments::default().with("otlp-endpoint", "http://me:hunter2@collector:4317");
    let text = problems(arguments, &[], "");
    assert!(
        text.starts_with("telemetry.otlp_endpoint (from --otlp-endpoint): "),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

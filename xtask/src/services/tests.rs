//! What is pinned is complete and well-formed; what is filled in leaves nothing open.

use std::path::{Path, PathBuf};

use super::lock::{Artifact, artifacts, parse, project_of, resolved_file};
use super::recipe::{Recipe, token};
use super::{free_port, jars, java, places};

fn artifact(name: &str, classifier: Option<&str>) -> Artifact {
    Artifact {
        group: "io.netty".to_owned(),
        name: name.to_owned(),
        version: "4.1".to_owned(),
        classifier: classifier.map(str::to_owned),
        sha256: "0f".repeat(32),
    }
}

#[test]
fn the_list_of_this_checkout_holds_cassandra_and_no_file_twice() {
    let artifacts = artifacts().expect("well-formed");
    let cassandra = artifacts.iter().find(|artifact| artifact.name == "cassandra-all");
    assert_eq!(cassandra.expect("in the list").version, super::lock::VERSION);
    let mut files: Vec<String> = artifacts.iter().map(Artifact::file).collect();
    files.sort();
    files.dedup();
    assert_eq!(
        files.len(),
        artifacts.len(),
        "two files of one name would overwrite each other"
    );
}

#[test]
fn a_line_of_the_list_is_read_whole_or_refused() {
    let sum = "0f".repeat(32);
    let list = format!("# why\n\nio.netty:netty-common:4.1:{sum}\nio.netty:netty-epoll:4.1:linux-x86_64:{sum}\n");
    let read = parse(&list).expect("well-formed");
    assert_eq!(
        read,
        [
            artifact("netty-common", None),
            artifact("netty-epoll", Some("linux-x86_64"))
        ]
    );
    assert_eq!(read[0].file(), "netty-common-4.1.jar");
    assert_eq!(read[1].file(), "netty-epoll-4.1-linux-x86_64.jar");
    for broken in [
        "io.netty:netty-common:4.1",
        "a:b:c:d:e:f",
        "io.netty:netty-common:4.1:0f0f",
    ] {
        let error = parse(broken).expect_err(broken).to_string();
        assert!(error.contains(broken), "{error}");
    }
}

#[test]
fn maven_is_asked_for_the_files_and_for_nothing_behind_them() {
    let project = project_of(&[
        artifact("netty-common", None),
        artifact("netty-epoll", Some("linux-x86_64")),
    ]);
    assert_eq!(
        project.matches("<exclusion><groupId>*</groupId>").count(),
        2,
        "{project}"
    );
    assert_eq!(
        project.matches("<classifier>linux-x86_64</classifier>").count(),
        1,
        "{project}"
    );
    assert_eq!(
        jars::sums(&[artifact("netty-common", None)]),
        format!("{}  netty-common-4.1.jar\n", "0f".repeat(32))
    );
}

#[test]
fn what_maven_resolved_is_read_with_and_without_a_classifier() {
    let read = |line| resolved_file(line).map(|(names, path)| (names, path.display().to_string()));
    assert_eq!(
        read("   io.netty:netty-common:jar:4.1:compile:/m/netty-common-4.1.jar -- module io.netty.common"),
        Some((
            "io.netty:netty-common:4.1".to_owned(),
            "/m/netty-common-4.1.jar".to_owned()
        ))
    );
    assert_eq!(
        read("io.netty:netty-epoll:jar:linux-x86_64:4.1:runtime:/m/e.jar"),
        Some((
            "io.netty:netty-epoll:4.1:linux-x86_64".to_owned(),
            "/m/e.jar".to_owned()
        ))
    );
    assert_eq!(read("The following files have been resolved:"), None);
    assert_eq!(read(""), None);
}

#[test]
fn nothing_of_a_recipe_stays_open() {
    let recipe = Recipe::new(Path::new("java"), &[PathBuf::from("/a.jar"), PathBuf::from("/b.jar")]).expect("made");
    assert!(recipe.arguments.contains(&"/a.jar:/b.jar".to_owned()));
    for place in places(3).expect("free ports") {
        let filled = recipe.fill(&place, Path::new("/data"));
        for text in filled.arguments.iter().chain(filled.files.values()) {
            assert!(!text.contains('{') && !text.contains('}'), "still open: {text}");
        }
        let configuration = &filled.files["cassandra.yaml"];
        assert!(
            configuration.contains("commitlog_sync: batch"),
            "acknowledged changes could be lost"
        );
        assert!(configuration.contains(&format!("listen_address: {}\n", place.address)));
        assert!(configuration.contains(&format!("initial_token: \"{}\"\n", place.token)));
        assert!(configuration.contains(&place.seeds));
    }
}

#[test]
fn nodes_of_a_cluster_share_ports_and_divide_the_ring() {
    let places = places(3).expect("free ports");
    let addresses: Vec<String> = places.iter().map(|place| place.address.to_string()).collect();
    assert_eq!(addresses, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    assert!(places.iter().all(|place| place.cql_port == places[0].cql_port));
    assert_ne!(places[0].cql_port, places[0].storage_port);
    let tokens: Vec<i64> = (0..3).map(|index| token(index, 3)).collect();
    assert_eq!(
        tokens,
        [i64::MIN, -3_074_457_345_618_258_603, 3_074_457_345_618_258_602]
    );
    assert_eq!(token(0, 1), i64::MIN);
}

#[test]
fn a_free_port_can_be_listened_on_at_each_address() {
    let addresses = [
        std::net::Ipv4Addr::new(127, 0, 0, 1),
        std::net::Ipv4Addr::new(127, 0, 0, 2),
    ];
    let port = free_port(&addresses).expect("some port is free");
    assert_ne!(port, 0);
}

#[test]
fn the_version_of_java_is_read_from_what_it_says() {
    assert_eq!(
        java::major("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK …"),
        Some(17)
    );
    assert_eq!(java::major("openjdk version \"21\" 2023-09-19"), Some(21));
    assert_eq!(java::major("java version \"1.8.0_402\""), Some(1));
    assert_eq!(java::major("command not found"), None);
}

//! What was used is told after a restart, and moves with everything else to another store.

use super::{folder, monthly, passes, serve, spend_rest, stop};
use crate::harness::command::quorate;
use crate::harness::http::get;
use crate::harness::{AskExt, ask};

#[tokio::test]
async fn usage_outlives_the_server_and_all_of_it_moves() {
    let (folder, elsewhere) = (folder(), super::folder());
    let server = serve(monthly(1_000), &folder);
    let client = server.client().await;
    for cost in 1..=4 {
        passes(&client, &ask("k").of("o").costing(cost)).await;
    }
    stop(server);
    let data = |of: &tempfile::TempDir| of.path().join("data").display().to_string();
    let file = folder.path().join("all.jsonl").display().to_string();
    let exported = quorate(["export", "--json", "--data-dir", &data(&folder), &file])
        .exits(0)
        .json();
    assert_eq!(exported["exported"]["grants"], 1, "{exported}");
    let imported = quorate(["import", "--json", "--data-dir", &data(&elsewhere), &file])
        .exits(0)
        .json();
    assert_eq!(imported["imported"], exported["exported"]);
    let again = quorate(["import", "--data-dir", &data(&elsewhere), &file]).exits(3);
    assert!(again.stderr.contains("not empty"), "{}", again.stderr);
    // Whole again: what was spent there is spent here, and what was used there is told here.
    let server = serve(monthly(1_000), &elsewhere);
    for per in ["hour", "day", "month"] {
        let reply = get(server.http(), &format!("/v1/usage?org=o&per={per}")).await;
        assert_eq!(reply.status, 200);
        let told = reply.json();
        let rows = told["rows"].as_array().expect("rows").clone();
        let sum = |field: &str| {
            rows.iter()
                .map(|row| row[field].as_u64().expect("a number"))
                .sum::<u64>()
        };
        assert_eq!((sum("calls"), sum("units")), (4, 10), "{told}");
        assert!(
            rows.iter().all(|row| row["key"] == "k" && row["meter"] == "requests"),
            "{told}"
        );
    }
    for wrong in [
        "/v1/usage",
        "/v1/usage?org=o&per=minute",
        "/v1/usage?org=o&from=yesterday",
        "/v1/usage?org=o&x=1",
    ] {
        assert_eq!(get(server.http(), wrong).await.status, 400, "{wrong}");
    }
    let client = server.client().await;
    assert_eq!(spend_rest(&client, &ask("k").of("o"), 1_000).await, 990);
}

#[tokio::test]
async fn a_store_that_is_imported_by_half_serves_nobody() {
    let (folder, elsewhere) = (folder(), super::folder());
    let server = serve(monthly(1_000), &folder);
    passes(&server.client().await, &ask("k").of("o")).await;
    stop(server);
    let data = |of: &tempfile::TempDir| of.path().join("data").display().to_string();
    let whole = quorate(["export", "--data-dir", &data(&folder)]).exits(0).stdout;
    let cut = folder.path().join("cut.jsonl");
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(&cut, lines[..lines.len() - 1].join("\n") + "\n").expect("a file");
    let cut = cut.display().to_string();
    let refused = quorate(["import", "--data-dir", &data(&elsewhere), &cut]).exits(3);
    assert!(refused.stderr.contains("cut off"), "{}", refused.stderr);
    let launch = crate::harness::Launch::keeping(monthly(1_000), &elsewhere.path().join("data"));
    let (_, words) = launch.refused();
    assert!(words.contains("did not finish"), "{words}");
}

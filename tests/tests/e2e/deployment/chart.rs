//! The Helm chart: it renders, Kubernetes takes what it renders, and it refuses what would not work.

use std::process::Command;

use tempfile::NamedTempFile;

use super::deployed;
use crate::harness::command::{Outcome, run};
use crate::harness::environment;

/// Values to render with; the first is the chart's own.
const VALUES: [&str; 3] = ["values.yaml", "ci/everything.yaml", "ci/clear.yaml"];
/// The oldest Kubernetes that `Chart.yaml` admits, and the newest that there are schemas of.
const KUBERNETES: [&str; 2] = ["1.27", "1.37"];

fn helm(task: &[&str], values: &str, more: &[&str]) -> Outcome {
    let mut helm = Command::new(environment("QUORATE_TEST_HELM"));
    let chart = deployed("helm/quorate");
    helm.args(task).arg(&chart).arg("--values").arg(chart.join(values));
    run(helm.args(more))
}

/// What the chart comes to.
pub fn rendered(values: &str, more: &[&str]) -> String {
    helm(&["template", "release"], values, more).exits(0).stdout
}

/// Judges objects by the schemas of one Kubernetes. `strict` refuses fields that it does not know.
fn validate(objects: &str, kubernetes: &str) -> Outcome {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), objects).expect("it can be written");
    let mut validate = Command::new(environment("QUORATE_TEST_KUBERNETES_VALIDATE"));
    run(validate.args(["--strict", "-k", kubernetes]).arg(file.path()))
}

#[test]
fn the_chart_is_without_a_flaw() {
    for values in VALUES {
        helm(&["lint", "--strict"], values, &[]).exits(0);
    }
}

#[test]
fn kubernetes_takes_what_the_chart_renders() {
    for values in VALUES {
        for kubernetes in KUBERNETES {
            let version = format!("{kubernetes}.0");
            let objects = rendered(values, &["--kube-version", &version]);
            let judged = validate(&objects, kubernetes).exits(0);
            let words = format!("{}{}", judged.stdout, judged.stderr);
            let passed = words.matches(" passed for resource ").count();
            // Of the Prometheus operator's kind there is no schema here.
            let without = words.matches("Couldn't find schema for kind ServiceMonitor").count();
            let there = objects.matches("\nkind: ").count();
            assert_eq!(passed + without, there, "{values} on {kubernetes}:\n{words}");
            assert_eq!(without, objects.matches("\nkind: ServiceMonitor").count(), "{words}");
        }
    }
    // The judge is awake.
    let wrong = rendered("values.yaml", &[]).replace("serviceName:", "servicesName:");
    assert_ne!(validate(&wrong, KUBERNETES[1]).code, Some(0));
}

#[test]
fn kubernetes_too_old_is_refused() {
    let refused = helm(&["template", "release"], "values.yaml", &["--kube-version", "1.26.0"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("1.27"), "{}", refused.stderr);
}

#[test]
fn the_chart_refuses_what_would_not_work() {
    let cases = [
        // A second server would allow each limit twice.
        (&["--set", "replicaCount=2"][..], "replicaCount"),
        (&["--set", "tls.enabled=perhaps"], "tls"),
        (&["--set", "store=postgres://db"], "store"),
        // A store that the network policy keeps it from.
        (&["--set", "store=scylla://db:9042/quorate"], "networkPolicy.egress"),
        (&["--set-string", "env.PATH=x"], "PATH"),
    ];
    for (arguments, named) in cases {
        let refused = helm(&["template", "release"], "values.yaml", arguments);
        assert_ne!(refused.code, Some(0), "{arguments:?}");
        assert!(refused.stderr.contains(named), "{arguments:?}: {}", refused.stderr);
    }
}

#[test]
fn one_server_that_says_what_it_may() {
    let objects = rendered("values.yaml", &[]);
    for line in [
        "replicas: 1",
        "runAsNonRoot: true",
        "readOnlyRootFilesystem: true",
        "capabilities: { drop: [ALL] }",
        "automountServiceAccountToken: false",
        "kind: PodDisruptionBudget",
        "kind: NetworkPolicy",
        "secret: { secretName: release-quorate-tls, defaultMode: 0440 }",
        "volumeClaimTemplates:",
    ] {
        assert!(objects.contains(line), "no `{line}` in\n{objects}");
    }
    assert!(!objects.contains("QUORATE_INSECURE"), "TLS is the default");
    let clear = rendered("ci/clear.yaml", &[]);
    assert!(clear.contains("QUORATE_INSECURE"), "{clear}");
    assert!(
        !clear.contains("volumeClaimTemplates") && !clear.contains("secretName"),
        "{clear}"
    );
}

//! Tests every format with handmade outcomes. The main topic is escaping, because the text comes
//! from checked files.

use std::sync::Arc;

use base64::Engine as _;
use serde_json::Value;
use sha2::Digest as _;

use super::*;
use crate::check::CheckedOverlay;
use crate::finding::{Cause, Finding, Located, OverlayRef, Related};
use crate::kustomize::ResourceId;
use crate::source::Files;
use crate::yaml::{By, FileId, Origin};

fn origin(file: FileId, text: &str, part: &str) -> Origin {
    let start = text.find(part).unwrap() as u32;
    Origin {
        file,
        start,
        end: start + part.len() as u32,
        by: By::Manifest,
    }
}

fn outcome(findings: Vec<Finding>, files: Files) -> Outcome {
    let findings: Vec<Located> = findings
        .into_iter()
        .map(|finding| Located::new(finding, &files))
        .collect();
    let errors = findings
        .iter()
        .filter(|located| located.finding.severity == Severity::Error)
        .count();
    let warnings = findings
        .iter()
        .filter(|located| located.finding.severity == Severity::Warning)
        .count();
    Outcome {
        described: Vec::new(),
        unseen: Vec::new(),
        narrowed: false,
        stale: 0,
        failed: false,
        timings: Vec::new(),
        overlays: vec![CheckedOverlay {
            overlay: production(),
            complete: true,
        }],
        counts: Counts {
            apps: 1,
            files: 2,
            resources: 3,
            rules: 4,
            policies: 1,
            errors,
            warnings,
            ..Counts::default()
        },
        findings,
        files: Arc::new(files),
    }
}

fn production() -> OverlayRef {
    OverlayRef {
        path: "apps/api/overlays/production".into(),
        app: "api".into(),
        environment: Some("production".into()),
        variant: None,
    }
}

fn finding(message: &str, origin: Origin) -> Finding {
    Finding {
        rule: "mutable-tag".into(),
        severity: Severity::Error,
        cause: Cause::new("floating-tag"),
        message: message.into(),
        help: Some("pin the digest that staging runs".into()),
        origin,
        related: Vec::new(),
        overlay: Some(Arc::new(production())),
        also_in: vec!["apps/api/overlays/staging".into()],
        resource: Some(ResourceId {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: None,
            name: "api".into(),
        }),
        path: Some("/spec/template/spec/containers/0/image".into()),
        ahead: false,
        fingerprint: "0123456789abcdef0123456789abcdef".into(),
    }
}

const OVERLAY: &str = "resources:\n  - ../../base\nimages:\n  - name: api\n    newTag: latest\n";
const BASE: &str =
    "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n        - image: api:1\n";

fn two_files() -> Outcome {
    let files = Files::default();
    let overlay = files.add(
        "apps/api/overlays/production/kustomization.yaml",
        None,
        OVERLAY.into(),
    );
    let base = files.add("apps/api/base/deployment.yaml", None, BASE.into());
    let mut finding = finding(
        "production pulls the mutable tag `latest` of api",
        origin(overlay, OVERLAY, "latest"),
    );
    finding.related.push(Related {
        message: "the base sets it here".into(),
        origin: origin(base, BASE, "api:1"),
    });
    outcome(vec![finding], files)
}

/// An outcome with names that a hostile repo might use.
fn hostile() -> Outcome {
    let text = "a: \"\u{1b}[2J\u{202e}x\"\nb: 1\n";
    let files = Files::default();
    let file = files.add(
        "a,b:c%\n::error ::\u{1b}[31m|<b>@me.yaml",
        None,
        text.into(),
    );
    let mut finding = finding(
        "\u{1b}]0;own\u{7} `<script>` a|b 100%\r\n::set-output name=x::y \\u{23}#[group]",
        origin(file, text, "\"\u{1b}[2J\u{202e}x\""),
    );
    finding.help = Some("\u{1b}[0m\nsecond line".into());
    finding.also_in = vec!["\u{1b}c".into()];
    finding.related.push(Related {
        message: "\u{1b}[1m".into(),
        origin: origin(file, text, "b: 1"),
    });
    outcome(vec![finding], files)
}

fn text(format: Format, outcome: &Outcome) -> String {
    let mut out = Vec::new();
    write(format, outcome, &mut out, &Options::default()).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn names_round_trip() {
    for format in Format::ALL {
        assert_eq!(Format::parse(format.as_str()), Some(format));
    }
    assert_eq!(Format::parse("xml"), None);
}

#[test]
fn pretty_shows_every_file_that_plays_a_part() {
    insta::assert_snapshot!(text(Format::Pretty, &two_files()), @r#"
    error[mutable-tag]
      × production pulls the mutable tag `latest` of api
       ╭─[apps/api/overlays/production/kustomization.yaml:5:13]
     3 │ images:
     4 │   - name: api
     5 │     newTag: latest
       ·             ──────
       ╰────
       ╭─[apps/api/base/deployment.yaml:6:18]
     4 │     spec:
     5 │       containers:
     6 │         - image: api:1
       ·                  ──┬──
       ·                    ╰── the base sets it here
       ╰────
      help: pin the digest that staging runs
            also in 1 overlay: apps/api/overlays/staging

    1 error; checked 1 overlay (1 app, 3 resources) with 4 rules and 1 policy
    "#);
}

#[test]
fn concise_is_one_line_a_finding() {
    insta::assert_snapshot!(text(Format::Concise, &two_files()), @r#"
    apps/api/overlays/production/kustomization.yaml:5:13: error[mutable-tag] production pulls the mutable tag `latest` of api (also in 1 overlay)
    1 error; checked 1 overlay (1 app, 3 resources) with 4 rules and 1 policy
    "#);
}

#[test]
fn github_is_one_command_a_finding() {
    insta::assert_snapshot!(text(Format::Github, &two_files()), @r#"
    ::error file=apps/api/overlays/production/kustomization.yaml,line=5,endLine=5,col=13,endColumn=19,title=mutable-tag::production pulls the mutable tag `latest` of api%0Apin the digest that staging runs%0Aapps/api/base/deployment.yaml:6: the base sets it here%0Aalso in: apps/api/overlays/staging
    1 error; checked 1 overlay (1 app, 3 resources) with 4 rules and 1 policy
    "#);
}

#[test]
fn markdown_has_the_verdict_first_and_the_findings_by_app() {
    let mut out = Vec::new();
    let moved = VersionMove {
        app: "api".to_string(),
        environment: "production".to_string(),
        name: "ghcr.io/acme/api".to_string(),
        before: "v1".to_string(),
        after: "v2".to_string(),
        proof: "staging runs it at the base".to_string(),
        is_proved: true,
    };
    let options = Options {
        links: Some("https://git.example/acme/config/blob/abc/".to_string()),
        page: Page {
            moves: vec![moved],
            ..Page::default()
        },
        ..Options::default()
    };
    write(Format::Markdown, &two_files(), &mut out, &options).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
    <!-- gitops-lint -->
    ## gitops-lint

    ❌ 1 error; checked 1 overlay (1 app, 3 resources) with 4 rules and 1 policy

    ### Versions

    | app | environment | version of | before | after | proof |
    |---|---|---|---|---|---|
    | api | production | ghcr.io/acme/api | v1 | v2 | ✅ staging runs it at the base |

    ### ❌ 1 error

    **api**

    - production pulls the mutable tag \`latest\` of api (mutable-tag)<br>[apps/api/overlays/production/kustomization.yaml&#58;5](https://git.example/acme/config/blob/abc/apps/api/overlays/production/kustomization.yaml#L5)<br>apps/api/base/deployment.yaml&#58;6: the base sets it here<br>also in 1 overlay<br>help: pin the digest that staging runs
    ");
}

#[test]
fn a_comment_has_room_for_any_number_of_findings() {
    let files = Files::default();
    let file = files.add("a.yaml", None, "a: 1\n".into());
    let long = "x".repeat(300);
    let findings = (0..3000).map(|number| {
        let mut one = finding(&format!("{number} {long}"), Origin::start_of(file));
        one.cause = Cause::new(number.to_string());
        one
    });
    let text = text(Format::Markdown, &outcome(findings.collect(), files));
    assert!(text.chars().count() < 65_536, "{}", text.len());
    assert!(text.contains("more findings not shown here"));
}

#[test]
fn junit_counts_overlays_and_findings() {
    insta::assert_snapshot!(text(Format::Junit, &two_files()), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="gitops-lint" tests="2" failures="1" errors="0">
      <testsuite name="gitops-lint" tests="2" failures="1" errors="0">
        <testcase classname="apps/api/overlays/production" name="rendered"/>
        <testcase classname="apps/api/overlays/production" name="mutable-tag: production pulls the mutable tag `latest` of api" file="apps/api/overlays/production/kustomization.yaml" line="5">
          <failure message="production pulls the mutable tag `latest` of api" type="mutable-tag">apps/api/overlays/production/kustomization.yaml:5:13: error[mutable-tag] production pulls the mutable tag `latest` of api (also in 1 overlay)&#10;help: pin the digest that staging runs&#10;also in: apps/api/overlays/staging</failure>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn nothing_from_a_file_acts_on_a_terminal() {
    for format in Format::ALL {
        let text = text(format, &hostile());
        let bad = |character: char| character != '\n' && acts_on_terminal(character);
        // JSON formats escape in their own way
        if !matches!(format, Format::Json | Format::Sarif | Format::Gitlab) {
            assert!(!text.contains(bad), "{format:?}: {text:?}");
        }
        assert!(!text.contains('\u{1b}'), "{format:?}: {text:?}");
        if matches!(format, Format::Concise | Format::Github) {
            assert_eq!(text.lines().count(), 2, "{format:?}: {text}");
        }
    }
}

#[test]
fn markdown_and_xml_stay_text() {
    let markdown = text(Format::Markdown, &hostile());
    assert!(
        !markdown.contains("<script>") && !markdown.contains("@me") && !markdown.contains("a|b"),
        "{markdown}"
    );
    let xml = text(Format::Junit, &hostile());
    assert!(!xml.contains("<script>"), "{xml}");
}

#[test]
fn commands_have_escaped_properties() {
    let text = text(Format::Github, &hostile());
    assert!(
        text.starts_with("::error file=a%2Cb%3Ac%25%0A%3A%3Aerror %3A%3A\\u{1b}[31m"),
        "{text}"
    );
    assert!(
        text.contains("100%25%0A::set-output name=x::y \\u{23}#[group]"),
        "{text}"
    );
}

#[test]
fn annotations_above_the_limit_are_log_lines() {
    let files = Files::default();
    let file = files.add("::a.yaml", None, OVERLAY.into());
    let one = finding("x ##[error]", origin(file, OVERLAY, "latest"));
    let outcome = outcome(vec![one; 12], files);
    let text = text(Format::Github, &outcome);
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("::error "))
            .count(),
        10
    );
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("- ::a.yaml:5:13: error[mutable-tag] x \\u{23}#[error]"))
            .count(),
        2,
        "{text}"
    );
}

#[test]
fn json_has_the_documented_shape() {
    let report: Value = serde_json::from_str(&text(Format::Json, &two_files())).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["tool"]["name"], "gitops-lint");
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        keys(&report),
        "version tool summary overlays unseen findings"
    );
    assert_eq!(
        keys(&report["summary"]),
        "overlays apps files errors warnings infos suppressed"
    );
    assert_eq!(
        keys(&report["overlays"][0]),
        "path app environment variant complete"
    );
    let finding = &report["findings"][0];
    let expected = "rule severity message help app environment variant overlay also_in resource path location related fingerprint url";
    assert_eq!(keys(finding), expected);
    assert_eq!(keys(&finding["resource"]), "apiVersion kind namespace name");
    assert_eq!(
        keys(&finding["location"]),
        "file line column end_line end_column byte_start byte_end"
    );
    assert_eq!(
        (&finding["location"]["line"], &finding["location"]["column"]),
        (&Value::from(5), &Value::from(13))
    );
    assert_eq!(
        finding["related"][0]["location"]["file"],
        "apps/api/base/deployment.yaml"
    );
}

#[test]
fn sarif_locates_every_result() {
    let report: Value = serde_json::from_str(&text(Format::Sarif, &hostile())).unwrap();
    let run = &report["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let result = &run["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(
        place["artifactLocation"]["uri"],
        "a%2Cb%3Ac%25%0A%3A%3Aerror%20%3A%3A%1B%5B31m%7C%3Cb%3E%40me.yaml"
    );
    assert_eq!(place["region"]["startColumn"], 4);
    assert_eq!(
        run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize]["id"],
        "mutable-tag"
    );
    assert_eq!(
        result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"],
        2
    );
}

#[test]
fn gitlab_wants_a_fingerprint_and_a_line() {
    let report: Value = serde_json::from_str(&text(Format::Gitlab, &two_files())).unwrap();
    assert_eq!(report[0]["location"]["lines"]["begin"], 5);
    assert_eq!(report[0]["severity"], "critical");
    assert_eq!(report[0]["fingerprint"], "0123456789abcdef0123456789abcdef");
}

#[test]
fn checking_nothing_never_looks_clean() {
    let mut nothing = outcome(Vec::new(), Files::default());
    nothing.overlays.clear();
    for format in [
        Format::Pretty,
        Format::Concise,
        Format::Github,
        Format::Junit,
        Format::Markdown,
        Format::Sarif,
    ] {
        assert!(
            text(format, &nothing).contains("nothing was checked"),
            "{format:?}"
        );
    }
    assert!(
        summary(&outcome(Vec::new(), Files::default()))
            .starts_with("no findings; checked 1 overlay (1 app, 3 resources) with 4 rules")
    );
}

#[test]
fn long_lines_are_cut_around_the_label() {
    let text_of_file = format!("key: {}needle{}\n", "ä".repeat(5000), "\u{9}b".repeat(5000));
    let files = Files::default();
    let file = files.add("a.yaml", None, text_of_file.as_str().into());
    let outcome = outcome(
        vec![finding("x", origin(file, &text_of_file, "needle"))],
        files,
    );
    let text = text(Format::Pretty, &outcome);
    assert!(
        text.contains("needle") && text.contains("a.yaml:1:5006"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() < 220),
        "{text}"
    );
}

#[test]
fn places_at_odd_spots_are_drawn() {
    let text_of_file = "\u{feff}a: 1\r\n\r\n\tb: 日本語\r\nc:\n  d: 1\n  e: 2";
    let files = Files::default();
    let file = files.add("a.yaml", None, text_of_file.into());
    let length = text_of_file.len() as u32;
    let mut findings = Vec::new();
    for start in 0..=length {
        for end in [start, start + 1, length, length + 7] {
            let mut finding = finding(
                "x",
                Origin {
                    file,
                    start,
                    end,
                    by: By::Manifest,
                },
            );
            // findings of one cause share a block
            finding.cause = Cause::new(format!("{start}-{end}"));
            finding.related.push(Related {
                message: "y".into(),
                origin: Origin {
                    file,
                    start: length - start,
                    end: length,
                    by: By::Manifest,
                },
            });
            findings.push(finding);
        }
    }
    let empty = files.add("empty.yaml", None, "".into());
    findings.push(finding("empty", Origin::start_of(empty)));
    let outcome = outcome(findings, files);
    let text = text(Format::Pretty, &outcome);
    assert!(
        text.contains("empty.yaml:1:1") && text.contains("日本語"),
        "{text}"
    );
    assert!(!text.contains("Failed to read"), "{text}");
}

#[test]
fn a_page_runs_nothing_but_its_own_script() {
    let page = text(Format::Html, &hostile());
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    for acting in ["<b>", "\u{1b}", "\u{202e}", "##[", "http://", "src="] {
        assert!(!page.contains(acting), "{acting}: {page}");
    }
    let (_, rest) = page.split_once("script-src '").unwrap();
    let (hash, _) = rest.split_once('\'').unwrap();
    let (_, script) = page.split_once("<script>").unwrap();
    let (script, _) = script.split_once("</script>").unwrap();
    let digest = sha2::Sha256::digest(script.as_bytes());
    let encoded = base64::engine::general_purpose::STANDARD.encode(digest);
    assert_eq!(hash, format!("sha256-{encoded}"));
    assert!(
        !page.contains(" style="),
        "the policy of the page forbids it"
    );
}

#[test]
fn a_page_shows_the_lines_of_every_file_and_both_environments() {
    let options = Options {
        page: Page {
            comparisons: vec![Comparison {
                app: "api".into(),
                from: "staging".into(),
                to: "production".into(),
                objects: vec![ComparedObject {
                    title: "changed Deployment/api".into(),
                    is_expected: false,
                    lines: vec![
                        SideLine::Gap(3),
                        SideLine::Equal((4, 4), "spec:".into()),
                        SideLine::Different(Some((5, "a: <1>".into())), None),
                    ],
                }],
                ..Comparison::default()
            }],
            ..Page::default()
        },
        ..Options::default()
    };
    let page = super::text(Format::Html, &two_files(), &options).unwrap();
    for shown in [
        "apps/api/overlays/production/kustomization.yaml:5",
        "<mark>latest</mark>",
        "apps/api/base/deployment.yaml:6",
        "<mark>api:1</mark>",
        "the base sets it here",
        "3 equal lines",
        "a: &lt;1&gt;",
        "id=\"rule-mutable-tag\"",
        "data-app=\"api\"",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
}

#[test]
fn the_page_of_every_rule_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = crate::rules::all().iter().map(|rule| rule.metadata().id);
    for rule in rules.chain([crate::check::FAILED, "policy/main/deny"]) {
        let address = url(rule);
        let page = address.find("docs/").map(|at| &address[at..]).unwrap();
        assert!(root.join(page).is_file(), "{rule}: {address}");
    }
}

#[test]
fn places_lead_to_their_files() {
    let options = Options {
        paths: ShownPaths {
            address: Some("file:///srv/a%20b/".into()),
            ..ShownPaths::default()
        },
        ..Options::default()
    };
    let link = "\u{1b}]8;;file:///srv/a%20b/apps/api/base/deployment.yaml\u{1b}\\apps/api/base/deployment.yaml:6:18\u{1b}]8;;\u{1b}\\";
    let linked = super::text(Format::Pretty, &two_files(), &options).unwrap();
    assert!(linked.contains(link), "{linked}");
    // the lines are as long as without links
    let plain = text(Format::Pretty, &two_files());
    assert_eq!(linked.lines().count(), plain.lines().count());
    let concise = super::text(Format::Concise, &two_files(), &options).unwrap();
    assert!(concise.starts_with("\u{1b}]8;;file:///srv/"), "{concise}");
}

/// Reports of hostile paths, messages and files: nothing in them acts, and what other programs read
/// can be read.
#[test]
fn fuzz_reports() {
    let words = &[
        "::error::",
        "\n::add-mask::",
        "##[group]",
        "##vso[task.x]",
        "\u{1b}[31m",
        "\u{1b}]8;;x\u{7}",
        "\u{202e}",
        "\u{2066}",
        "\r",
        "\n",
        "`",
        "```",
        "|",
        "<x-canary>",
        "</details>",
        "<!--",
        "-->",
        "]]>",
        "&amp;",
        "&#x3c;",
        "\"",
        "'",
        "%0A",
        "](javascript:x)",
        "![a](b)",
        "@team",
        "#12",
        "\\",
        "\\u{23}",
        "{{",
        "a",
        ".yaml",
        "/",
        "..",
        ": ",
    ];
    let examples = [
        "a: b\n::error::c `<x-canary>` ##[group]",
        "apps/a,b:c%|d.yaml",
        "| a | </details> ```",
    ];
    crate::fuzz::run("reports", &examples, words, |text| {
        let text: &str = &text.chars().take(300).collect::<String>();
        let files = Files::default();
        let name: String = text.chars().take(60).collect();
        let file = files.add(&format!("a/{name}"), None, text.into());
        let whole = Origin {
            file,
            start: 0,
            end: text.len() as u32,
            by: By::Manifest,
        };
        let mut hostile = finding(text, whole);
        hostile.rule = text.to_string();
        hostile.help = Some(text.to_string());
        hostile.also_in = vec![text.to_string()];
        hostile.path = Some(text.to_string());
        hostile.related.push(Related {
            message: text.into(),
            origin: whole,
        });
        let outcome = outcome(vec![hostile], files);
        for format in Format::ALL {
            let report = super::text(format, &outcome, &Options::default()).unwrap();
            nothing_acts(format, &report);
        }
    });
}

fn nothing_acts(format: Format, report: &str) {
    let acting = |letter: char| acts_on_terminal(letter) && !matches!(letter, '\n' | '\t');
    let acting = report.chars().find(|letter| acting(*letter));
    assert_eq!(acting, None, "{format:?}");
    assert!(!report.contains("##["), "{format:?}");
    assert!(!report.to_lowercase().contains("##vso["), "{format:?}");
    for line in report.lines() {
        let command = line.trim_start().strip_prefix("::");
        let own = |command: &str| {
            let name = command.split([' ', ':']).next().unwrap_or_default();
            format == Format::Github && matches!(name, "error" | "warning" | "notice")
        };
        assert!(command.is_none_or(own), "{format:?}: {line}");
    }
    match format {
        Format::Json | Format::Sarif | Format::Gitlab => {
            let _: Value = serde_json::from_str(report).unwrap();
        }
        Format::Html | Format::Junit => assert!(!report.contains("<x-canary"), "{format:?}"),
        _ => {}
    }
}

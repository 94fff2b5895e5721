//! Reads the whole configuration: every mistake at once, in the order of the file.

use super::Config;
use super::keys::KEYS;
use super::options::KnownRule;
use super::read::{ConfigProblem, Reader};
use crate::source::{EntryKind, Source};
use crate::yaml::Node;
use crate::yaml::read::Documents;

/// The wrong name that is nothing but a configuration.
const SECOND: &str = ".gitops-lint.yml";

/// Wrong names that people give the configuration.
const MISNAMED: [&str; 5] = [
    SECOND,
    ".gitops-lint.json",
    "gitops-lint.yaml",
    "gitops-lint.yml",
    "gitops-lint.json",
];

/// A second configuration beside the one that is read. Files with the other wrong names may be
/// something else beside it, such as a report.
pub fn second(source: &dyn Source) -> Option<&'static str> {
    (source.kind(SECOND) == Some(EntryKind::File)).then_some(SECOND)
}

/// A file at the root that looks like the configuration, but has a name that is not read.
pub fn misnamed(source: &dyn Source) -> Option<&'static str> {
    MISNAMED
        .into_iter()
        .find(|name| source.kind(name) == Some(EntryKind::File))
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Every mistake, in the order of the file.
    pub fn load(
        documents: &Documents,
        rules: &[KnownRule<'_>],
    ) -> Result<Config, Vec<ConfigProblem>> {
        let mut reader = Reader {
            problems: Vec::new(),
            rules,
        };
        for duplicate in &documents.duplicate_keys {
            reader.refuse(
                duplicate.second,
                format!("duplicate key `{}`", duplicate.key),
                "remove one of the two",
            );
        }
        let all = documents.documents.iter();
        let filled: Vec<&Node> = all.filter(|node| !node.is_null()).collect();
        let mut config = Config::default();
        if let Some(document) = filled.first() {
            reader.config(document, &mut config);
        }
        if let Some(second) = filled.get(1) {
            reader.refuse(
                second.origin,
                "the configuration must be a single YAML document",
                "remove the line `---`",
            );
        }
        reader
            .problems
            .sort_by_key(|problem| (problem.origin.start, problem.origin.end));
        if reader.problems.is_empty() {
            Ok(config)
        } else {
            Err(reader.problems)
        }
    }
}

impl Reader<'_> {
    fn config(&mut self, document: &Node, config: &mut Config) {
        let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        let Some(fields) = self.fields(document, "the configuration", &names) else {
            return;
        };
        for key in KEYS {
            if let Some(node) = fields.get(key.name) {
                (key.read)(self, node, config);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DurationOption, Level, More, RuleOption, TextsOption};
    use crate::yaml::{FileId, Origin, read};
    use proptest::prelude::*;

    static FLOATING: TextsOption = TextsOption {
        name: "floating",
        summary: "tags",
        default: &[],
        more: More::Tightens,
    };
    static AT_LEAST: DurationOption = DurationOption {
        name: "atLeast",
        summary: "time",
        more: More::Tightens,
    };
    static RULES: &[KnownRule<'static>] = &[
        KnownRule {
            id: "mutable-tag",
            suppressible: true,
            options: &[RuleOption::Texts(&FLOATING)],
        },
        KnownRule {
            id: "insufficient-soak",
            suppressible: true,
            options: &[RuleOption::Duration(&AT_LEAST)],
        },
        KnownRule {
            id: "overlay-drift",
            suppressible: true,
            options: &[],
        },
        KnownRule {
            id: "plaintext-secret",
            suppressible: true,
            options: &[],
        },
        KnownRule {
            id: "loosened-check",
            suppressible: false,
            options: &[],
        },
    ];

    fn load(text: &str) -> Result<Config, Vec<String>> {
        let documents = read::read(text, FileId(0)).unwrap();
        let line = |origin: Origin| text[..origin.start as usize].matches('\n').count() + 1;
        let shown = |problem: ConfigProblem| {
            format!(
                "{}: {}; {}",
                line(problem.origin),
                problem.message,
                problem.help.unwrap_or_default()
            )
        };
        Config::load(&documents, RULES)
            .map_err(|problems| problems.into_iter().map(shown).collect())
    }

    #[test]
    fn a_whole_configuration_is_read() {
        let config = load(
            r#"
version: 1
environments:
  - {name: dev, aliases: [Play]}
  - {name: staging, kubernetes: "1.33"}
  - {name: production, aliases: [live], protected: true}
layout:
  - path: "deploy/{environment}/{variant}/{app}"
  - {path: "sandbox/**", ignore: true}
pairs:
  - {from: apps/api/overlays/staging-eu/, to: apps/api/overlays/production}
rules:
  overlay-drift: off
  mutable-tag: {level: error, floating: [edge]}
  policy/main/deny: warning
drift:
  kinds: [HelmRelease]
  allow:
    - {kind: Deployment, name: api, path: /spec/x, reason: "dedicated nodes", until: 2027-01-31}
external:
  - {kind: Secret, name: registry-credentials, environments: [production]}
images:
  mirrors: [{from: ghcr.io/acme, to: registry.internal/acme}]
bots: ["*[bot]"]
remotes: {"https://github.com/acme/bases//web?ref=v3": vendor/bases/web}
charts:
  - {name: redis, release: cache, path: "apps/*/overlays/production", version: "18.1.0", output: vendor/redis/}
policies: [builtin/digest-required]
data: [policies/data.yaml]
suppress:
  - {rule: plaintext-secret, path: "apps/demo/**", reason: "public test key", until: 2027-06-30}
"#,
        )
        .unwrap();
        assert_eq!(
            config.environments[0].aliases,
            ["play", "development", "develop", "sandbox", "sbx"]
        );
        assert!(
            config.environments[2].protected
                && config.environments[2].aliases.contains(&"prd".to_string())
        );
        assert_eq!(config.rules["overlay-drift"].level, Some(Level::Off));
        assert!(config.texts("mutable-tag", &FLOATING) == ["edge"]);
        assert_eq!(config.pairs[0].from, "apps/api/overlays/staging-eu");
        assert_eq!(
            config.drift_allow[0].until,
            Some(jiff::civil::date(2027, 1, 31))
        );
        assert_eq!(
            config.mirrors.len()
                + config.remotes.urls.len()
                + config.suppress.len()
                + config.external.len(),
            4
        );
        assert_eq!(
            (
                &*config.remotes.charts[0].name,
                &*config.remotes.charts[0].output
            ),
            ("redis", "vendor/redis")
        );
    }

    #[test]
    fn copies_lie_inside_the_repository() {
        let problems = load(
            "remotes:
  ../base: vendor
  https://github.com/acme/bases: ../vendor
charts:
- {name: redis}
- {name: a, output: /tmp/x, path: '['}
- {chart: a}
",
        )
        .unwrap_err();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        2: `../base` is not the URL of a remote base or file; write it as https://github.com/acme/bases//web?ref=v3
        3: a copy must lie inside the repository, but `../vendor` does not; write the path relative to the root of the repository
        5: an entry of `charts` needs `output`; add `output:`
        6: output must lie inside the repository, but `/tmp/x` does not; write the path relative to the root of the repository
        6: invalid glob `[`: unclosed character class; missing ']'; `*` matches within one folder, `**` across folders
        7: an entry of `charts` needs `name`; add `name:`
        7: an entry of `charts` needs `output`; add `output:`
        7: unknown key `chart` in an entry of `charts`; expected `name`, `release`, `path`, `version` or `output`
        "#);
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let problems = load(
            "version: 2\nrule: {}\nrules:\n  mutable-tags: error\n  mutable-tag: {level: eror, floting: []}\nexternal:\n- {kind: Secret, environments: [prodution]}\nsuppress:\n- {rule: plaintext-secret, path: x}\n- {rule: nothing, path: \"[\", reason: y, until: soon}\nfreeze:\n- {name: x, schedule: \"0 16 * * 8\", duration: 1h}\n- {name: y, from: 2026-12-20, to: 2026-12-19, timeZone: Europe/Atlantis}\nevidence: []\nbots: me\n",
        )
        .unwrap_err();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        1: unsupported version of the configuration format; write `version: 1`
        2: unknown key `rule` in the configuration; did you mean `rules`?
        4: unknown rule `mutable-tags`; did you mean `mutable-tag`?
        5: unknown level `eror`; did you mean `error`?
        5: unknown key `floting` in the rule `mutable-tag`; did you mean `floating`?
        7: an external object needs `name`; add `name:`
        7: unknown environment `prodution`; did you mean `production`?
        9: a suppression needs `reason`; add `reason:`
        10: unknown rule `nothing`; expected `mutable-tag`, `insufficient-soak`, `overlay-drift`, `plaintext-secret` or `loosened-check`
        10: invalid glob `[`: unclosed character class; missing ']'; `*` matches within one folder, `**` across folders
        10: until must be a date, but `soon` is not one; write it as 2027-01-31
        12: `8` is not a valid day of the week; write a number from 0 to 7
        13: `Europe/Atlantis` is not a time zone; write a name such as Europe/Berlin or UTC
        14: `evidence` must be a map, but it is a list; 
        15: `bots` must be a list, but it is the text `me`;
        "#);
    }

    #[test]
    fn every_mistake_in_a_freeze_is_told_with_its_line() {
        let problems = load(
            r#"
freeze:
- {name: both, from: 2026-12-20, to: 2026-12-24, schedule: "0 16 * * 5", duration: 1h}
- {name: backwards, from: 2026-12-20, to: 2026-12-19}
- {name: zone, from: 2026-12-20, to: 2026-12-24, timeZone: CEST}
- {name: hour, schedule: "0 25 * * *", duration: 1h}
- {name: length, schedule: "0 2 * * *", duration: 1 day}
- {name: count, rrule: "FREQ=DAILY;COUNT=3", duration: 1h}
- {name: rule, rrule: "FREQ=WEEKLY", duration: 1h}
- {name: kind, kind: forbid, from: 2026-12-20, to: 2026-12-24}
- {name: where, from: 2026-12-20, to: 2026-12-24, environments: [prodution]}
- {from: 2026-12-20, to: 2026-12-24}
breakGlass: {}
dependencies: [{app: api}]
"#,
        )
        .unwrap_err();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        3: a freeze needs either `from` and `to`, or `schedule` or `rrule` with `duration`; write one of the two
        4: this freeze ends before it begins; exchange `from` and `to`
        5: `CEST` is not a time zone; write a name such as Europe/Berlin or UTC
        6: `25` is not a valid hour; write a number from 0 to 23
        7: `1 day` is not a duration; write it as 64h, 90m or 2d
        8: COUNT needs a day to count from; write the first day as `from`
        9: FREQ=WEEKLY does not say on which days it recurs; add BYDAY, BYMONTHDAY or BYMONTH, or write the first day as `from`
        10: unknown kind of freeze `forbid`; write `deny` or `allow`
        11: unknown environment `prodution`; did you mean `production`?
        12: a freeze needs `name`; add `name:`
        13: `breakGlass` needs `trailer`; add `trailer:`
        14: a dependency needs `needs`; add `needs:`
        "#);
    }

    #[test]
    fn a_freeze_by_date_cron_and_rule_is_read() {
        let config = load(
            r#"
freeze:
- {name: a, from: 2026-12-20T00:00, to: 2027-01-04T08:00, timeZone: Europe/Berlin}
- {name: b, schedule: "0 16 * * 5", duration: 64h, kind: allow}
- {name: c, rrule: "FREQ=MONTHLY;BYDAY=-1FR", duration: 24h}
- {name: d, rrule: "FREQ=WEEKLY;INTERVAL=2", from: 2026-11-02T09:00, duration: 8h, timeZone: Europe/Berlin}
"#,
        );
        assert_eq!(config.unwrap().freeze.len(), 4);
    }

    #[test]
    fn entries_without_an_effect_are_refused() {
        let problems = load(
            r#"environments:
- dev
- {name: staging, aliases: [prod, dev, stg]}
- {name: qa, aliases: [stg], kubernetes: "1.99"}
- {name: production, protected: 'yes'}
- Production
layout:
- {path: "apps/{app}/{environment}/kustomization.yaml"}
- {path: "**/{app}/{environment}"}
- {path: "apps/{app}-{environment}"}
- {path: "./sandbox/**", ignore: true}
pairs:
- {from: ./a/prod, to: a/prod/}
- {from: a/qa, to: b}
- {from: a/dev, to: b}
rules: {mutable-tag: [error], overlay-drift: ""}
drift:
  kinds: [ingress]
  allow:
  - {kind: "*", path: "/*", reason: x}
external: [{kind: secret, name: x, environments: []}]
images: {mirrors: [{from: a, to: a}]}
breakGlass: {trailer: "Emergency change:"}
dependencies: [{app: api, needs: [web, api]}]
freeze:
- {name: never, schedule: "0 0 31 2 *", duration: 1d, apps: []}
suppress:
- {rule: loosened-check, path: "apps/**", reason: x}
- {rule: mutable-tag, path: "**", reason: x}
- {rule: mutable-tag, path: "/apps/**", reason: x}
"#,
        )
        .unwrap_err();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        3: the alias `prod` of `staging` is a word for the protected environment `production`; remove it, so that folders named `prod` belong to `production`
        3: the alias `dev` of `staging` is the name of `dev`; remove it, so that folders named `dev` belong to `dev`
        4: the alias `stg` of `qa` is also an alias of `staging`; remove it, so that folders named `stg` belong to `staging`
        4: Kubernetes `1.99` is not known here; 1.25 to 1.37 are; write a known version, such as "1.37", or update gitops-lint
        5: protected must be `true` or `false` without quotes, but it is the text `yes`; 
        6: the environment `Production` is listed twice; remove one of them
        8: `apps/{app}/{environment}/kustomization.yaml` names a file; name the folder of the kustomization
        9: a path with placeholders can only have `*` as a whole segment; write one segment for each folder: `*/{app}/{environment}`
        10: `{app}-{environment}` mixes a placeholder with other text; write a placeholder for the whole segment; words beside that of the environment become the variant
        11: `./sandbox/**` matches no path; write it relative to the root: `sandbox/**`
        13: this pair compares an overlay with itself; write the overlay of the earlier environment as `from`
        15: `b` is already compared with another overlay; remove one of the two entries
        16: the level of `mutable-tag` must be off, info, warning or error, but it is a list; 
        16: the level of `overlay-drift` must be off, info, warning or error, but it is the text ``; 
        18: `ingress` is not a kind, because kinds begin with a capital letter; write it as manifests do, such as `Ingress`
        20: this entry allows every difference; add a kind, name, path or app
        21: `secret` is not a kind, because kinds begin with a capital letter; write it as manifests do, such as `Secret`
        21: environments is an empty list; fill it in, or remove the key, which then stands for all
        22: this mirror has the name of the original; write the registry that holds the copies as `to`
        23: `Emergency change:` cannot be the name of a commit trailer; use letters, digits and hyphens only, such as `Emergency-change`
        24: this entry says that the app `api` needs itself; remove it from `needs`
        26: `0 0 31 2 *` names a day that does not exist; write a day of the month that one of the months has
        26: apps is an empty list; fill it in, or remove the key, which then stands for all
        28: findings of `loosened-check` cannot be suppressed; remove the entry; a reviewer has to approve what the rule reports
        29: this entry accepts every finding of the rule; add a path, kind or name, or switch the rule off
        30: `/apps/**` matches no path; write it relative to the root: `apps/**`
        "#);
    }

    #[test]
    fn options_of_rules_are_typed() {
        let problems = load(
            "rules:\n  mutable-tag: {floating: {edge: true}}\n  insufficient-soak: {atLeast: soon}\n",
        )
        .unwrap_err();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        2: `floating` must be a list, but it is a map; 
        3: `soon` is not a duration; write it as 64h, 90m or 2d
        "#);
        let config = load("rules: {mutable-tag: {floating: edge}}").unwrap();
        assert_eq!(config.texts("mutable-tag", &FLOATING), ["edge"]);
        assert_eq!(Config::default().texts("mutable-tag", &FLOATING), [""; 0]);
    }

    #[test]
    fn no_error_offers_a_key_that_is_refused() {
        let every = load("nothing-like-it: 1").unwrap_err().join("\n");
        for key in KEYS {
            assert!(every.contains(key.name), "{}", key.name);
        }
        assert!(!every.contains("proofs"));
    }

    #[test]
    fn a_configuration_of_another_name_is_noticed() {
        use crate::source::memory::Memory;
        for name in [".gitops-lint.yml", ".gitops-lint.json", "gitops-lint.yaml"] {
            assert_eq!(misnamed(&Memory::new([(name, "version: 1")])), Some(name));
        }
        assert_eq!(
            misnamed(&Memory::new([(crate::config::CONFIG_FILE, "version: 1")])),
            None
        );
    }

    #[test]
    fn nothing_is_a_good_configuration() {
        assert!(load("").is_ok() && load("# only a comment\n").is_ok());
        assert!(load("a: 1\n---\nb: 1\n").is_err());
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(text in "(version|rules|drift|suppress|external|layout|environments|pairs|images)?: ?[\\[{]?[a-z:,\\- 0-9\n\"*]{0,40}[\\]}]?") {
            if let Ok(documents) = read::read(&text, FileId(0)) {
                let _ = Config::load(&documents, RULES);
            }
        }
    }

    #[test]
    fn fuzz_configuration() {
        let words = &[
            "version: 1\n",
            "environments:\n",
            "- name: ",
            "production",
            "staging",
            "  path: ",
            "\"apps/*/x\"",
            "\n",
            "rules:\n",
            "  mutable-tag: ",
            "error",
            "off",
            "{floating: [a]}",
            "pairs:\n",
            "- {from: a, to: b}\n",
            "freeze:\n",
            "bots: [",
            "]",
            "allow:\n",
            "until: 2026-01-01",
            "external:\n",
            "policies: [p]\n",
            "overlays:\n",
            "clusters:\n",
            "suppress:\n",
            "null",
            "[]",
            "{}",
            "- ",
            ": ",
            "protected: true\n",
            "kubernetes: 1.30\n",
            "remotes:\n",
            "drift:\n",
            "*",
            "{",
            "}",
        ];
        let examples = [
            "version: 1\nenvironments:\n- {name: staging, path: 'apps/*/staging'}\n- name: production\n  protected: true\n",
            "version: 1\nrules:\n  mutable-tag: {level: warning}\nbots: [renovate]\npolicies: [policies]\n",
            "version: 1\nfreeze:\n- {from: 2026-12-20, until: 2027-01-02, reason: holidays}\n",
        ];
        crate::fuzz::run("configuration", &examples, words, |text| {
            let Ok(documents) = read::read(text, FileId(0)) else {
                return;
            };
            if let Err(problems) = Config::load(&documents, &[]) {
                assert!(!problems.is_empty());
            }
        });
    }
}

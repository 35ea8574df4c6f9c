//! Applying forms: what changes, what stays, what is refused, and the words for it.

use cxroute_core::config::{AgentField, GateKeys};
use cxroute_core::id::TenantId;
use cxroute_core::seal::{Keyring, MasterKey};
use cxroute_core::secret::Vault as _;

use super::{Bench, EXAMPLE, Form, Mode};

/// A tenant with one agent, and what follows.
fn with(rest: &str) -> String {
    format!(
        "tenant: {{ name: E, domain: e.net }}\n\
         agents: [{{ name: A, provider: retell, service_value: v }}, {{ name: B, provider: vapi, service_value: w }}]\n\
         groups: [{{ name: G, strategy: priority, members: [{{ agent: A }}] }}]\n{rest}"
    )
}

#[tokio::test]
async fn a_file_creates_its_tenant_and_applying_it_again_changes_nothing() {
    let bench = Bench::new();
    let first = bench.apply(&Form::parse(EXAMPLE).unwrap(), Mode::Commit).await.unwrap();
    assert_eq!(
        first.changes,
        [
            "tenant \"Example\" (example.cloudonix.net): created",
            "tenant \"Example\": webhook keys changed (0 → 1)",
            "pool \"vapi-main\": created",
            "agent \"Retell desk\": created",
            "agent \"Vapi backup\": created",
            "group \"Support\": created",
            "inbound rule \"+1234567890\" (priority 1): created",
            "outbound rule \"*\" to \"+1*\": created",
        ]
    );
    let again = bench.apply(&Form::parse(EXAMPLE).unwrap(), Mode::Commit).await.unwrap();
    assert_eq!((again.changes.len(), again.revision), (0, first.revision));
}

#[tokio::test]
async fn a_dry_run_tells_the_same_and_saves_nothing() {
    let bench = Bench::new();
    let form = Form::parse(EXAMPLE).unwrap();
    let told = bench.apply(&form, Mode::DryRun).await.unwrap();
    assert_eq!(told.revision, None);
    let done = bench.apply(&form, Mode::Commit).await.unwrap();
    assert_eq!(told.changes, done.changes);
    let before = bench.stored().await;
    let changed = Form::parse(&EXAMPLE.replace("capacity: 2", "capacity: 3")).unwrap();
    let told = bench.apply(&changed, Mode::DryRun).await.unwrap();
    assert_eq!(told.changes, ["group \"Support\": member \"Retell desk\" capacity 2 → 3"]);
    assert_eq!(bench.stored().await, before);
}

#[tokio::test]
async fn changes_are_told_in_words_without_secrets_and_ids_stay() {
    let bench = Bench::new();
    bench.changes(EXAMPLE).await;
    let before = bench.stored().await;
    let edited = EXAMPLE
        .replace("retention_days: 400", "retention_days: 30")
        .replace("max_concurrent_calls: 10", "max_concurrent_calls: 5")
        .replace("password: hunter2, pool: vapi-main", "password: hunter3, max_concurrent_calls: 4")
        .replace("fallback: { agent: Vapi backup }", "fallback: { say: Closed }")
        .replace("{ group: Support }, priority: 1", "{ agent: Vapi backup }, priority: 2")
        .replace("trunks: [outbound-trunk]", "trunks: [a, b], strip: 1");
    assert_eq!(
        bench.changes(&edited).await,
        [
            "tenant \"Example\": settings.retention_days 400 → 30",
            "pool \"vapi-main\": max_concurrent_calls 10 → 5",
            "agent \"Vapi backup\": max_concurrent_calls null → 4, pool \"vapi-main\" → null, password changed",
            "group \"Support\": settings.fallback.say null → \"Closed\", settings.fallback.agent \"Vapi backup\" → null",
            "inbound rule \"+1234567890\" (priority 2): target group \"Support\" → agent \"Vapi backup\", priority 1 → 2",
            "outbound rule \"*\" to \"+1*\": trunk_config.strip null → 1, trunk_config.trunks [\"outbound-trunk\"] → [\"a\",\"b\"]",
        ]
    );
    let after = bench.stored().await;
    assert_eq!(after.revision, before.revision + 1);
    assert_eq!(after.agents[1].id, before.agents[1].id);
    assert_eq!(after.inbound_rules[0].id, before.inbound_rules[0].id);
    assert_eq!(after.outbound_rules[0].id, before.outbound_rules[0].id);
}

#[tokio::test]
async fn a_list_that_is_given_is_complete_and_one_that_is_absent_is_untouched() {
    let bench = Bench::new();
    bench.changes(EXAMPLE).await;
    let before = bench.stored().await;
    assert_eq!(bench.changes("tenant: { name: Example, domain: example.cloudonix.net }").await.len(), 0);
    assert_eq!(bench.stored().await, before);
    let emptied =
        "tenant: { name: Renamed, domain: example.cloudonix.net }\ninbound_rules: []\noutbound_rules: []";
    assert_eq!(
        bench.changes(emptied).await,
        [
            "tenant \"Renamed\": name \"Example\" → \"Renamed\"",
            "inbound rule \"+1234567890\" (priority 1): deleted",
            "outbound rule \"*\" to \"+1*\": deleted",
        ]
    );
    let after = bench.stored().await;
    assert!(after.inbound_rules.is_empty() && after.agents == before.agents && after.groups == before.groups);
}

#[tokio::test]
async fn a_secret_that_is_absent_is_kept_and_null_clears_it() {
    let bench = Bench::new();
    let file = |keys: &str, agent: &str| {
        format!(
            "tenant: {{ name: E, domain: e.net }}\n{keys}\n\
             agents: [{{ name: A, provider: retell, service_value: v{agent} }}]"
        )
    };
    bench
        .changes(&file(
            "webhook_keys: [new, old]\nsignature_secret: sign",
            ", username: me, password: hunter2",
        ))
        .await;
    assert_eq!(bench.changes(&file("", "")).await.len(), 0);
    assert_eq!(bench.changes(&file("webhook_keys: [old, new]", ", password: hunter2")).await.len(), 0);
    let stored = bench.stored().await;
    let (id, row) = (TenantId::new(1), stored.agents[0].id.to_string());
    let open = |place, sealed: &Option<_>| {
        bench.keyring.open(place, sealed.as_ref().unwrap()).unwrap().expose().to_owned()
    };
    assert_eq!(open(AgentField::Password.place(id, &row), &stored.agents[0].password), "hunter2");
    assert_eq!(open(GateKeys::signature_place(id, "1"), &stored.tenant.keys.signature_secret), "sign");
    assert!(bench.keyring.webhook_keys().admits(id, b"old", &stored.tenant.keys.webhook_keys));
    assert_eq!(
        bench
            .changes(&file("webhook_key: null\nsignature_secret: null", ", username: null, password: null"))
            .await,
        [
            "tenant \"E\": webhook keys changed (2 → 0), signature_secret cleared",
            "agent \"A\": username cleared, password cleared",
        ]
    );
    let stored = bench.stored().await;
    assert_eq!((stored.agents[0].password.as_ref(), stored.tenant.keys), (None, GateKeys::default()));
}

#[tokio::test]
async fn a_secret_that_is_given_again_after_a_rotation_is_sealed_with_the_current_master_key() {
    let mut bench = Bench::new();
    let file = "tenant: { name: E, domain: e.net }\nwebhook_key: k\n\
                agents: [{ name: A, provider: retell, service_value: v, password: hunter2 }]";
    bench.changes(file).await;
    bench.keyring = Keyring::new(MasterKey::new([2; 32]), [MasterKey::new([1; 32])]);
    assert_eq!(
        bench.changes(file).await,
        [
            "tenant \"E\": webhook keys changed (1 → 1)",
            "agent \"A\": service_value sealed with the current master key, password sealed with the current master key",
        ]
    );
    bench.keyring = Keyring::new(MasterKey::new([2; 32]), []);
    assert_eq!(bench.changes(file).await.len(), 0);
}

#[tokio::test]
async fn a_refused_file_changes_nothing_and_leaves_no_empty_tenant() {
    let bench = Bench::new();
    let wrong = with("inbound_rules: [{ pattern: 1, target: { group: H } }]");
    assert_eq!(
        bench.refusal(&wrong).await,
        "line 4: inbound rule \"1\": target: there is no group named \"H\""
    );
    let applied = bench.apply(&Form::parse(&with("")).unwrap(), Mode::Commit).await.unwrap();
    assert_eq!(applied.changes[0], "tenant \"E\" (e.net): created");
}

#[tokio::test]
async fn what_is_wrong_across_entries_is_refused_with_lines_and_names() {
    let bench = Bench::new();
    bench.changes(&with("inbound_rules: [{ pattern: 5, target: { agent: B } }]")).await;
    for (yaml, expected) in [
        (
            with("pools: [{ name: P }, { name: P }]"),
            "line 4: pools: the name \"P\" is there already, on line 4",
        ),
        (
            with(
                "inbound_rules:\n- { pattern: '+1', target: { agent: A } }\n- { pattern: '1', target: { agent: B } }",
            ),
            "line 6: inbound_rules: pattern \"1\" at priority 100 is there already, on line 5",
        ),
        (
            with(
                "outbound_rules:\n- { caller_id: '*', destination_pattern: '1', trunk_config: { timeout: 1 } }",
            ),
            "line 5: outbound_rules: trunk_config.timeout: expected 5 to 600 s, got 1",
        ),
        (
            with("").replace("strategy: priority", "strategy: priority, settings: { ring_timeout: 1 }"),
            "line 3: group \"G\": settings.ring_timeout: expected 5 to 600, got 1",
        ),
        (
            with("")
                .replace("strategy: priority", "strategy: priority, settings: { fallback: { group: G } }"),
            "line 3: group \"G\": its fallback leads back to itself",
        ),
        (
            with("").replace("[{ agent: A }]", "[{ agent: A }, { agent: A }]"),
            "line 3: group \"G\": the member \"A\" is there already, on line 3",
        ),
        (
            with("").replace("{ agent: A }", "{ agent: C }"),
            "line 3: group \"G\": members: there is no agent named \"C\"",
        ),
        (
            "tenant: { name: E, domain: e.net }\nagents: [{ name: B, provider: vapi, service_value: w }]"
                .to_owned(),
            "agent \"A\" is not in agents any more, but it is a member of group \"G\"",
        ),
        (
            "tenant: { name: E, domain: e.net }\ngroups: []\nagents: []".to_owned(),
            "agent \"B\" is not in agents any more, but it is the target of inbound rule \"5\"",
        ),
        (
            "tenant: { name: E, domain: e.net }\nwebhook_keys: [k, k]".to_owned(),
            "webhook_keys: one key is there twice",
        ),
        (
            "tenant: { name: E, domain: e.net, settings: { timezone: Mars/Base } }".to_owned(),
            "settings.timezone: expected an IANA time zone such as \"Europe/Berlin\", got \"Mars/Base\"",
        ),
    ] {
        assert_eq!(bench.refusal(&yaml).await, expected, "{yaml}");
    }
}

#[tokio::test]
async fn rules_that_swap_places_are_updates_of_the_rules_in_those_places() {
    let bench = Bench::new();
    let rules = |first: &str, second: &str| {
        with(&format!(
            "inbound_rules:\n- {{ pattern: '1*', priority: 1, target: {{ agent: {first} }} }}\n\
             - {{ pattern: '1*', priority: 2, target: {{ agent: {second} }} }}"
        ))
    };
    bench.changes(&rules("A", "B")).await;
    let before = bench.stored().await.inbound_rules;
    assert_eq!(
        bench.changes(&rules("B", "A")).await,
        [
            "inbound rule \"1*\" (priority 1): target agent \"A\" → agent \"B\"",
            "inbound rule \"1*\" (priority 2): target agent \"B\" → agent \"A\"",
        ]
    );
    let after = bench.stored().await.inbound_rules;
    assert!(before.iter().zip(&after).all(|(old, new)| (old.id, old.priority) == (new.id, new.priority)));
    let moved = rules("B", "A").replace("priority: 1", "priority: 7");
    assert_eq!(bench.changes(&moved).await, ["inbound rule \"1*\" (priority 7): priority 1 → 7"]);
}

#[tokio::test]
async fn another_spelling_of_a_pattern_is_no_change() {
    let bench = Bench::new();
    bench.changes(&with("inbound_rules: [{ pattern: '+1 (212) [0-9]*', target: { agent: A } }]")).await;
    let respelled = with("inbound_rules: [{ pattern: '1212?*', target: { agent: A } }]");
    assert_eq!(bench.changes(&respelled).await.len(), 0);
}

#[tokio::test]
async fn rules_that_can_never_win_and_unknown_providers_are_taken_with_a_warning() {
    let bench = Bench::new();
    let yaml = with(
        "inbound_rules:\n- { pattern: '*', priority: 1, target: { agent: A } }\n\
         - { pattern: '+1234', priority: 2, target: { agent: B } }",
    )
    .replace("provider: vapi", "provider: newvendor");
    let applied = bench.apply(&Form::parse(&yaml).unwrap(), Mode::Commit).await.unwrap();
    assert_eq!(
        applied.warnings,
        [
            "agent \"B\": provider \"newvendor\" is not one that Cloudonix is known to have",
            "inbound rule \"+1234\" (priority 2) can never win: shadowed_by inbound rule \"*\" (priority 1)",
        ]
    );
}

#[tokio::test]
async fn a_rule_for_each_of_thousands_of_numbers_is_applied_changed_and_deleted() {
    let bench = Bench::new();
    let list = |agent: &str, count: u32| {
        let mut rules = String::from("inbound_rules:\n");
        for number in 0..count {
            use std::fmt::Write as _;
            writeln!(rules, "- {{ pattern: '1{number:07}*', target: {{ agent: {agent} }}, priority: 1 }}")
                .unwrap();
        }
        with(&rules)
    };
    assert_eq!(bench.changes(&list("A", 5_000)).await.len(), 5_004);
    assert_eq!(bench.changes(&list("B", 5_000)).await.len(), 5_000);
    assert_eq!(bench.changes(&list("B", 1)).await.len(), 4_999);
    assert_eq!(bench.stored().await.inbound_rules.len(), 1);
}

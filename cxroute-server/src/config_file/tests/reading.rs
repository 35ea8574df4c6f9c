//! Reading the form.

use super::super::form::TargetForm;
use super::{EXAMPLE, Form};
use crate::config_file::Given;

/// The refusal of `rest` behind a good tenant, which is line 1.
fn refusal(rest: &str) -> String {
    let yaml = format!("tenant: {{ name: E, domain: e.net }}\n{rest}");
    Form::parse(&yaml).expect_err(rest).to_string()
}

#[test]
fn the_documented_form_is_read() {
    let form = Form::parse(EXAMPLE).unwrap();
    let agents = form.agents.unwrap();
    assert_eq!((agents[1].name.as_str(), agents[1].line), ("Vapi backup", Some(8)));
    assert!(matches!(agents[0].password, Given::Null) && matches!(agents[1].password, Given::Value(_)));
    let rule = &form.inbound_rules.unwrap()[0];
    assert!(matches!(&rule.target, TargetForm::Group(name) if name == "Support"));
    assert_eq!(rule.pattern.typed(), "+1234567890");
}

#[test]
fn only_what_the_contract_names_is_required() {
    let form = "tenant: { name: E, domain: E.net }\n\
        agents: [{ name: A, provider: x, service_value: v }]\n\
        pools: [{ name: P }]\n\
        groups: [{ name: G, strategy: priority, members: [{ agent: A }] }]\n\
        inbound_rules: [{ pattern: 3000, target: { agent: A } }]\n\
        outbound_rules: [{ caller_id: '*', destination_pattern: '*', trunk_config: {} }]\n";
    let form = Form::parse(form).unwrap();
    assert_eq!(form.tenant.domain.as_str(), "e.net");
    let rule = &form.inbound_rules.unwrap()[0];
    assert_eq!((rule.priority, rule.enabled, rule.pattern.typed()), (100, true, "3000"));
    let groups = form.groups.unwrap();
    let member = &groups[0].members.as_ref().unwrap()[0];
    assert_eq!((member.capacity.get(), member.enabled, member.priority), (1, true, None));
}

#[test]
fn absent_null_and_given_are_told_apart() {
    let read = |rest: &str| Form::parse(&format!("tenant: {{ name: E, domain: e.net }}\n{rest}")).unwrap();
    assert!(matches!(read("").webhook_key, Given::Absent) && read("").agents.is_none());
    assert!(matches!(read("webhook_key: null").webhook_key, Given::Null));
    assert!(matches!(read("webhook_keys: []").webhook_keys, Given::Value(keys) if keys.is_empty()));
    assert!(read("agents: []").agents.is_some_and(|agents| agents.is_empty()));
    for list in ["pools", "agents", "groups", "inbound_rules", "outbound_rules"] {
        for nothing in ["", " null", " ~"] {
            let refused = refusal(&format!("{list}:{nothing}\n"));
            assert!(
                refused.starts_with(&format!("line 2: {list}: expected a value, got nothing")),
                "{refused}"
            );
        }
    }
}

#[test]
fn a_refusal_names_line_and_path_and_what_was_expected() {
    let agent = "agents:\n- name: A\n  provider: retell\n  service_value: v\n";
    for (rest, expected) in [
        ("agent: []", "line 2: agent: unknown field `agent`, expected one of tenant, webhook_key,"),
        (
            &format!("{agent}  pasword: x"),
            "line 6: agents[0].pasword: unknown field `pasword`, expected one of name,",
        ),
        (&format!("{agent}  enabled: maybe"), "line 6: agents[0].enabled: invalid boolean"),
        (
            &format!("{agent}  max_concurrent_calls: -1"),
            "line 6: agents[0].max_concurrent_calls: expected a whole number",
        ),
        ("agents: [{ name: A, provider: x }]", "line 2: agents[0]: missing field `service_value`"),
        (
            "agents: [{ name: A, provider: x, service_value: '' }]",
            "line 2: agents[0].service_value: expected at least",
        ),
        (
            "agents: [{ name: A, provider: ' ', service_value: v }]",
            "line 2: agents[0].provider: expected a provider's name",
        ),
        (
            "groups: [{ name: G, strategy: fastest }]",
            "line 2: groups[0].strategy: unknown variant `fastest`, expected",
        ),
        (
            "groups: [{ name: G, strategy: priority, settings: { window: 1 } }]",
            "line 2: groups[0].settings.window: unknown",
        ),
        (
            "groups: [{ name: G, strategy: priority, settings: { fallback: { say: x, hangup: true } } }]",
            "line 2: groups[0].settings.fallback: fallback: expected exactly one of agent, group,",
        ),
        (
            "groups: [{ name: G, strategy: priority, members: [{ agent: A, capacity: 0 }] }]",
            "line 2: groups[0].members[0].capacity: capacity: expected 1 to 1000000, got 0",
        ),
        (
            "inbound_rules:\n- { pattern: '+1[x]', target: { group: G } }",
            "line 3: inbound_rules[0].pattern: expected a digit, a range such as `2-5`, or `]`, at offset 3 of \"+1[x]\"",
        ),
        (
            "inbound_rules: [{ pattern: 1, target: { pool: P } }]",
            "line 2: inbound_rules[0].target: unknown variant `pool`, expected one of agent, group",
        ),
        ("webhook_key: a\nwebhook_keys: [b]", "expected webhook_key or webhook_keys, got both"),
        ("pools: []\npools: []", "line 3: the key \"pools\" is there already"),
        ("---\nx: 1", "line 3: expected one document"),
    ] {
        let refused = refusal(rest);
        assert!(refused.starts_with(expected), "{rest}\n  {refused}\n  {expected}");
        assert!(!refused.contains('\n') && !refused.contains(" at line "), "{refused}");
    }
}

#[test]
fn a_refusal_never_quotes_a_secret() {
    let agent = "agents:\n- name: A\n  provider: retell\n  service_value: v\n  password:";
    for rest in [
        "webhook_key: *hunter2",
        "webhook_key: !!int hunter2",
        "webhook_key: !!binary hunter2",
        "webhook_key: [hunter2]",
        "webhook_keys: hunter2",
        "signature_secret: { hunter2: hunter2 }",
        "signature_secret: \"hunter2",
        "signature_secret: 'x' hunter2",
        &format!("{agent} hunter2: x"),
        &format!("{agent} &hunter2\n  enabled: hunter2"),
        &format!("{agent} hunter2\n oops"),
    ] {
        let refused = refusal(rest);
        assert!(!refused.contains("hunter2"), "{rest}: {refused}");
    }
    let form = Form::parse("tenant: { name: E, domain: e.net }\nwebhook_key: hunter2\n").unwrap();
    assert!(!format!("{form:?}").contains("hunter2"));
}

//! Laws over random forms: applying is idempotent, export followed by apply changes nothing, also through YAML, and
//! what is stored follows from the last file, whatever was stored before.

use cxroute_core::cloudonix::Provider;
use cxroute_core::config::{
    Capacity, CdrAuth, Domain, Fallback, GroupSettings, HealthSettings, RetryOutcome, Strategy as Pick,
    TenantSettings, TrunkConfig,
};
use cxroute_core::cxml::RejectReason;
use cxroute_core::pattern::TypedPattern;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Map, Value, json};

use super::super::form::{
    AgentForm, GroupForm, InboundForm, MemberForm, OutboundForm, PoolForm, TargetForm, TenantForm,
};
use super::super::{Given, Secret, export};
use super::{Bench, Form, Mode};

/// What YAML could take for something else than a text.
const ODD_NAMES: [&str; 29] = [
    "null",
    "~",
    "true",
    "no",
    "1",
    "0x1F",
    "1e3",
    "- a",
    "a: b",
    "#x",
    "'",
    "\"",
    " lead",
    "trail ",
    "é✓",
    "a\nb",
    "{x}",
    "*a",
    "&a",
    "!t",
    "%",
    "@",
    "|",
    ">",
    "2026-01-31",
    ".inf",
    "\u{7f}",
    "\t",
    "---",
];

/// Names that YAML is tempted to read as something else are among them.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-zA-Z][a-zA-Z0-9 _-]{0,11}", 1 => select(&ODD_NAMES[..]).prop_map(str::to_owned), 1 => "\\PC{1,20}"]
}

fn secret() -> impl Strategy<Value = Secret> {
    name().prop_filter_map("a secret is not empty", Secret::new)
}

fn given() -> impl Strategy<Value = Given<Secret>> {
    prop_oneof![
        Just(()).prop_map(|()| Given::Absent),
        Just(()).prop_map(|()| Given::Null),
        secret().prop_map(Given::Value)
    ]
}

fn metadata() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| json!(f64::from(n) / 8.0)),
        name().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(name(), inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    btree_map(name(), value, 0..3).prop_map(|map| map.into_iter().collect())
}

fn pattern() -> impl Strategy<Value = TypedPattern> {
    let text = prop_oneof![
        "\\+?[1-9][0-9]{0,3}\\*?",
        "[1-9]\\?\\[[2-5]-[5-9]\\]",
        "[a-z]{1,3}",
        Just("*".to_owned())
    ];
    text.prop_filter_map("a pattern", |text| TypedPattern::parse(&text).ok())
}

fn agent(name: String, pools: Vec<String>) -> impl Strategy<Value = AgentForm> {
    let provider = prop_oneof![Just("retell"), Just("deepdub"), Just("newvendor")];
    let pool = of(any::<Index>());
    (provider, secret(), given(), given(), any::<bool>(), of(0..50u32), pool, of(metadata())).prop_map(
        move |(
            provider,
            service_value,
            username,
            password,
            enabled,
            max_concurrent_calls,
            pool,
            metadata,
        )| AgentForm {
            name: name.clone(),
            provider: Provider::parse(provider).unwrap(),
            service_value,
            username,
            password,
            enabled,
            max_concurrent_calls,
            pool: pool.filter(|_| !pools.is_empty()).map(|index| index.get(&pools).clone()),
            metadata,
        },
    )
}

/// A fallback group comes later in the list: no circles, and of at most four groups no chain is too long.
fn fallback(agents: Vec<String>, later: Vec<String>) -> BoxedStrategy<Fallback<String, String>> {
    let plain = prop_oneof![
        ("[0-9]{1,9}", vec("[a-z]{1,5}", 0..3))
            .prop_map(|(number, trunks)| Fallback::Number { number, trunks }),
        name().prop_map(Fallback::Say),
        Just(Fallback::Reject(RejectReason::Busy)),
        Just(Fallback::Hangup),
    ];
    let mut choices = vec![plain.boxed()];
    for (names, make) in [(agents, Fallback::Agent as fn(_) -> _), (later, Fallback::Group)] {
        if !names.is_empty() {
            choices.push(select(names).prop_map(make).boxed());
        }
    }
    proptest::strategy::Union::new(choices).boxed()
}

fn settings(agents: Vec<String>, later: Vec<String>) -> impl Strategy<Value = GroupSettings<String, String>> {
    let retry = subsequence(vec![RetryOutcome::Busy, RetryOutcome::NoAnswer, RetryOutcome::Failed], 0..=3);
    let health = (1..=1_000u32, 1..=86_400u32);
    (1..=168u16, any::<bool>(), of(fallback(agents, later)), of(5..=600u16), 1..=20u16, retry, health)
        .prop_map(
            |(window_hours, fallback_enabled, fallback, ring_timeout, max_attempts, retry_on, health)| {
                GroupSettings {
                    window_hours,
                    fallback_enabled,
                    fallback,
                    ring_timeout,
                    max_attempts,
                    retry_on,
                    health: HealthSettings { max_consecutive_failures: health.0, cooldown_seconds: health.1 },
                }
            },
        )
}

fn group(name: String, agents: Vec<String>, later: Vec<String>) -> impl Strategy<Value = GroupForm> {
    let count = agents.len();
    let member = (of(0..9u32), 1..=1_000_000u32, any::<bool>(), of(0..9u32));
    let members = (subsequence(agents.clone(), 0..=count).prop_shuffle(), vec(member, count)).prop_map(
        |(agents, rest)| {
            let member = |(agent, (priority, capacity, enabled, max_concurrent_calls))| {
                let capacity = Capacity::new(capacity).unwrap();
                MemberForm { agent, priority, capacity, enabled, max_concurrent_calls }.into()
            };
            agents.into_iter().zip(rest).map(member).collect::<Vec<_>>()
        },
    );
    let pick = prop_oneof![Just(Pick::LoadBalanced), Just(Pick::Priority), Just(Pick::RoundRobin)];
    (pick, settings(agents, later), members).prop_map(move |(strategy, settings, members)| GroupForm {
        name: name.clone(),
        strategy,
        settings: Some(settings),
        members: Some(members),
    })
}

fn inbound(agents: Vec<String>, groups: Vec<String>) -> BoxedStrategy<Vec<InboundForm>> {
    let mut targets: Vec<fn(String) -> TargetForm> = Vec::new();
    let mut names = Vec::new();
    for (list, make) in [(agents, TargetForm::Agent as fn(_) -> _), (groups, TargetForm::Group)] {
        targets.extend(list.iter().map(|_| make));
        names.extend(list);
    }
    if names.is_empty() {
        return Just(()).prop_map(|()| Vec::new()).boxed();
    }
    let rule = (pattern(), any::<Index>(), 0..4u32, prop::bool::weighted(0.7)).prop_map(
        move |(pattern, index, priority, enabled)| InboundForm {
            pattern,
            target: targets[index.index(names.len())](names[index.index(names.len())].clone()),
            priority,
            enabled,
        },
    );
    vec(rule, 0..12)
        .prop_map(|mut rules| {
            let mut seen = std::collections::HashSet::new();
            rules.retain(|rule| {
                !rule.enabled || seen.insert((rule.pattern.pattern().to_string(), rule.priority))
            });
            rules
        })
        .boxed()
}

fn outbound() -> impl Strategy<Value = Vec<OutboundForm>> {
    let config =
        (vec("[a-z-]{1,8}", 0..3), of("[0-9+]{1,9}"), of(0..=32u8), of("[0-9]{1,4}"), of(5..=600u16))
            .prop_map(|(trunks, caller_id, strip, prepend, timeout)| TrunkConfig {
                trunks,
                caller_id,
                strip,
                prepend,
                timeout,
            });
    let rule = (pattern(), pattern(), config, any::<bool>()).prop_map(
        |(caller_id, destination_pattern, trunk_config, enabled)| OutboundForm {
            caller_id,
            destination_pattern,
            trunk_config,
            enabled,
        },
    );
    vec(rule, 0..6).prop_map(|mut rules| {
        let mut seen = std::collections::HashSet::new();
        rules.retain(|rule| {
            let patterns =
                (rule.caller_id.pattern().to_string(), rule.destination_pattern.pattern().to_string());
            !rule.enabled || seen.insert(patterns)
        });
        rules
    })
}

fn tenant() -> impl Strategy<Value = TenantForm> {
    let zone = select(&["UTC", "Europe/Berlin", "America/New_York"][..]);
    let auth = prop_oneof![Just(CdrAuth::Required), Just(CdrAuth::Optional)];
    (name(), zone, 1..=86_400u32, 1..=3_650u32, auth).prop_map(
        |(name, timezone, max_call_seconds, retention_days, cdr_auth)| TenantForm {
            name,
            domain: Domain::parse("e.net").unwrap(),
            settings: Some(TenantSettings {
                timezone: timezone.to_owned(),
                max_call_seconds,
                retention_days,
                cdr_auth,
            }),
        },
    )
}

/// Forms of one domain in which every list is given.
fn form() -> impl Strategy<Value = Form> {
    let names = (btree_set(name(), 0..3), btree_set(name(), 0..5), btree_set(name(), 0..4));
    names
        .prop_flat_map(|(pools, agents, groups)| {
            let (pools, agents, groups): (Vec<_>, Vec<_>, Vec<_>) =
                (pools.into_iter().collect(), agents.into_iter().collect(), groups.into_iter().collect());
            let pool_forms: Vec<_> = pools
                .iter()
                .cloned()
                .map(|name| {
                    of(0..9u32)
                        .prop_map(move |max| PoolForm { name: name.clone(), max_concurrent_calls: max })
                })
                .collect();
            let agent_forms: Vec<_> = agents.iter().map(|name| agent(name.clone(), pools.clone())).collect();
            let later = |index: usize| groups[index + 1..].to_vec();
            let group_forms: Vec<_> = (groups.iter().enumerate())
                .map(|(index, name)| group(name.clone(), agents.clone(), later(index)))
                .collect();
            let rules = (inbound(agents, groups.clone()), outbound());
            (tenant(), given(), given(), pool_forms, agent_forms, group_forms, rules)
        })
        .prop_map(|(tenant, webhook_key, signature_secret, pools, agents, groups, (inbound, outbound))| {
            Form {
                tenant,
                webhook_key,
                webhook_keys: Given::Absent,
                signature_secret,
                pools: Some(pools.into_iter().map(Into::into).collect()),
                agents: Some(agents.into_iter().map(Into::into).collect()),
                groups: Some(groups.into_iter().map(Into::into).collect()),
                inbound_rules: Some(inbound.into_iter().map(Into::into).collect()),
                outbound_rules: Some(outbound.into_iter().map(Into::into).collect()),
            }
        })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn applying_a_form_twice_changes_nothing_the_second_time(before in form(), form in form()) {
        block_on(async {
            let bench = Bench::new();
            bench.apply(&before, Mode::Commit).await.unwrap();
            let told = bench.apply(&form, Mode::DryRun).await.unwrap();
            let first = bench.apply(&form, Mode::Commit).await.unwrap();
            prop_assert_eq!(told.changes, first.changes);
            let stored = bench.stored().await;
            prop_assert_eq!(Some(stored.revision), first.revision);
            let second = bench.apply(&form, Mode::Commit).await.unwrap();
            prop_assert_eq!(second.changes, Vec::<String>::new());
            prop_assert_eq!(bench.stored().await, stored);
            Ok(())
        })?;
    }

    #[test]
    fn what_is_exported_is_no_change_and_holds_all_but_the_secrets(before in form(), form in form()) {
        block_on(async {
            let bench = Bench::new();
            bench.apply(&before, Mode::Commit).await.unwrap();
            bench.apply(&form, Mode::Commit).await.unwrap();
            let stored = bench.stored().await;
            let yaml = export(&stored, &bench.keyring).unwrap().to_yaml().unwrap();
            let read = Form::parse(&yaml).map_err(|error| TestCaseError::fail(format!("{error}\n{yaml}")))?;
            let applied = bench.apply(&read, Mode::Commit).await.unwrap();
            prop_assert_eq!(&applied.changes, &Vec::<String>::new(), "{}", yaml);
            prop_assert_eq!(bench.stored().await, stored);
            // Elsewhere it makes the same configuration, less the secrets: exported again it is the same text.
            let other = Bench::new();
            other.apply(&read, Mode::Commit).await.unwrap();
            let mut again = export(&other.stored().await, &other.keyring).unwrap();
            let mut once = export(&bench.stored().await, &bench.keyring).unwrap();
            for form in [&mut once, &mut again] {
                form.inbound_rules.iter_mut().flatten().for_each(|rule| rule.line = None);
            }
            prop_assert_eq!(sorted(&once), sorted(&again));
            Ok(())
        })?;
    }

    #[test]
    fn secrets_that_are_absent_stay_and_others_become_what_the_form_says(form in form()) {
        block_on(async {
            let bench = Bench::new();
            bench.apply(&form, Mode::Commit).await.unwrap();
            let stored = bench.stored().await;
            for agent in form.agents.iter().flatten() {
                let found = stored.agents.iter().find(|found| found.name == agent.name).unwrap();
                prop_assert_eq!(found.password.is_some(), matches!(agent.password, Given::Value(_)));
                prop_assert_eq!(found.username.is_some(), matches!(agent.username, Given::Value(_)));
            }
            let mut silent = form;
            silent.webhook_key = Given::Absent;
            silent.signature_secret = Given::Absent;
            for agent in silent.agents.iter_mut().flatten() {
                (agent.value.username, agent.value.password) = (Given::Absent, Given::Absent);
            }
            prop_assert_eq!(bench.apply(&silent, Mode::Commit).await.unwrap().changes, Vec::<String>::new());
            prop_assert_eq!(bench.stored().await, stored);
            Ok(())
        })?;
    }
}

/// The lines of a form's YAML form in an order of their own: ids order lists, and ids differ from store to store.
fn sorted(form: &Form) -> Vec<String> {
    let mut lines: Vec<String> =
        form.to_yaml().unwrap().lines().map(|line| line.replace("- ", "  ")).collect();
    lines.sort_unstable();
    lines
}

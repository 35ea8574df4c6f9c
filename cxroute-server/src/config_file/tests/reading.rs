use super::super::*;

#[test]
fn explore() {
    let base = "tenant: { name: E, domain: e.net }\n";
    for text in [
        "",
        "tenant: {name: E}",
        "tenant: { name: E, domain: 'e x' }",
        "tenant: { name: E, domain: e.net, retention: 5 }",
        "tenant: { name: E, domain: e.net, settings: {retention_days: -5} }",
        "tenant: { name: E, domain: e.net, settings: {retention_days: many} }",
        &format!(
            "{base}agents:\n  - name: A\n    provider: retell\n    service_value: x\n    pasword: hunter2\n"
        ),
        &format!(
            "{base}agents:\n  - name: A\n    provider: retell\n    service_value: x\n    password: [hunter2]\n"
        ),
        &format!(
            "{base}agents:\n  - name: A\n    provider: retell\n    service_value: x\n    password: hunter2: x\n"
        ),
        &format!(
            "{base}agents:\n  - name: A\n    provider: retell\n    service_value: x\n    password: \"hunter2\n"
        ),
        &format!(
            "{base}agents:\n  - name: A\n    provider: retell\n    service_value: x\n    enabled: hunter2\n"
        ),
        &format!("{base}agents:\n  - name: A\n    provider: retell\n    service_value: ''\n"),
        &format!("{base}agents:\n  - name: A\n    provider: retell\n"),
        &format!("{base}agents:\n"),
        &format!("{base}agents: {{}}\n"),
        &format!("{base}agent: []\n"),
        &format!("{base}groups: [{{name: G, strategy: fastest}}]\n"),
        &format!(
            "{base}groups: [{{name: G, strategy: priority, settings: {{fallback: {{say: x, hangup: true}}}}}}]\n"
        ),
        &format!("{base}groups: [{{name: G, strategy: priority, settings: {{window: 5}}}}]\n"),
        &format!("{base}groups: [{{name: G, strategy: priority, members: [{{agent: X, capacity: 0}}]}}]\n"),
        &format!("{base}inbound_rules: [{{pattern: +1234567890, target: {{group: G, agent: x}}}}]\n"),
        &format!("{base}inbound_rules: [{{pattern: '+123[', target: {{grp: G}}}}]\n"),
        &format!("{base}inbound_rules: [{{pattern: '+123[', target: {{group: G}}}}]\n"),
        &format!("{base}inbound_rules: [{{pattern: 123, target: Support}}]\n"),
        &format!("{base}webhook_key: a\nwebhook_keys: [b]\n"),
        &format!("{base}webhook_key: a\nwebhook_key: hunter2\n"),
        &format!("{base}webhook_key: *hunter2\n"),
        &format!("{base}webhook_key: !!int hunter2\n"),
        &format!("{base}webhook_key: !!binary hunter2\n"),
        &format!("{base}webhook_keys: hunter2\n"),
        &format!("{base}signature_secret: 007\n"),
        &format!("{base}---\n{base}"),
        &format!("{base}\t- x"),
    ] {
        match Form::parse(text) {
            Ok(form) => println!("OK   {form:?}"),
            Err(error) => println!("ERR  {error}\n     {}", text.replace('\n', "⏎")),
        }
    }
}

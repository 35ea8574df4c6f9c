//! Credentials are in the rendered document and nowhere else.

use proptest::prelude::*;

use crate::cxml::*;

const SECRET: &str = "hunter2-s3cr3t";

fn with_secrets() -> Response<'static> {
    let service = Service::new("retell", "+12127773456").username(SECRET).password(SECRET);
    let sip = Sip::new("sip:a@b.example").username(SECRET).password(SECRET);
    let stream = Stream::new("wss://user:hunter2-s3cr3t@x.example/s?key=hunter2-s3cr3t#f")
        .parameter(Parameter::new("api_key", SECRET))
        .parameter(Parameter::new("plan", "gold"));
    Response::new(Dial::new(service).and(sip).header(Header::new("X-Api-Key", SECRET).unwrap()))
        .then(Connect::new(stream))
}

#[test]
fn masked_shows_the_document_without_its_credentials() {
    assert_eq!(with_secrets().render().matches(SECRET).count(), 8);
    let masked = with_secrets().masked();
    assert_eq!(
        masked.split_once("<Response>").unwrap().1,
        "<Dial><Header name=\"X-Api-Key\" value=\"***\"/><Service provider=\"retell\" username=\"***\" \
         password=\"***\">+12127773456</Service><Sip username=\"***\" password=\"***\">sip:a@b.example</Sip></Dial>\
         <Connect><Stream url=\"wss://***@x.example/s?***\"><Parameter name=\"api_key\" value=\"***\"/>\
         <Parameter name=\"plan\" value=\"gold\"/></Stream></Connect></Response>"
    );
}

#[test]
fn masked_is_a_document_also_when_a_text_looks_like_the_name_of_a_secret() {
    let response = Response::new(Say::new("password:").voice(Voice("secret:".into())))
        .then(Dial::new(Number::new("api_key=\"k\"")).header(Header::new("X-Api-Key", "k k").unwrap()));
    assert_eq!(
        response.masked().split_once("<Response>").unwrap().1,
        "<Say voice=\"secret:\">password:</Say><Dial><Header name=\"X-Api-Key\" value=\"***\"/>\
         <Number>api_key=\"***\"</Number></Dial></Response>"
    );
}

#[test]
fn debug_output_holds_no_credential() {
    let debug = format!("{:?}", with_secrets().verbs());
    // A SIP header is no credential to this library; only its masked rendering judges by the name.
    assert_eq!(debug.matches(SECRET).count(), 1, "{debug}");
    assert_eq!(format!("{:?}", Credential::new(SECRET)), "Credential(***)");
}

#[test]
fn every_spelling_of_a_credential_in_cxml_text_is_masked() {
    for (text, expect) in [
        (
            r#"<Service provider="x" password="p w">1</Service>"#,
            r#"<Service provider="x" password="***">1</Service>"#,
        ),
        (
            r#"<Service username='u"x' PASSWORD = 'p'>1</Service>"#,
            r#"<Service username='***' PASSWORD = '***'>1</Service>"#,
        ),
        ("<Sip\n\tPassWord\n=\n\"p\"\n/>", "<Sip\n\tPassWord\n=\n\"***\"\n/>"),
        (
            "&lt;Service password=&quot;p&amp;quot;q&quot; provider=&quot;x&quot;&gt;",
            "&lt;Service password=&quot;***&quot; provider=&quot;x&quot;&gt;",
        ),
        (
            "&amp;lt;Sip username=&amp;quot;p&amp;quot; a=1",
            "&amp;lt;Sip username=&amp;quot;***&amp;quot; a=1",
        ),
        ("password=&#34;p&#34; username=&#x27;u&#x27;", "password=&#34;***&#34; username=&#x27;***&#x27;"),
        (r#"<Sip password=\"p\" domain=\"d\">"#, r#"<Sip password=\"***\" domain=\"d\">"#),
        (r#"<Sip password=\\\"p\\\" domain=\\\"d\\\">"#, r#"<Sip password=\\\"***\\\" domain=\\\"d\\\">"#),
        (r"\u003cSip password\u003d\u0022p\u0022 a", r"\u003cSip password\u003d\u0022***\u0022 a"),
        ("<Sip password=p domain='d'>", "<Sip password=*** domain='d'>"),
        ("<Sip password=p>x", "<Sip password=***>x"),
        ("<Service password=\"cut off", "<Service password=\"***"),
        ("<Service provider=\"a\" password", "<Service provider=\"a\" password"),
        ("password=\"\"", "password=\"\""),
        ("<Password>p</Password>", "<Password>***</Password>"),
        ("%3CSip%20password%3D%22p%22%20a%3D%22b%22", "%3CSip%20password%3D%22***%22%20a%3D%22b%22"),
        ("<Header name='Authorization' value='Bearer p'/>", "<Header name='Authorization' value='***'/>"),
        ("<Parameter name=\"token\" value=\"v\"/>", "<Parameter name=\"token\" value=\"v\"/>"),
        (r#"{"password":"a\"p","b":1"#, r#"{"password":"***","b":1"#),
        (
            r#"{"authorization-api-key": "p" , "credentials": {"x""#,
            r#"{"authorization-api-key": "***" , "credentials": ***"#,
        ),
        ("Authorization: Bearer p\r\nHost: h", "Authorization: ***\r\nHost: h"),
        ("sip:user@host <sip:a@b>;tag=1", "sip:user@host <sip:a@b>;tag=1"),
        ("https://u:p@h/x?a=1", "https://***@h/x?a=1"),
        ("url=&quot;wss://h/x?k=p&amp;l=q&quot; a", "url=&quot;wss://h/x?***&quot; a"),
    ] {
        assert_eq!(redact_cxml(text), expect, "{text}");
    }
}

#[test]
fn no_text_beside_a_tag_hides_the_secrets_in_it() {
    for text in
        ["name=\"password\" value=", "password='", "password=\"", "name='", "a > b", "value=&quot;", "://"]
    {
        let service = Service::new("retell", text).username("hunter2's").password("it's hunter2 > \"all\"");
        let dial = Dial::new(service).caller_id(text).header(Header::new("X-Api-Key", "hunter2's").unwrap());
        let rendered = Response::new(Say::new(text)).then(dial).render();
        assert!(rendered.contains("hunter2"));
        let masked = redact_cxml(&rendered);
        assert!(!masked.contains("hunter2") && !masked.contains("'s\""), "{text}: {masked}");
    }
}

#[test]
fn secret_names_are_told_from_names_that_only_look_like_them() {
    for name in [
        "password",
        "Authorization",
        "authorization-api-key",
        "X-Cx-ApiKey",
        "api_key",
        "client_secret",
        "accessToken",
        "Proxy-Authorization",
        "AWS_SECRET_ACCESS_KEY",
        "pwd",
        "Set-Cookie",
        "sip-passwd",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in [
        "token",
        "session_token",
        "Session",
        "CallSid",
        "username",
        "provider",
        "name",
        "tokens",
        "compass",
        "passed",
        "authority",
        "domain",
        "",
    ] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn text_without_secrets_is_borrowed() {
    let text = r#"<Dial action="https://x/?attempt=1&amp;session=abc"><Service provider="retell">+1</Service></Dial>"#;
    assert!(matches!(redact_cxml(text), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn a_secret_behind_a_quarter_mebibyte_of_hostile_text_is_found() {
    // Each of these would take minutes if values were searched again and again instead of once.
    for unit in
        ["name=", "ws://", "://", "name=\"", "password", "=:", "&amp;", "\\", "a:b@", "name='", "<a>", "%3d"]
    {
        let text = unit.repeat((1 << 18) / unit.len()) + " <Sip password=\"PLANTED\"/>";
        assert!(!redact_cxml(&text).contains("PLANTED"), "{unit}");
    }
}

proptest! {
    #[test]
    fn any_text_is_masked_without_a_panic_and_masking_twice_changes_nothing_more(
        text in "(password|username|name|value|=|:|\"|'|&quot;|\\\\|<|>| |wss://|@|\\?|[a-z]|\\PC){0,40}",
    ) {
        let once = redact_cxml(&text).into_owned();
        prop_assert_eq!(&redact_cxml(&once), &once);
    }

    #[test]
    fn a_planted_credential_never_survives_in_a_document(password in "[A-Za-z0-9 &<>'\"/+=\\\\]{1,30}", layers in 0..3) {
        let planted = format!("PLANTED{password}PLANTED");
        let mut text = Response::new(Dial::new(Service::new("retell", "+1").username(&*planted).password(&*planted))).render();
        for _ in 0..layers {
            text = serde_json::to_string(&text).unwrap();
        }
        let masked = redact_cxml(&text).into_owned();
        prop_assert!(!masked.contains("PLANTED"), "{}", masked);
    }
}

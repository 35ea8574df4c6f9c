//! The command line's defaults and errors.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: SimulateOptions,
}

fn parse(arguments: &[&str]) -> Result<SimulateOptions, String> {
    let line = ["simulate", "name.cloudonix.net"].iter().chain(arguments);
    Line::try_parse_from(line).map(|line| line.options).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_in_code_are_those_of_the_command_line() {
    let url = BaseUrl::DEFAULT.parse().unwrap();
    let ours = format!("{:?}", SimulateOptions::new("name.cloudonix.net", url));
    assert_eq!(format!("{:?}", parse(&[]).unwrap()), ours);
}

#[test]
fn the_contract_s_options_are_read() {
    let line =
        "--url http://h:1 --calls 7 --rate 2.5 --busy 6% --no-answer 0.07 --duplicates 8% --reorder 9%";
    let options = parse(&line.split(' ').collect::<Vec<_>>()).unwrap();
    assert_eq!((options.url.to_string().as_str(), options.calls, options.rate), ("http://h:1", 7, Rate(2.5)));
    let shares =
        [options.busy, options.no_answer, options.duplicates, options.reorder].map(|s| s.to_string());
    assert_eq!(shares, ["6%", "7%", "8%", "9%"]);
}

#[test]
fn keep_going_has_a_time_of_its_own() {
    assert_eq!(parse(&[]).unwrap().keep_going, None);
    assert_eq!(parse(&["--keep-going"]).unwrap().keep_going, Some(60.0));
    assert_eq!(parse(&["--keep-going=5"]).unwrap().keep_going, Some(5.0));
}

#[test]
fn errors_say_what_was_expected() {
    for (arguments, expected) in [
        (["--busy", "5"], "such as 5%"),
        (["--url", "ftp://h"], "expected http://host"),
        (["--url", "h:1"], "expected http://host"),
        (["--rate", "0.0001"], "expected calls per second"),
        (["--rate", "fast"], "expected calls per second"),
        (["--speed", "0"], "expected max, or a factor"),
        (["--to", ""], "expected a number"),
        (["--timeout", "x"], "expected seconds"),
        (["--direction", "sideways"], "possible values: inbound, subscriber"),
        (["--max-stages", "0"], "0"),
        (["--concurrency", "0"], "0"),
    ] {
        let error = parse(&arguments).map(drop).unwrap_err();
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let error = Line::try_parse_from(["simulate", "a/b"]).map(drop).unwrap_err().to_string();
    assert!(error.contains("expected a Cloudonix domain"), "{error}");
}

#[test]
fn secrets_do_not_print() {
    let options = parse(&["--key", "hush-hush", "--signature-secret", "hush-too"]).unwrap();
    assert!(!format!("{options:?}").contains("hush"));
}

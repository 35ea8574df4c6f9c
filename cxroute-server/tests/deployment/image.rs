//! The `Dockerfile` against what it packs: the command line, the address, the folders, the compiler.

use clap::{CommandFactory as _, Parser as _};
use cxroute_server::cli::Cli;

use crate::dockerfile::{Stage, stages};
use crate::{read, repository};

fn image() -> Stage {
    stages().pop().unwrap()
}

/// The port that the image's server listens on.
fn port(image: &Stage) -> String {
    image.env()["CXROUTE_LISTEN"].rsplit_once(':').unwrap().1.to_owned()
}

#[test]
fn the_image_is_built_in_a_stage_of_its_own_with_the_workspaces_compiler() {
    let stages = stages();
    let [build, image] = &stages[..] else { panic!("expected two stages, got {}", stages.len()) };
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    assert!(build.from.starts_with(&format!("rust:{}-", version.trim_matches('"'))), "{}", build.from);
    assert!(build.all("RUN").any(|run| run.contains("cargo build --locked --release")));
    let copied: Vec<&str> = image.all("COPY").collect();
    assert_eq!(copied, ["--from=build /usr/local/bin/cxroute-server /usr/local/bin/"]);
    assert_eq!(build.name.as_deref(), Some("build"));
    // Debian's releases have different C libraries: what one links the other may not run.
    let release = |from: &str| from.split(['-', ':']).find(|word| *word == "bookworm").map(str::to_owned);
    assert!(release(&build.from).is_some());
    assert_eq!(release(&build.from), release(&image.from));
}

#[test]
fn the_images_command_and_variables_are_the_servers_own() {
    let image = image();
    let line = [image.command("ENTRYPOINT"), image.command("CMD")].concat();
    Cli::try_parse_from(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let mut line = line;
    for (name, value) in image.env() {
        let of = |argument: &&clap::Arg| argument.get_env().is_some_and(|env| env == name.as_str());
        let argument = serve.get_arguments().find(of).unwrap_or_else(|| panic!("serve has no {name}"));
        let option = format!("--{}", argument.get_long().unwrap());
        if argument.get_action().takes_values() {
            line.extend([option, value]);
        } else {
            assert_eq!(value, "true", "{name}");
            line.push(option);
        }
    }
    Cli::try_parse_from(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
}

#[test]
fn the_image_runs_as_nobody_special_and_says_where_it_listens() {
    let image = image();
    let user = image.last("USER");
    assert!(!["root", "0"].contains(&user));
    let home = image.all("RUN").find(|run| run.contains("useradd")).unwrap();
    assert!(home.ends_with(user) && home.contains("--home-dir /data"), "{home}");
    // Everything after USER is done by that user; nothing of it may need rights.
    let at = |name: &str| image.instructions.iter().position(|(found, _)| found == name).unwrap();
    assert!(at("RUN") < at("USER") && at("COPY") < at("USER") && at("USER") < at("ENTRYPOINT"));
    let port = port(&image);
    assert_eq!(image.last("EXPOSE"), port);
    let check = image.healthcheck();
    assert!(check.iter().any(|word| word.contains(&format!("/127.0.0.1/{port} "))), "{check:?}");
    assert_eq!((image.last("VOLUME"), image.last("WORKDIR")), ("/data", "/data"));
    for (name, value) in image.env() {
        if let Some((_, path)) = value.split_once("/").filter(|_| name != "CXROUTE_LISTEN") {
            assert!(path.starts_with("data/"), "{name} is not on the volume: {value}");
        }
    }
}

/// There is no UI in the repository as long as there is no `ui/`; from then on the image has to bring it along.
#[test]
fn an_image_of_a_repository_with_a_ui_brings_it_along() {
    let builds_ui = stages().iter().any(|stage| stage.all("COPY").any(|copy| copy.starts_with("ui")));
    assert_eq!(repository("ui/package.json").exists(), builds_ui, "ui/ and the Dockerfile disagree");
}

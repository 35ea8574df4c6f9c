//! What must hold of the Compose files whatever runs them: health, order, secrets, what is published, what is kept.

use std::collections::BTreeSet;

use cxroute_server::server::ServerOptions;

use crate::compose::{Compose, Piece, Service, Variables, pieces};
use crate::{dockerfile, read, repository, secrets};

pub(crate) const MAIN: &str = "docker-compose.yml";
const TLS: &str = "deploy/tls.yml";
const EMBEDDED: &str = "deploy/embedded.yml";

/// The variables of a deployment: the secrets, and what only its operator knows.
pub(crate) fn variables() -> Variables {
    let folder = tempfile::tempdir().unwrap();
    let mut variables = secrets::make(folder.path());
    variables.insert("CXROUTE_TLS_PEM".to_owned(), "/etc/ssl/private/cx.pem".to_owned());
    variables
}

fn names(compose: &Compose) -> Vec<&str> {
    compose.services.keys().map(String::as_str).collect()
}

/// Every variable that a file asks for, and whether it must be given.
fn asked_for(path: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    Compose::raw(path).each_text(|_, text| {
        found.extend(pieces(text).into_iter().filter_map(|piece| match piece {
            Piece::Plain(_) => None,
            Piece::Required(name) => Some((name.to_owned(), true)),
            Piece::Optional(name, _) => Some((name.to_owned(), false)),
        }));
    });
    found
}

fn is_secret(name: &str) -> bool {
    ["PASSWORD", "KEY", "SECRET", "TOKEN", "AUTH"].iter().any(|word| name.contains(word))
}

fn seconds(period: &str) -> u64 {
    period.strip_suffix('s').and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{period}"))
}

/// The folders of containers that outlive them.
fn kept(service: &Service) -> Vec<(&str, &str)> {
    let mounts = service.volumes.iter().map(|mount| mount.split_once(':').unwrap());
    mounts.filter(|(source, _)| !source.starts_with(['.', '/'])).collect()
}

#[test]
fn every_service_has_a_health_check_and_those_before_it_are_healthy() {
    let compose = Compose::filled(MAIN, &variables()).unwrap();
    assert_eq!(names(&compose), ["minio", "mysql", "proxy", "redis", "server-1", "server-2"]);
    let waits = |name: &str| compose.services[name].depends_on.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(waits("proxy"), ["server-1", "server-2"]);
    assert_eq!((waits("server-1"), waits("server-2")), (vec!["mysql", "redis"], vec!["mysql", "redis"]));
    for (name, service) in &compose.services {
        for (other, dependency) in &service.depends_on {
            assert!(compose.services.contains_key(other), "{name}: {other}");
            assert_eq!(dependency.condition, "service_healthy", "{name}: {other}");
        }
        assert_eq!(service.restart.as_deref(), Some("unless-stopped"), "{name}");
        match &service.healthcheck {
            Some(check) => {
                assert!(["CMD", "CMD-SHELL"].contains(&check.test[0].as_str()), "{name}");
                let [interval, timeout, start] =
                    [&check.interval, &check.timeout, &check.start_period].map(|period| seconds(period));
                assert!(
                    timeout <= interval && interval <= 10 && start >= interval && check.retries > 1,
                    "{name}"
                );
            }
            // The image brings its own.
            None => {
                assert_eq!(service.build.as_deref(), Some("."), "{name} has no health check");
                assert!(!dockerfile::stages().pop().unwrap().healthcheck().is_empty());
            }
        }
    }
}

#[test]
fn no_secret_has_a_default_and_without_any_one_of_them_nothing_starts() {
    for path in [MAIN, TLS, EMBEDDED] {
        let asked = asked_for(path);
        let given = variables();
        Compose::filled(path, &given).unwrap();
        for (name, required) in &asked {
            assert!(*required || !is_secret(name), "{path}: {name} has a default");
            if *required {
                let mut without = given.clone();
                without.remove(name);
                assert_eq!(Compose::filled(path, &without).unwrap_err(), format!("{name} is not set"));
            }
        }
        for (name, service) in Compose::raw(path).services {
            for (variable, value) in service.environment.iter().filter(|(variable, _)| is_secret(variable)) {
                let is_given =
                    matches!(&pieces(value)[..], [Piece::Plain(""), Piece::Required(_), Piece::Plain("")]);
                assert!(is_given, "{path}: {name}: {variable} is written down");
            }
        }
    }
    let required: BTreeSet<String> =
        asked_for(MAIN).into_iter().filter(|(_, required)| *required).map(|(name, _)| name).collect();
    let folder = tempfile::tempdir().unwrap();
    let made: BTreeSet<String> = secrets::make(folder.path()).into_keys().collect();
    assert_eq!(made, required, "what the operations page makes, and what {MAIN} asks for");
}

#[test]
fn only_the_proxy_is_published_and_on_this_machine_unless_told_otherwise() {
    let compose = Compose::filled(MAIN, &variables()).unwrap();
    let published = compose.services.iter().filter(|(_, service)| !service.ports.is_empty());
    let published: Vec<_> = published.map(|(name, service)| (name.as_str(), &service.ports[..])).collect();
    assert_eq!(published, [("proxy", &["127.0.0.1:8080:8080".to_owned()][..])]);
    let embedded = Compose::filled(EMBEDDED, &variables()).unwrap();
    assert_eq!(embedded.services["server"].ports, ["127.0.0.1:8080:8080"]);
}

#[test]
fn servers_share_everything_but_their_names_and_spools() {
    let compose = Compose::filled(MAIN, &variables()).unwrap();
    let spools: BTreeSet<_> = ["server-1", "server-2"].map(|name| kept(&compose.services[name])[0]).into();
    assert_eq!(spools, [("server-1", "/data"), ("server-2", "/data")].into());
    let alike = |name: &str| {
        let service = compose.services[name].clone();
        assert_eq!(service.hostname.as_deref(), Some(name));
        Service { hostname: None, volumes: Vec::new(), ..service }
    };
    assert_eq!(alike("server-1"), alike("server-2"));
    let grace = seconds(compose.services["server-1"].stop_grace_period.as_deref().unwrap());
    assert!(grace > ServerOptions::default().patience.as_secs(), "Docker is less patient than the server");
    let image = dockerfile::stages().pop().unwrap();
    assert!(image.env()["CXROUTE_SPOOL"].starts_with("/data/"));
}

#[test]
fn what_must_not_be_lost_is_on_volumes_and_what_is_mounted_is_there() {
    for (path, place) in [(MAIN, ""), (TLS, ""), (EMBEDDED, "deploy/")] {
        let compose = Compose::filled(path, &variables()).unwrap();
        for (name, service) in &compose.services {
            for (volume, _) in kept(service) {
                assert!(compose.volumes.contains_key(volume), "{path}: {name}: {volume}");
            }
            for mount in service.volumes.iter().filter(|mount| mount.starts_with("./")) {
                let (source, target) = mount.split_once(':').unwrap();
                assert!(repository(source.strip_prefix("./").unwrap()).is_file(), "{path}: {mount}");
                assert!(target.ends_with(":ro"), "{path}: {mount} could be changed from within");
            }
            if let Some(context) = &service.build {
                assert!(
                    repository(&format!("{place}{context}")).join("Dockerfile").is_file(),
                    "{path}: {name}"
                );
            }
            assert!(
                service.env_file.iter().all(|file| file.path == ".env" && !file.required),
                "{path}: {name}"
            );
        }
    }
    let compose = Compose::filled(MAIN, &variables()).unwrap();
    assert_eq!(kept(&compose.services["mysql"]), [("mysql", "/var/lib/mysql")]);
    assert_eq!(kept(&compose.services["minio"]), [("minio", "/data")]);
    assert_eq!(kept(&compose.services["redis"]), [], "the plane is rebuilt from the store");
    let embedded = Compose::filled(EMBEDDED, &variables()).unwrap();
    assert_eq!(kept(&embedded.services["server"]), [("data", "/data")]);
}

#[test]
fn redis_refuses_writes_when_it_is_full_and_keeps_nothing_on_disk() {
    let compose = Compose::filled(MAIN, &variables()).unwrap();
    let line = &compose.services["redis"].command;
    let option = |name: &str| line.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str());
    assert_eq!(option("--maxmemory-policy"), Some("noeviction"));
    assert_eq!((option("--save"), option("--appendonly")), (Some(""), Some("no")));
    assert!(option("--maxmemory").is_some());
}

/// There is no `MinIO` in Debian: what can be seen of its section without one.
#[test]
fn minio_is_a_fixed_release_with_a_volume_and_given_credentials() {
    let variables = variables();
    let minio = &Compose::filled(MAIN, &variables).unwrap().services["minio"];
    let release = minio.image.as_deref().unwrap().strip_prefix("minio/minio:RELEASE.").unwrap();
    assert!(release.starts_with(|first: char| first.is_ascii_digit()), "{release}");
    assert_eq!(minio.command[..2], ["server", "/data"]);
    assert_eq!(minio.environment["MINIO_ROOT_PASSWORD"], variables["MINIO_ROOT_PASSWORD"]);
    assert_eq!(minio.healthcheck.as_ref().unwrap().test, ["CMD", "mc", "ready", "local"]);
}

/// The page names what there is to be watched; a metric that was renamed is renamed there, too.
#[test]
fn the_operations_page_names_only_metrics_and_options_that_exist() {
    let page = read("docs/operations.md");
    let (meters, reference) = (read("cxroute-server/src/meters.rs"), read("docs/cli.md"));
    let words = page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let metrics: BTreeSet<&str> =
        words.clone().filter(|word| word.starts_with("cxroute_") && word.len() > "cxroute_".len()).collect();
    assert!(metrics.len() >= 10, "{metrics:?}");
    for metric in metrics {
        assert!(meters.contains(&format!("\"{metric}\"")), "there is no metric {metric}");
    }
    let deployed = [MAIN, TLS, EMBEDDED].map(read).concat();
    for variable in words.filter(|word| word.starts_with("CXROUTE_") && word.len() > "CXROUTE_".len()) {
        let is_known = [&reference, &deployed].iter().any(|text| text.contains(variable));
        assert!(
            is_known || variable == cxroute_server::master_key::VARIABLE,
            "there is no variable {variable}"
        );
    }
}

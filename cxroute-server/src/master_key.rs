//! The master key: from the environment, from a file, or made and kept beside an embedded database.
//!
//! | source | holds |
//! |---|---|
//! | `CXROUTE_MASTER_KEY` | 32 bytes in base64; several, separated by commas, while one is rotated: the first seals, all open |
//! | `--master-key-file`, `CXROUTE_MASTER_KEY_FILE` | the same in a file; white space and line ends separate too |
//! | `cxroute.db.key` beside `cxroute.db` | made at the first start when nothing else is given, mode 0600 |
//!
//! A key never appears in an error, a log, or the command line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cxroute_core::seal::{Keyring, MasterKey};

/// The variable that holds master keys.
pub const VARIABLE: &str = "CXROUTE_MASTER_KEY";

/// Where the master key of a store is looked for when neither variable nor file gives one.
#[derive(Clone, Copy, Debug)]
pub enum Otherwise<'a> {
    /// Beside this database; made if the database is new.
    Beside(&'a Path),
    /// Nowhere: a database that servers share has a key that they share, and nobody makes it for them.
    Refused,
    /// Nowhere: a fresh one that ends with the process, for stores that keep nothing.
    Ephemeral,
}

/// Loads the master key, or makes it.
///
/// # Errors
/// When what is given is no key, or when a database is there and its key is not: a new one could not open its secrets.
pub fn keyring(file: Option<&Path>, otherwise: Otherwise<'_>) -> anyhow::Result<Keyring> {
    match std::env::var(VARIABLE) {
        Ok(text) => return parse(&text).context(VARIABLE),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{VARIABLE}: expected base64"),
        Err(std::env::VarError::NotPresent) => {}
    }
    match (file, otherwise) {
        (Some(file), _) => read(file),
        (None, Otherwise::Beside(database)) => beside(database),
        (None, Otherwise::Refused) => {
            bail!(
                "a database that servers share needs a master key that they share: set {VARIABLE} (32 bytes in base64)"
            )
        }
        (None, Otherwise::Ephemeral) => Ok(Keyring::new(MasterKey::new(random()?), [])),
    }
}

/// Reads keys separated by commas or white space.
fn parse(text: &str) -> anyhow::Result<Keyring> {
    let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut keys = words.map(key).collect::<anyhow::Result<Vec<_>>>()?.into_iter();
    let current = keys.next().ok_or_else(|| anyhow!("expected 32 bytes in base64, got nothing"))?;
    Ok(Keyring::new(current, keys))
}

fn key(word: &str) -> anyhow::Result<MasterKey> {
    let bytes =
        STANDARD.decode(word).map_err(|_| anyhow!("expected 32 bytes in base64, got something else"))?;
    let length = bytes.len();
    let bytes = bytes.try_into().map_err(|_| anyhow!("expected 32 bytes in base64, got {length} bytes"))?;
    Ok(MasterKey::new(bytes))
}

fn read(file: &Path) -> anyhow::Result<Keyring> {
    let text = fs::read_to_string(file).with_context(|| format!("master key file {}", file.display()))?;
    warn_if_others_can_read(file);
    parse(&text).with_context(|| format!("master key file {}", file.display()))
}

#[cfg(unix)]
fn warn_if_others_can_read(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(file).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        tracing::warn!(file = %file.display(), "others can read the master key file; chmod 600 it");
    }
}

#[cfg(not(unix))]
const fn warn_if_others_can_read(_file: &Path) {}

/// The key file of a database.
pub fn file_beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

fn beside(database: &Path) -> anyhow::Result<Keyring> {
    // Asked in this order: whoever makes a database has made its key before.
    let had_database = fs::metadata(database).is_ok_and(|metadata| metadata.len() > 0);
    let file = file_beside(database);
    if !file.try_exists().with_context(|| format!("master key file {}", file.display()))? {
        if had_database {
            bail!(
                "{} is there, but its master key {} is not: put the key back, or give it as {VARIABLE}",
                database.display(),
                file.display()
            );
        }
        make(&file).with_context(|| format!("making the master key file {}", file.display()))?;
    }
    read(&file)
}

/// Makes a key file in one step: written whole under another name, then linked, so that of two servers that start at
/// once both use one key, and neither ever sees half of it.
fn make(file: &Path) -> anyhow::Result<()> {
    let bytes = random()?;
    let draft = file.with_extension(format!(
        "key.{:08x}",
        u32::from_be_bytes([bytes[0], bytes[9], bytes[18], bytes[27]])
    ));
    let written = write_private(&draft, &format!("{}\n", STANDARD.encode(bytes)));
    let linked = written.and_then(|()| match fs::hard_link(&draft, file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    // The draft holds a key: it goes, whatever came of it.
    let removed = fs::remove_file(&draft);
    linked?;
    removed?;
    sync_folder(file)?;
    Ok(())
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A file that a power cut may take back would leave the database without its key.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn random() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| anyhow!("the operating system gave no randomness"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use cxroute_core::id::TenantId;
    use cxroute_core::secret::{Place, Vault as _};

    use super::*;

    const PLACE: Place<'static> =
        Place { tenant: TenantId::new(1), table: "voice_agents", row: "1", field: "password" };

    #[test]
    fn a_new_database_gets_a_key_of_its_own_that_only_its_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("cxroute.db");
        let sealed = beside(&database).unwrap().seal(PLACE, b"hunter2").unwrap();
        assert_eq!(beside(&database).unwrap().open(PLACE, &sealed).unwrap().expose(), "hunter2");
        let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["cxroute.db.key"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(file_beside(&database)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn servers_that_start_at_once_use_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("cxroute.db");
        let keyrings: Vec<Keyring> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| beside(&database).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let sealed = keyrings[0].seal(PLACE, b"hunter2").unwrap();
        assert!(keyrings.iter().all(|keyring| keyring.open(PLACE, &sealed).is_ok()));
    }

    #[test]
    fn a_database_without_its_key_gets_no_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("cxroute.db");
        fs::write(&database, "not empty").unwrap();
        let refused = beside(&database).unwrap_err().to_string();
        assert!(refused.contains("cxroute.db.key is not: put the key back"), "{refused}");
        assert!(!file_beside(&database).exists());
    }

    #[test]
    fn several_keys_open_and_the_first_seals() {
        let (one, two) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        let old = parse(&one).unwrap().seal(PLACE, b"old").unwrap();
        let rotated = parse(&format!("{two},{one}\n")).unwrap();
        assert_eq!(rotated.open(PLACE, &old).unwrap().expose(), "old");
        let new = rotated.seal(PLACE, b"new").unwrap();
        assert!(
            parse(&two).unwrap().open(PLACE, &new).is_ok() && parse(&one).unwrap().open(PLACE, &new).is_err()
        );
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for text in ["", " , ", "hunter2", "aHVudGVyMg==", &STANDARD.encode([7; 33])] {
            let refused = format!("{:#}", parse(text).unwrap_err());
            assert!(refused.starts_with("expected 32 bytes in base64, got"), "{refused}");
            assert!(text.trim_matches([' ', ',']).is_empty() || !refused.contains(text), "{refused}");
        }
    }
}

//! Values that travel as text of SQL arrive as they are, whatever is in them.

use cxroute_core::time::Timestamp;
use cxroute_store_sql::codec::{Hex, Moment, RowForm as _};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, TestRunner};
use sqlx::{Executor as _, Row as _};

use super::{SERVERS, support};
use crate::connect::{Role, options_of, pool};
use crate::literal::Values;
use crate::packet::{Bound, Packet};

/// Texts of what means something somewhere: quotes, escapes, comments, ends of statements, places, characters of one to
/// four bytes.
fn texts() -> impl Strategy<Value = String> {
    let parts = [
        "'", "\\", "\\'", "''", "\"", "`", ";", "--", "/*", "*/", "#", "?", "%", "_", "\0", "\n", "\r",
        "\u{1a}", "x'00'", "é", "中", "😀", "\u{bf27}",
    ];
    let part = proptest::prop_oneof![
        proptest::sample::select(parts.to_vec()).prop_map(str::to_owned),
        any::<String>(),
        "[a-z ]{0,4}"
    ];
    vec(part, 0..12).prop_map(|parts| parts.concat())
}

#[tokio::test]
async fn any_text_and_any_bytes_arrive_as_they_are() {
    for server in SERVERS {
        let database = support::Database::create(server).await;
        let options = options_of(&database.location()).unwrap();
        let pool = pool(&options, 1, std::time::Duration::from_secs(10), Role::Writer);
        let mut connection = pool.acquire().await.unwrap();
        let table =
            "CREATE TABLE kept (id BIGINT PRIMARY KEY, text LONGTEXT, token VARBINARY(20000), bytes LONGBLOB,
            at DATETIME(3), bound LONGTEXT) DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin";
        connection.execute(table).await.unwrap();
        let mut cases = TestRunner::new(Config::with_cases(0));
        for round in 0..40 {
            let row = (texts(), vec(any::<u8>(), 0..40), any::<i64>(), any::<Option<u32>>());
            let rows: Vec<_> = (0..25).map(|_| row.new_tree(&mut cases).unwrap()).collect();
            let rows: Vec<_> = rows.iter().map(proptest::strategy::ValueTree::current).collect();
            let (mut values, mut packet) = (Values::default(), Packet::new(&mut connection));
            for (id, (text, bytes, at, _)) in rows.iter().enumerate() {
                let at = Moment(Timestamp::from_millis(at % 10_000_000_000_000));
                values.push(&(id as i64, text, text, Some(Hex(bytes)), at)).unwrap();
            }
            packet.plain("DELETE FROM kept");
            packet
                .insert("INSERT INTO kept (id, text, token, bytes, at) VALUES ", &values, "")
                .await
                .unwrap();
            for (id, (text, ..)) in rows.iter().enumerate() {
                let (text, id) = (Bound::Text(text), Bound::Number(id as i64));
                packet.statement("UPDATE kept SET bound = ? WHERE id = ?", &[text, id]);
            }
            packet.plain("SELECT text, token, bytes, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at) DIV 1000, bound FROM kept ORDER BY id");
            let answers = packet.send().await.unwrap();
            let kept = answers.last().unwrap();
            assert_eq!(kept.len(), rows.len(), "{server} {round}");
            for (kept, (text, bytes, at, _)) in kept.iter().zip(&rows) {
                assert_eq!(&kept.get::<String, _>(0), text, "{server}");
                assert_eq!(kept.get::<Vec<u8>, _>(1), text.as_bytes(), "{server}");
                assert_eq!(&kept.get::<Vec<u8>, _>(2), bytes, "{server}");
                assert_eq!(kept.get::<i64, _>(3), at % 10_000_000_000_000, "{server}");
                assert_eq!(&kept.get::<String, _>(4), text, "{server}");
            }
        }
    }
}

#[tokio::test]
async fn a_text_that_is_too_long_for_a_packet_is_sent_in_several() {
    for server in SERVERS {
        let database = support::Database::create(server).await;
        let options = options_of(&database.location()).unwrap();
        let pool = pool(&options, 1, std::time::Duration::from_secs(10), Role::Writer);
        let mut connection = pool.acquire().await.unwrap();
        connection.execute("CREATE TABLE kept (id BIGINT PRIMARY KEY, text LONGTEXT)").await.unwrap();
        // MariaDB takes packets of 16 MiB by default.
        let long = format!("{}'", "x".repeat(999_999));
        let mut values = Values::default();
        for id in 0..20_i64 {
            values.push(&(id, &long)).unwrap();
        }
        let mut packet = Packet::new(&mut connection);
        packet.plain("START TRANSACTION");
        let again = " ON DUPLICATE KEY UPDATE text = 'twice'";
        packet.insert("INSERT INTO kept (id, text) VALUES ", &values, again).await.unwrap();
        packet.plain("COMMIT; SELECT CAST(SUM(LENGTH(text)) AS SIGNED) FROM kept");
        let answers = packet.send().await.unwrap();
        assert_eq!(answers.last().unwrap()[0].get::<i64, _>(0), 20_000_000, "{server}");
    }
}

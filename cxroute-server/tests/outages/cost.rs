//! What a new call costs, counted at Redis and MySQL: one script in one round trip decides, nothing is read from the store
//! before, and one commit comes after, which calls that come together share.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::load::DOMAINS;
use crate::mysql::MySql;
use crate::webhooks::{token, voice};
use crate::world::{PlaneOf, World};

const CALLS: u64 = 100;
const TOGETHER: u64 = 400;
const AT_ONCE: u64 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_call_costs_one_script_no_read_before_and_one_commit_after_that_others_share() {
    let world = World::start(PlaneOf::OneRedis, &["--deadline-ms", "10000"]).await;
    // The first call of a tenant loads its configuration and founds its plane; both servers know both then.
    for number in 0..4 {
        call(&world, 1, number).await;
    }
    one_by_one(&world).await;
    chosen_while_mysql_is_stopped(&world).await;
    sixteen_at_a_time(&world).await;
}

/// A new call, at one server and the other in turn; it is answered with a dial.
async fn call(world: &World, kind: u8, number: u64) {
    let address = world.addresses()[(number % 2) as usize];
    let answer = voice(DOMAINS[0], &token(kind, number), "+1").send(address).await;
    assert!(answer.dialled().is_some(), "{answer:?}");
}

async fn one_by_one(world: &World) {
    let mut mysql = world.mysql.connect().await;
    let monitor = Monitor::start(world.redis[0].address());
    let names = ["Com_commit", "Com_begin", "Com_select"];
    let mut before = Vec::new();
    for name in names {
        before.push(MySql::count(&mut mysql, name).await);
    }
    let scripts = [world.redis[0].calls("evalsha"), world.redis[0].calls("xrange")];
    let begun = Instant::now();
    for number in 0..CALLS {
        call(world, 2, number).await;
    }
    let took = begun.elapsed();
    let mut counted = Vec::new();
    for (name, before) in names.into_iter().zip(before) {
        counted.push(MySql::count(&mut mysql, name).await - before);
    }
    let spooled = world.spooled().await;
    let [scripts, reads] = [("evalsha", scripts[0]), ("xrange", scripts[1])]
        .map(|(name, before)| world.redis[0].calls(name) - before);
    let said = monitor.end();
    let choices: Vec<usize> = said.iter().map(|line| operations(line, "choose")).filter(|n| *n > 0).collect();
    let told = said.iter().filter(|line| operations(line, "complete") > 0).count();
    println!(
        "{CALLS} calls one by one in {took:?}: {} scripts choose, {told} tell that a choice is durable; {scripts} scripts \
         and {reads} reads in all, looks at what others wrote included; {names:?} {counted:?}; {spooled} signals spooled",
        choices.len()
    );
    assert_eq!(choices.len() as u64, CALLS, "scripts that choose");
    assert!(choices.iter().all(|choices| *choices == 1), "{choices:?}");
    assert!(told as u64 <= CALLS, "{told} scripts tell that a choice is durable");
    // A script reads by itself what the other server wrote. Beside them the publisher of events, the views for people and
    // the looks at what others wrote run scripts.
    let beside = 30 + 50 * took.as_secs_f64().ceil() as u64;
    assert!((CALLS..=2 * CALLS + beside).contains(&scripts), "{scripts} scripts");
    assert!(reads <= scripts, "{scripts} scripts, {reads} reads");
    // The servers' own upkeep may commit in between; what a slow machine did not commit in time shares a later commit.
    assert!(counted[0] <= CALLS + 2 && counted[0] + spooled >= CALLS, "{names:?} {counted:?}");
}

/// How many of these operations a script was given.
fn operations(line: &str, name: &str) -> usize {
    if line.contains("\"EVALSHA\"") {
        line.matches(&format!("\\x{:02x}{name}", 0xa0 + name.len())).count()
    } else {
        0
    }
}

/// MySQL hears of nothing, and yet the choice is in Redis's log: nothing was read before.
async fn chosen_while_mysql_is_stopped(world: &World) {
    let log = format!("tenant:{{{}}}:plane:log", world.tenant(DOMAINS[0]).await);
    let entries = || world.redis[0].says(&["xlen", &log]).parse::<u64>().unwrap();
    world.mysql.stop();
    let mut slowest = Duration::ZERO;
    for number in 0..10 {
        let (before, begun) = (entries(), Instant::now());
        let calling = call(world, 3, number);
        let choosing = async {
            while entries() == before {
                assert!(begun.elapsed() < Duration::from_secs(5), "no choice while MySQL is stopped");
                sleep(Duration::from_millis(1)).await;
            }
            begun.elapsed()
        };
        slowest = slowest.max(futures_util::future::join(choosing, calling).await.0);
    }
    world.mysql.go_on();
    println!("10 choices while MySQL was stopped, the slowest in Redis's log after {slowest:?}");
    world.recovered().await;
}

async fn sixteen_at_a_time(world: &World) {
    let mut mysql = world.mysql.connect().await;
    let before = MySql::count(&mut mysql, "Com_commit").await;
    let mut players = JoinSet::new();
    for player in 0..AT_ONCE {
        let address = world.addresses()[(player % 2) as usize];
        players.spawn(async move {
            for number in 0..TOGETHER / AT_ONCE {
                let session = token(4, player * 1_000 + number);
                let answer = voice(DOMAINS[0], &session, "+1").send(address).await;
                assert!(answer.dialled().is_some(), "{answer:?}");
            }
        });
    }
    players.join_all().await;
    let commits = MySql::count(&mut mysql, "Com_commit").await - before;
    println!("{TOGETHER} calls, {AT_ONCE} at a time over two servers: {commits} commits");
    assert!(commits * 2 < TOGETHER, "{commits} commits");
}

/// Everything that Redis is asked.
struct Monitor {
    stream: TcpStream,
    lines: JoinHandle<Vec<String>>,
}

impl Monitor {
    fn start(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut accepted = String::new();
        reader.read_line(&mut accepted).unwrap();
        assert_eq!(accepted.trim(), "+OK");
        let lines = std::thread::spawn(move || reader.lines().map_while(Result::ok).collect());
        Self { stream, lines }
    }

    fn end(self) -> Vec<String> {
        self.stream.shutdown(Shutdown::Both).unwrap();
        self.lines.join().unwrap()
    }
}

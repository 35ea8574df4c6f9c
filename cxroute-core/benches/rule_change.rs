//! Changing one rule among 1,000,000: from the start of the change until a look-up takes the new rule, while another
//! thread looks up without pause; and how long its look-ups take meanwhile.
//!
//! `cargo bench -p cxroute-core --bench rule_change`
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints its table and has no caller")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use cxroute_core::number::DialKey;
use cxroute_core::table::RuleTable;

use self::rules::{DataSet, Shape, prefix_rule};

mod rules;

const RULES: usize = 1_000_000;
const CHANGES: usize = 20_000;
/// The control: what the machine does to a thread that only wants to compute this long.
const SPIN: Duration = Duration::from_micros(50);

fn main() {
    for shape in [Shape::Uniform, Shape::Skewed] {
        let data = DataSet::of(shape, RULES + CHANGES);
        let rules: Vec<_> = data.rules().take(RULES).collect();
        let start = Instant::now();
        let table: RuleTable<u32> = rules.into_iter().collect();
        println!("\n{RULES} rules, {shape:?}: built in {:.2} s", start.elapsed().as_secs_f64());
        change(&ArcSwap::from_pointee(table), &data);
    }
}

/// Adds, replaces and removes rules, and prints how long each took to be seen.
fn change(shared: &ArcSwap<RuleTable<u32>>, data: &DataSet) {
    let stop = AtomicBool::new(false);
    let keys: Vec<DialKey> = data.numbers.iter().map(|number| DialKey::of(number)).collect();
    let quiet = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(shared, &keys, &stop));
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
        reader.join().expect("the reader does not panic")
    });
    stop.store(false, Ordering::Relaxed);
    let (mut spin, mut add, mut replace, mut remove) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let busy = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(shared, &keys, &stop));
        for at in 0..CHANGES {
            let clock = Instant::now();
            while clock.elapsed() < SPIN {}
            spin.push(clock.elapsed());
            let prefix = &data.prefixes[RULES + at];
            let key = DialKey::of(prefix);
            let (new, old) = ((RULES + at) as u32, at as u32);
            add.push(seen(shared, &key, Some(new), |table| {
                assert!(table.insert(prefix_rule(prefix, new)).is_none())
            }));
            let mut changed = prefix_rule(prefix, new);
            changed.payload = old;
            replace.push(seen(shared, &key, Some(old), |table| assert_eq!(table.insert(changed), Some(new))));
            let gone = prefix_rule(prefix, new);
            remove.push(seen(shared, &key, None, |table| {
                assert!(table.remove(&gone.pattern, 1, gone.id).is_some());
            }));
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().expect("the reader does not panic")
    });
    println!("{:>26} {:>10} {:>10} {:>10}", "microseconds", "median", "p99", "max");
    let rows = [
        ("nothing, spinning 50 µs", spin),
        ("add", add),
        ("replace", replace),
        ("remove", remove),
        ("look-up, no changes", quiet),
        ("look-up, changes", busy),
    ];
    for (name, mut times) in rows {
        times.sort_unstable();
        let micros = |at: usize| times[at.min(times.len() - 1)].as_nanos() as f64 / 1000.0;
        let (median, p99, most) =
            (micros(times.len() / 2), micros(times.len() * 99 / 100), micros(times.len()));
        println!("{name:>26} {median:>10.1} {p99:>10.1} {most:>10.1}");
    }
}

/// Makes a change and looks up through the shared table until the payload is the expected one (`None`: until the rule
/// that had the exact prefix is gone).
fn seen(
    shared: &ArcSwap<RuleTable<u32>>,
    key: &DialKey,
    payload: Option<u32>,
    change: impl FnOnce(&mut RuleTable<u32>),
) -> Duration {
    let before = *shared.load().find(key).map_or(&u32::MAX, |rule| rule.payload());
    let start = Instant::now();
    let mut next = RuleTable::clone(&shared.load());
    change(&mut next);
    shared.store(next.into());
    loop {
        let now = shared.load().find(key).map(|rule| *rule.payload());
        if payload.map_or(now != Some(before), |payload| now == Some(payload)) {
            return start.elapsed();
        }
    }
}

/// Looks up all numbers again and again, and times batches of 16; returns the time of one look-up in each batch.
fn read(shared: &ArcSwap<RuleTable<u32>>, keys: &[DialKey], stop: &AtomicBool) -> Vec<Duration> {
    let mut cache = Cache::new(shared);
    let mut times = Vec::with_capacity(1 << 22);
    while !stop.load(Ordering::Relaxed) {
        for batch in keys.chunks(16) {
            let start = Instant::now();
            let table = cache.load();
            batch.iter().for_each(|key| {
                assert!(std::hint::black_box(table.find(key)).is_none_or(|rule| rule.priority() == 1))
            });
            times.push(start.elapsed() / 16);
        }
    }
    times
}

//! Look-up of 12-digit numbers among 100,000 and 1,000,000 literal prefixes: `cxroute` against the tries that one would
//! otherwise take. All answer the same numbers, in turns, so that a noisy machine disturbs all alike.
//!
//! `cargo bench -p cxroute-core --bench rule_lookup`
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench prints its table and has no caller")]

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use allocation_counter::measure;
use cxroute_core::number::DialKey;
use cxroute_core::table::RuleTable;
use rustc_hash::FxHashMap;

use self::rules::{DataSet, Shape};

mod rules;

const ROUNDS: usize = 21;
/// Numbers timed at once; divides their count.
const SLICE: usize = 2_000;

/// One contestant: what it answers, and a run over some of the numbers that returns the sum of the answers.
struct Contestant<'a> {
    name: &'static str,
    bytes: u64,
    answers: Vec<Option<u32>>,
    run: Box<dyn Fn(Range<usize>) -> u64 + 'a>,
}

fn main() {
    // Sizes can be given as arguments.
    let given: Vec<usize> = std::env::args().filter_map(|size| size.parse().ok()).collect();
    for count in if given.is_empty() { vec![100_000, 1_000_000] } else { given } {
        for shape in [Shape::Uniform, Shape::Skewed] {
            compare(shape, count);
        }
    }
}

fn compare(shape: Shape, count: usize) {
    let data = DataSet::of(shape, count);
    let keys: Vec<DialKey> = data.numbers.iter().map(|number| DialKey::of(number)).collect();
    let packed: Vec<u64> = data.numbers.iter().map(|number| pack(number)).collect();
    let (table, table_bytes) = built(|| data.rules().collect::<RuleTable<u32>>());
    let mut sorted: Vec<(&str, u32)> = data.prefixes.iter().map(String::as_str).zip(0..).collect();
    sorted.sort_unstable();
    let (crawdad, crawdad_bytes) =
        built(|| crawdad::Trie::from_records(sorted.iter().copied()).expect("sorted"));
    let (prefix_map, prefix_bytes) = built(|| {
        let entry = |(prefix, at): &(&str, u32)| ((pack(prefix), 4 * prefix.len() as u8), *at);
        sorted.iter().map(entry).collect::<prefix_trie::PrefixMap<(u64, u8), u32>>()
    });
    let (radix, radix_bytes) = built(|| {
        let mut radix = fast_radix_trie::StringRadixMap::new();
        sorted.iter().for_each(|(prefix, at)| assert!(radix.insert(*prefix, *at).is_none()));
        radix
    });
    let (fst, fst_bytes) = built(|| {
        fst::Map::from_iter(sorted.iter().map(|(prefix, at)| (prefix, u64::from(*at)))).expect("sorted")
    });
    let (hash, hash_bytes) = built(|| {
        let mut maps: Vec<FxHashMap<u64, u32>> = vec![FxHashMap::default(); 12];
        sorted
            .iter()
            .for_each(|(prefix, at)| assert!(maps[prefix.len()].insert(pack(prefix), *at).is_none()));
        maps
    });
    let contestants = [
        contestant("cxroute", table_bytes, &keys, |key| table.find(key).map(|rule| *rule.payload())),
        contestant("cxroute, from text", table_bytes, &data.numbers, |number| {
            table.find(&DialKey::of(number)).map(|rule| *rule.payload())
        }),
        contestant("crawdad", crawdad_bytes, &data.numbers, |number| {
            crawdad.common_prefix_search(number.chars()).last().map(|(at, _)| at)
        }),
        contestant("prefix-trie", prefix_bytes, &packed, |number| {
            prefix_map.get_lpm(&(*number, 48)).map(|(_, at)| *at)
        }),
        contestant("fast_radix_trie", radix_bytes, &data.numbers, |number| {
            radix.get_longest_common_prefix(number.as_str()).map(|(_, at)| *at)
        }),
        contestant("fst", fst_bytes, &data.numbers, |number| longest_in_fst(&fst, number.as_bytes())),
        contestant("HashMap by length", hash_bytes, &packed, |number| {
            (3..12).rev().find_map(|digits| {
                hash[digits].get(&(number >> (64 - 4 * digits) << (64 - 4 * digits))).copied()
            })
        }),
    ];
    report(shape, count, &contestants);
}

fn contestant<'a, N>(
    name: &'static str,
    bytes: u64,
    numbers: &'a [N],
    find: impl Fn(&N) -> Option<u32> + 'a,
) -> Contestant<'a> {
    let answers = numbers.iter().map(&find).collect();
    let run = move |slice: Range<usize>| {
        numbers[slice].iter().map(|number| find(number).map_or(0, u64::from)).sum()
    };
    Contestant { name, bytes, answers, run: Box::new(run) }
}

/// Runs the contestants in turns and prints their times per look-up.
fn report(shape: Shape, count: usize, contestants: &[Contestant<'_>]) {
    let numbers = contestants[0].answers.len();
    let matched = contestants[0].answers.iter().flatten().count();
    println!("\n{count} rules, {shape:?}; {matched} of {numbers} numbers match; {ROUNDS} rounds");
    let mut rounds = vec![Vec::with_capacity(ROUNDS); contestants.len()];
    for _ in 0..ROUNDS {
        for (contestant, rounds) in contestants.iter().zip(&mut rounds) {
            rounds.push(slice_times(contestant));
        }
    }
    let times: Vec<(f64, f64)> =
        rounds.iter().map(|rounds| (at_quantile(rounds, 0.0), at_quantile(rounds, 0.5))).collect();
    let reference = contestants.iter().position(|one| one.name == "crawdad").expect("crawdad is among them");
    println!(
        "{:>18} {:>21} {:>21} {:>11} {:>15}",
        "", "median ns x crawdad", "best ns x crawdad", "bytes/rule", "allocs/look-up"
    );
    for (contestant, (best, median)) in contestants.iter().zip(&times) {
        assert!(
            contestant.answers == contestants[reference].answers,
            "{} answers otherwise",
            contestant.name
        );
        let allocations = measure(|| assert!(black_box((contestant.run)(0..numbers)) > 0)).count_total as f64;
        let (name, bytes) = (contestant.name, contestant.bytes as f64 / count as f64);
        let (best_ratio, median_ratio) = (best / times[reference].0, median / times[reference].1);
        let per_number = allocations / numbers as f64;
        println!(
            "{name:>18} {median:>11.1} {median_ratio:>9.2} {best:>11.1} {best_ratio:>9.2} {bytes:>11.1} {per_number:>15.1}"
        );
    }
}

/// One run over all numbers: nanoseconds per look-up in each slice.
fn slice_times(contestant: &Contestant<'_>) -> Vec<f64> {
    let starts = (0..contestant.answers.len()).step_by(SLICE);
    let time = |start| {
        let clock = Instant::now();
        black_box((contestant.run)(start..start + SLICE));
        clock.elapsed().as_nanos() as f64 / SLICE as f64
    };
    starts.map(time).collect()
}

/// The mean over the slices of each one's quantile over the rounds: what other programs do to the machine hits few
/// rounds of a slice.
fn at_quantile(rounds: &[Vec<f64>], quantile: f64) -> f64 {
    let slices = rounds[0].len();
    let of_slice = |slice: usize| {
        let mut times: Vec<f64> = rounds.iter().map(|round| round[slice]).collect();
        times.sort_by(f64::total_cmp);
        times[(quantile * (times.len() - 1) as f64) as usize]
    };
    (0..slices).map(of_slice).sum::<f64>() / slices as f64
}

/// Builds something, and says how many bytes of heap it holds.
fn built<T>(build: impl FnOnce() -> T) -> (T, u64) {
    let mut build = Some(build);
    let mut made = None;
    let info = measure(|| made = build.take().map(|build| build()));
    (made.expect("measure calls its closure"), info.bytes_current.unsigned_abs())
}

/// Digits as nibbles from the highest on.
fn pack(digits: &str) -> u64 {
    digits.bytes().zip((0..16).rev()).map(|(digit, place)| u64::from(digit - b'0') << (4 * place)).sum()
}

fn longest_in_fst(map: &fst::Map<Vec<u8>>, number: &[u8]) -> Option<u32> {
    let fst = map.as_fst();
    let (mut node, mut output, mut longest) = (fst.root(), fst::raw::Output::zero(), None);
    for byte in number {
        let Some(at) = node.find_input(*byte) else { break };
        let transition = node.transition(at);
        output = output.cat(transition.out);
        node = fst.node(transition.addr);
        if node.is_final() {
            longest = Some(output.cat(node.final_output()).value() as u32);
        }
    }
    longest
}

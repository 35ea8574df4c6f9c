//! Build script: with the feature `country`, turns libphonenumber's numbering plans (as the crate `phonenumber` carries
//! them) into the prefix table of `src/country.rs`; without it, does nothing.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "country")]
    plan::write();
}

#[cfg(feature = "country")]
mod plan {
    use std::collections::{BTreeSet, HashMap};
    use std::fmt::Write as _;
    use std::path::Path;

    use phonenumber::Metadata;
    use phonenumber::metadata::DATABASE;
    use regex_automata::Anchored;
    use regex_automata::dfa::{Automaton, StartKind, dense};
    use regex_automata::util::{primitives::StateID, syntax};

    /// Entries of a node: a region's index, `IS_NODE` + a node's index, or `UNASSIGNED`.
    const UNASSIGNED: u16 = u16::MAX;
    const IS_NODE: u16 = 1 << 15;
    /// National digits looked at before regions count as sharing a prefix for good; no plan differs later.
    const MAX_NATIONAL: usize = 8;

    type Dfa = dense::DFA<Vec<u32>>;

    /// One of the regions that share a country code.
    struct Candidate {
        entry: u16,
        rule: Rule,
    }

    /// How libphonenumber recognises a region's national numbers.
    #[derive(Clone)]
    enum Rule {
        /// By their leading digits.
        Leading(Dfa),
        /// By the patterns of the types of numbers it has.
        Valid(Dfa),
    }

    /// What is known about a region after some national digits.
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    enum Standing {
        Open(StateID),
        Certain,
        Out,
    }

    pub(super) fn write() {
        let codes = country_codes();
        let regions: Vec<&str> = DATABASE
            .iter()
            .map(Metadata::id)
            .filter(|id| *id != "001")
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut nodes = vec![[UNASSIGNED; 10]];
        for code in codes {
            let entry = entry_of_code(code, &regions, &mut nodes);
            insert(&mut nodes, &code.to_string(), entry);
        }
        let mut text = String::new();
        let _ = writeln!(text, "pub(super) const UNASSIGNED: u16 = {UNASSIGNED};");
        let _ = writeln!(text, "pub(super) const IS_NODE: u16 = {IS_NODE};");
        let bytes: Vec<_> = regions.iter().map(|region| format!("*b{region:?}")).collect();
        let _ =
            writeln!(text, "pub(super) static REGIONS: [[u8; 2]; {}] = [{}];", bytes.len(), bytes.join(", "));
        let _ = writeln!(text, "pub(super) static NODES: [super::Node; {}] = {nodes:?};", nodes.len());
        let folder = std::env::var("OUT_DIR").expect("Cargo sets OUT_DIR");
        std::fs::write(Path::new(&folder).join("numbering_plan.rs"), text).expect("OUT_DIR is writable");
    }

    fn country_codes() -> BTreeSet<u16> {
        DATABASE.iter().map(Metadata::country_code).collect()
    }

    fn entry_of_code(code: u16, regions: &[&str], nodes: &mut Vec<[u16; 10]>) -> u16 {
        // The main region comes first, the others in libphonenumber's order.
        let plans: Vec<_> = DATABASE
            .by_code(&code)
            .expect("the code is the database's")
            .into_iter()
            .filter(|plan| plan.id() != "001")
            .collect();
        let entry = |plan: &Metadata| regions.binary_search(&plan.id()).map_or(UNASSIGNED, |at| at as u16);
        match plans.as_slice() {
            [] => UNASSIGNED,
            [only] => entry(only),
            [main, ..] => {
                // What libphonenumber would not find (it looks at leading digits alone where a region has them) goes
                // to the region that nevertheless lists it, before it falls to the main one.
                let by_leading = plans.iter().filter_map(|plan| Some((entry(plan), leading(plan)?)));
                let by_leading: HashMap<_, _> = by_leading.collect();
                let first = plans
                    .iter()
                    .map(|plan| by_leading.get(&entry(plan)).cloned().unwrap_or_else(|| valid(plan)));
                let second = plans.iter().filter(|plan| plan.leading_digits().is_some());
                let candidates = plans
                    .iter()
                    .map(|plan| entry(plan))
                    .zip(first)
                    .chain(second.map(|plan| (entry(plan), valid(plan))))
                    .map(|(entry, rule)| Candidate { entry, rule })
                    .collect();
                SharedCode { candidates, main: entry(main), nodes, known: HashMap::new() }.entry()
            }
        }
    }

    fn leading(plan: &Metadata) -> Option<Rule> {
        plan.leading_digits().map(|leading| Rule::Leading(dfa(leading.as_str())))
    }

    fn valid(plan: &Metadata) -> Rule {
        let types = plan.descriptors();
        let patterns: Vec<_> = [
            types.fixed_line(),
            types.mobile(),
            types.toll_free(),
            types.premium_rate(),
            types.shared_cost(),
            types.personal_number(),
            types.voip(),
            types.pager(),
            types.uan(),
            types.voicemail(),
        ]
        .into_iter()
        .flatten()
        .map(|kind| format!("(?:{})", kind.national_number().as_str()))
        .collect();
        Rule::Valid(dfa(&format!("(?:{})$", patterns.join("|"))))
    }

    fn dfa(pattern: &str) -> Dfa {
        dense::Builder::new()
            .configure(dense::Config::new().start_kind(StartKind::Anchored))
            .syntax(syntax::Config::new().unicode(false).utf8(false).ignore_whitespace(true))
            .build(&format!("(?:{pattern})"))
            .expect("libphonenumber's patterns are regular")
    }

    impl Candidate {
        fn dfa(&self) -> &Dfa {
            match &self.rule {
                Rule::Leading(dfa) | Rule::Valid(dfa) => dfa,
            }
        }

        fn start(&self) -> Standing {
            Standing::Open(
                self.dfa().universal_start_state(Anchored::Yes).expect("no look-behind in the patterns"),
            )
        }

        fn after(&self, standing: Standing, digit: u8) -> Standing {
            let Standing::Open(state) = standing else { return standing };
            let next = self.dfa().next_state(state, b'0' + digit);
            let led_here = || self.dfa().is_match_state(self.dfa().next_eoi_state(next));
            match self.rule {
                Rule::Leading(_) if led_here() => Standing::Certain,
                _ if self.dfa().is_dead_state(next) => Standing::Out,
                _ => Standing::Open(next),
            }
        }
    }

    /// The division of one country code's national numbers among its regions.
    struct SharedCode<'a> {
        candidates: Vec<Candidate>,
        main: u16,
        nodes: &'a mut Vec<[u16; 10]>,
        /// Decisions by depth and standings: prefixes that no pattern tells apart are decided once.
        known: HashMap<(usize, Vec<Standing>), u16>,
    }

    impl SharedCode<'_> {
        fn entry(&mut self) -> u16 {
            let standings = self.candidates.iter().map(Candidate::start).collect();
            self.decide(0, standings)
        }

        /// The entry for a national prefix: a region, or a node where the next digit matters.
        fn decide(&mut self, depth: usize, standings: Vec<Standing>) -> u16 {
            let mut left =
                self.candidates.iter().zip(&standings).filter(|(_, standing)| **standing != Standing::Out);
            let Some((first, standing)) = left.next() else { return self.main };
            let settled = left.all(|(other, _)| other.entry == first.entry);
            if *standing == Standing::Certain || settled || depth == MAX_NATIONAL {
                return first.entry;
            }
            let key = (depth, standings);
            if let Some(entry) = self.known.get(&key) {
                return *entry;
            }
            let mut node = [UNASSIGNED; 10];
            for (digit, entry) in (0..).zip(&mut node) {
                let next =
                    self.candidates.iter().zip(&key.1).map(|(one, standing)| one.after(*standing, digit));
                *entry = self.decide(depth + 1, next.collect());
            }
            let same = node.iter().all(|entry| *entry == node[0]) && node[0] & IS_NODE == 0;
            let entry = if same { node[0] } else { push(self.nodes, node) };
            self.known.insert(key, entry);
            entry
        }
    }

    fn push(nodes: &mut Vec<[u16; 10]>, node: [u16; 10]) -> u16 {
        if let Some(same) = nodes.iter().skip(1).position(|other| *other == node) {
            return IS_NODE | (same + 1) as u16;
        }
        nodes.push(node);
        IS_NODE | (nodes.len() - 1) as u16
    }

    /// Puts a country code's entry into the tree, making the nodes above it; these are never shared.
    fn insert(nodes: &mut Vec<[u16; 10]>, code: &str, entry: u16) {
        let digits: Vec<usize> = code.bytes().map(|digit| usize::from(digit - b'0')).collect();
        let (last, above) = digits.split_last().expect("a country code has digits");
        let mut at = 0;
        for digit in above {
            if nodes[at][*digit] == UNASSIGNED {
                nodes.push([UNASSIGNED; 10]);
                nodes[at][*digit] = IS_NODE | (nodes.len() - 1) as u16;
            }
            at = usize::from(nodes[at][*digit] & !IS_NODE);
        }
        nodes[at][*last] = entry;
    }
}

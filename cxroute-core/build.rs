//! Build script: with the feature `country`, turns libphonenumber's numbering plans (as the crate `phonenumber` carries
//! them) into the prefix table of `src/country.rs`; without it, does nothing.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "country")]
    plan::write()?;
    Ok(())
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
    type Failure = Box<dyn std::error::Error>;

    /// One of the regions that share a country code.
    struct Candidate {
        entry: u16,
        rule: Rule,
    }

    /// How libphonenumber recognises a region's national numbers.
    struct Rule {
        kind: Kind,
        dfa: Dfa,
        start: StateID,
    }

    enum Kind {
        /// By their leading digits.
        Leading,
        /// By the patterns of the types of numbers it has.
        Valid,
    }

    /// What is known about a region after some national digits.
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    enum Standing {
        Open(StateID),
        Certain,
        Out,
    }

    pub(super) fn write() -> Result<(), Failure> {
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
            let entry = entry_of_code(code, &regions, &mut nodes)?;
            insert(&mut nodes, &code.to_string(), entry);
        }
        let mut text = String::new();
        writeln!(text, "pub(super) const UNASSIGNED: u16 = {UNASSIGNED};")?;
        writeln!(text, "pub(super) const IS_NODE: u16 = {IS_NODE};")?;
        let bytes: Vec<_> = regions.iter().map(|region| format!("*b{region:?}")).collect();
        writeln!(text, "pub(super) static REGIONS: [[u8; 2]; {}] = [{}];", bytes.len(), bytes.join(", "))?;
        writeln!(text, "pub(super) static NODES: [super::Node; {}] = {nodes:?};", nodes.len())?;
        let folder = std::env::var("OUT_DIR")?;
        std::fs::write(Path::new(&folder).join("numbering_plan.rs"), text)?;
        Ok(())
    }

    fn country_codes() -> BTreeSet<u16> {
        DATABASE.iter().map(Metadata::country_code).collect()
    }

    fn entry_of_code(code: u16, regions: &[&str], nodes: &mut Vec<[u16; 10]>) -> Result<u16, Failure> {
        // The main region comes first, the others in libphonenumber's order.
        let plans = DATABASE.by_code(&code).into_iter().flatten();
        let plans: Vec<&Metadata> = plans.filter(|plan| plan.id() != "001").collect();
        let entry = |plan: &Metadata| regions.binary_search(&plan.id()).map_or(UNASSIGNED, |at| at as u16);
        let [main, _, ..] = plans.as_slice() else {
            return Ok(plans.first().map_or(UNASSIGNED, |only| entry(only)));
        };
        let mut candidates = Vec::new();
        for plan in &plans {
            let rule = leading(plan).unwrap_or_else(|| valid(plan))?;
            candidates.push(Candidate { entry: entry(plan), rule });
        }
        // What libphonenumber would not find (it looks at leading digits alone where a region has them) goes to the
        // region that nevertheless lists it, before it falls to the main one.
        for plan in plans.iter().filter(|plan| plan.leading_digits().is_some()) {
            candidates.push(Candidate { entry: entry(plan), rule: valid(plan)? });
        }
        let standings = candidates.iter().map(|one| Standing::Open(one.rule.start)).collect();
        Ok(SharedCode { candidates, main: entry(main), nodes, known: HashMap::new() }.decide(0, standings))
    }

    fn leading(plan: &Metadata) -> Option<Result<Rule, Failure>> {
        plan.leading_digits().map(|leading| Rule::of(Kind::Leading, leading.as_str()))
    }

    fn valid(plan: &Metadata) -> Result<Rule, Failure> {
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
        Rule::of(Kind::Valid, &format!("(?:{})$", patterns.join("|")))
    }

    impl Rule {
        fn of(kind: Kind, pattern: &str) -> Result<Self, Failure> {
            let dfa = dense::Builder::new()
                .configure(dense::Config::new().start_kind(StartKind::Anchored))
                .syntax(syntax::Config::new().unicode(false).utf8(false).ignore_whitespace(true))
                .build(&format!("(?:{pattern})"))?;
            let start = dfa.universal_start_state(Anchored::Yes).ok_or("a pattern looks behind its start")?;
            Ok(Self { kind, dfa, start })
        }
    }

    impl Candidate {
        fn after(&self, standing: Standing, digit: u8) -> Standing {
            let Standing::Open(state) = standing else { return standing };
            let dfa = &self.rule.dfa;
            let next = dfa.next_state(state, b'0' + digit);
            let led_here = || dfa.is_match_state(dfa.next_eoi_state(next));
            match self.rule.kind {
                Kind::Leading if led_here() => Standing::Certain,
                _ if dfa.is_dead_state(next) => Standing::Out,
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
        let digits = code.bytes().map(|digit| usize::from(digit - b'0'));
        let (mut at, mut last) = (0, None);
        for digit in digits {
            if let Some(above) = last.replace(digit) {
                if nodes[at][above] == UNASSIGNED {
                    nodes.push([UNASSIGNED; 10]);
                    nodes[at][above] = IS_NODE | (nodes.len() - 1) as u16;
                }
                at = usize::from(nodes[at][above] & !IS_NODE);
            }
        }
        if let Some(last) = last {
            nodes[at][last] = entry;
        }
    }
}

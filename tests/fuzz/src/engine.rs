//! Runs a target again and again, with inputs that reach ever more of the code.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::coverage::{self, Seen};
use crate::memory;
use crate::mutation::change;
use crate::random::Random;

/// What is fuzzed.
pub trait Target {
    /// Its name on the command line and in file names.
    fn name(&self) -> &'static str;

    /// Inputs to begin with.
    fn seeds(&self) -> Vec<Vec<u8>>;

    /// Words that inputs are made of.
    fn words(&self) -> Vec<Vec<u8>>;

    /// How long an input may get, in bytes.
    fn max_bytes(&self) -> usize;

    /// Gives an input to the code under test, and panics if what comes of it is wrong.
    fn run(&self, input: &[u8]);
}

/// When to stop, and where to keep what is found.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How long to go on.
    pub time: Duration,
    /// How many runs at most.
    pub runs: u64,
    /// What the inputs depend on.
    pub seed: u64,
    /// Where inputs are kept that reached something new, to begin with the next time.
    pub folder: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// How many inputs were run.
    pub runs: u64,
    /// For how long.
    pub time: Duration,
    /// How many inputs reached something new.
    pub kept: usize,
    /// What was reached.
    pub seen: Seen,
    /// The most memory that a run held, in bytes.
    pub memory: usize,
    /// Where the input is that the target does not survive, if there is one.
    pub find: Option<PathBuf>,
}

/// Fuzzes a target until the plan ends or it panics.
///
/// # Errors
///
/// The folder cannot be read or written.
pub fn fuzz(target: &dyn Target, plan: &Plan) -> io::Result<Report> {
    let corpus = plan.folder.join("corpus");
    fs::create_dir_all(&corpus)?;
    let mut session = Session {
        target,
        now: File::create(plan.folder.join(NOW))?,
        frame: Vec::new(),
        report: Report {
            runs: 0,
            time: Duration::ZERO,
            kept: 0,
            seen: Seen::nothing(),
            memory: 0,
            find: None,
        },
        kept: Vec::new(),
    };
    watch_over(target.name());
    coverage::reset();
    let started = Instant::now();

    let mut first = target.seeds();
    for entry in fs::read_dir(&corpus)? {
        first.push(fs::read(entry?.path())?);
    }
    let words = target.words();
    let mut random = Random::from_seed(plan.seed);
    let mut first = first.into_iter();
    while session.report.runs < plan.runs && started.elapsed() < plan.time {
        let input = first
            .next()
            .unwrap_or_else(|| session.next_input(&mut random, &words));
        match session.run(&input)? {
            Outcome::NothingNew => {}
            Outcome::New => {
                fs::write(corpus.join(name_of(&input)), &input)?;
                session.kept.push(input);
            }
            Outcome::Panic => {
                let path = plan.folder.join(format!("find-{}", name_of(&input)));
                fs::write(&path, &input)?;
                session.report.find = Some(path);
                break;
            }
        }
    }
    session.report.time = started.elapsed();
    session.report.kept = session.kept.len();
    Ok(session.report)
}

/// Gives the target one input from a file: one that was kept, or the one that was run last.
///
/// # Errors
///
/// The file cannot be read.
pub fn again(target: &dyn Target, path: &Path) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let input = match bytes.split_first_chunk() {
        Some((length, rest)) if path.ends_with(NOW) => {
            let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
            &rest[..length.min(rest.len())]
        }
        _ => &bytes[..],
    };
    target.run(input);
    Ok(())
}

const NOW: &str = "now";

struct Session<'t> {
    target: &'t dyn Target,
    /// Holds the input of this moment, for whoever looks after an abort.
    now: File,
    frame: Vec<u8>,
    report: Report,
    kept: Vec<Vec<u8>>,
}

enum Outcome {
    NothingNew,
    New,
    Panic,
}

impl Session<'_> {
    fn next_input(&self, random: &mut Random, words: &[Vec<u8>]) -> Vec<u8> {
        let Some(newest) = self.kept.len().checked_sub(1) else {
            return vec![random.next() as u8];
        };
        // Half of the time one of the newest: what was just reached leads on most often.
        let from = match random.below(2) {
            0 => newest - random.below(newest / 8 + 1),
            _ => random.below(newest + 1),
        };
        let mut input = self.kept[from].clone();
        let other = random.one_of(&self.kept);
        change(&mut input, random, words, other, self.target.max_bytes());
        input
    }

    fn run(&mut self, input: &[u8]) -> io::Result<Outcome> {
        // Its length first: to cut the file each time would take longer than many a run.
        self.frame.clear();
        self.frame.extend((input.len() as u64).to_le_bytes());
        self.frame.extend(input);
        self.now.write_all_at(&self.frame, 0)?;
        self.report.runs += 1;
        RUNS.store(self.report.runs, Relaxed);
        let run = || catch_unwind(AssertUnwindSafe(|| self.target.run(input)));
        let (outcome, memory) = memory::most_held_by(run);
        let is_new = self.report.seen.take_in();
        self.report.memory = self.report.memory.max(memory);
        Ok(match outcome {
            Err(_) => Outcome::Panic,
            Ok(()) if is_new => Outcome::New,
            Ok(()) => Outcome::NothingNew,
        })
    }
}

/// The number of the run of this moment.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// Ends the process if a run does not end. Its input is in the file `now`.
fn watch_over(name: &'static str) {
    std::thread::spawn(move || {
        let mut last = RUNS.load(Relaxed);
        loop {
            std::thread::sleep(LONGEST_RUN);
            let current = RUNS.load(Relaxed);
            if current == last && current != 0 {
                eprintln!("{name}: run {current} does not end");
                std::process::exit(1);
            }
            last = current;
        }
    });
}

const LONGEST_RUN: Duration = Duration::from_secs(10);

/// A name for the file of an input: FNV-1a of its bytes.
fn name_of(input: &[u8]) -> String {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// Panics at inputs that hold a `!`, and remembers what it was given.
    struct Bang(Mutex<Vec<Vec<u8>>>);

    impl Target for Bang {
        fn name(&self) -> &'static str {
            "bang"
        }

        fn seeds(&self) -> Vec<Vec<u8>> {
            vec![b"?".to_vec()]
        }

        fn words(&self) -> Vec<Vec<u8>> {
            vec![b"!".to_vec()]
        }

        fn max_bytes(&self) -> usize {
            4
        }

        fn run(&self, input: &[u8]) {
            let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            given.push(input.to_vec());
            assert!(!input.contains(&b'!'), "bang");
        }
    }

    fn plan(folder: &Path, runs: u64) -> Plan {
        Plan {
            time: Duration::from_secs(60),
            runs,
            seed: 1,
            folder: folder.to_owned(),
        }
    }

    #[test]
    fn a_panic_ends_it_and_its_input_is_kept() {
        let folder = std::env::temp_dir().join(format!("fuzz-{}-find", std::process::id()));
        let target = Bang(Mutex::default());

        let report = fuzz(&target, &plan(&folder, 100_000)).expect("files can be written");

        let find = report.find.expect("it panics sooner or later");
        let last = target.0.lock().expect_err("it panicked").into_inner().pop();
        assert_eq!(fs::read(&find).ok(), last);
        for path in [find, folder.join(NOW)] {
            let again = || again(&target, &path);
            assert!(catch_unwind(AssertUnwindSafe(again)).is_err());
        }
        fs::remove_dir_all(folder).expect("it was made here");
    }

    #[test]
    fn it_runs_as_often_as_planned_from_the_seeds_on() {
        let folder = std::env::temp_dir().join(format!("fuzz-{}-runs", std::process::id()));
        let target = Bang(Mutex::default());

        let report = fuzz(&target, &plan(&folder, 1)).expect("files can be written");

        assert_eq!((report.runs, report.find), (1, None));
        assert_eq!(*target.0.lock().expect("no panic"), [b"?"]);
        fs::remove_dir_all(folder).expect("it was made here");
    }
}

//! `fuzz <target> <folder>`: fuzzes a target and keeps in the folder what it finds.
//! `fuzz <target> <folder> <file>`: gives it one input again.
//!
//! `FUZZ_SECONDS` (60) says for how long, `FUZZ_LEAST_RUNS` (5000) how many runs there have to be,
//! and `FUZZ_SEED` (the time of day) what the inputs depend on.

mod maze;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stockade_fuzz::engine::{self, Plan, Report, Target};
use stockade_fuzz::{coverage, memory, targets};

#[global_allocator]
static ALLOCATOR: memory::Counted = memory::Counted;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["maze", folder] => solve(Path::new(folder)),
        [target, folder] => named(target).and_then(|target| fuzz(target.as_ref(), folder)),
        [target, _, file] => named(target).and_then(|target| again(target.as_ref(), file)),
        _ => Err("fuzz <target> <folder> [<file>]".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn named(name: &str) -> Result<Box<dyn Target>, String> {
    let mut targets = targets::all();
    let at = targets.iter().position(|target| target.name() == name);
    let at = at.ok_or_else(|| format!("there is no target {name}"))?;
    Ok(targets.swap_remove(at))
}

fn fuzz(target: &dyn Target, folder: &str) -> Result<(), String> {
    if !coverage::is_there() {
        return Err("nothing is instrumented; .ci/fuzz builds it as it has to be".to_owned());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let plan = Plan {
        time: Duration::from_secs(number("FUZZ_SECONDS", 60)?),
        runs: u64::MAX,
        seed: number("FUZZ_SEED", now.map_or(0, |now| now.as_secs()))?,
        folder: PathBuf::from(folder),
    };
    let least = number("FUZZ_LEAST_RUNS", 5000)?;

    let report = engine::fuzz(target, &plan).map_err(|error| error.to_string())?;

    println!(
        "{}: {}, seed {}",
        target.name(),
        summary(&report),
        plan.seed
    );
    match report.find {
        Some(path) => Err(format!(
            "{} does not survive {}",
            target.name(),
            path.display()
        )),
        None if report.runs < least => Err(format!("{least} runs are needed")),
        None => Ok(()),
    }
}

fn again(target: &dyn Target, file: &str) -> Result<(), String> {
    engine::again(target, Path::new(file)).map_err(|error| error.to_string())
}

/// Shows that the engine follows what it reaches: nobody gets through the maze by chance.
fn solve(folder: &Path) -> Result<(), String> {
    let plan = Plan {
        time: Duration::from_secs(60),
        runs: 2_000_000,
        seed: 1,
        folder: folder.to_owned(),
    };
    std::panic::set_hook(Box::new(|_| {}));
    let report = engine::fuzz(&maze::Maze, &plan).map_err(|error| error.to_string())?;
    println!("maze: {}", summary(&report));
    match report.find {
        Some(_) => Ok(()),
        None => Err("the engine does not find its way".to_owned()),
    }
}

fn summary(report: &Report) -> String {
    let seconds = report.time.as_secs_f64();
    format!(
        "{} runs in {seconds:.0} s ({:.0} a second), {} inputs kept, {} of {} branches, at most {} KiB held",
        report.runs,
        report.runs as f64 / seconds.max(0.001),
        report.kept,
        report.seen.branches(),
        report.seen.of(),
        report.memory / 1024,
    )
}

fn number(name: &str, default: u64) -> Result<u64, String> {
    match env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name} is not a number")),
        Err(_) => Ok(default),
    }
}

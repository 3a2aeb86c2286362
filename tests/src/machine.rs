//! What the machine says of processes: memory, descendants, limits. Linux only.

use std::fs;

use rustix::process::{Resource, getrlimit, setrlimit};

/// The memory that a process holds, in bytes (proc(5), `VmRSS`).
///
/// # Panics
///
/// When the process is gone.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let kilobytes = status.lines().find_map(|line| {
        let rest = line.strip_prefix("VmRSS:")?;
        rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    kilobytes.expect("a running process has VmRSS") * 1024
}

/// The most memory that a process ever held, in bytes (proc(5), `VmHWM`).
///
/// # Panics
///
/// When the process is gone.
pub fn peak_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let kilobytes = status.lines().find_map(|line| {
        let rest = line.strip_prefix("VmHWM:")?;
        rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    kilobytes.expect("a running process has VmHWM") * 1024
}

/// The process of this name among the descendants of `ancestor`.
pub fn descendant(ancestor: u32, name: &str) -> Option<u32> {
    children(ancestor).into_iter().find_map(|child| {
        let command = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        if command.trim() == name {
            return Some(child);
        }
        descendant(child, name)
    })
}

fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name in parentheses may hold anything; the state and the parent follow it.
            let after = stat.rsplit_once(") ")?.1;
            let found: u32 = after.split(' ').nth(1)?.parse().ok()?;
            (found == parent).then_some(pid)
        })
        .collect()
}

/// Lets this process, and those that it starts from now on, hold as many files as it may.
///
/// # Panics
///
/// When that is fewer than `needed`.
pub fn allow_files(needed: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a limit can be raised to its maximum");
    let most = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        most >= needed,
        "{needed} open files are needed, {most} are allowed"
    );
}

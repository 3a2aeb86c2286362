//! A process with its output, and an end.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// How long anything that is waited for may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a shell is told by `-c`, before a program and its arguments: to end it when its own standard
/// input closes. That is when this process ends, at the latest: a value in a `static` is never dropped.
pub const UNTIL_STDIN_CLOSES: &str = "\"$0\" \"$@\" </dev/null & \
    exec >/dev/null 2>&1; read -r _; kill -TERM $!; wait $!";

/// A running process. It is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    collected: Mutex<Collected>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Collected {
    lines: Vec<String>,
    /// Streams that are not at their end.
    open: usize,
}

/// Asks again and again for what nothing announces.
///
/// # Panics
///
/// When the patience ends first.
pub fn poll<T>(what: &str, find: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Process {
    /// Starts a command and collects its output.
    ///
    /// # Panics
    ///
    /// When it cannot be run.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
        let output = Arc::new(Output::default());
        let stdout = child.stdout.take().expect("it is piped");
        let stderr = child.stderr.take().expect("it is piped");
        output.lock().open = 2;
        collect(stdout, &output);
        collect(stderr, &output);
        Self { child, output }
    }

    /// Starts a command in a terminal, and collects what is shown there.
    ///
    /// # Panics
    ///
    /// When it cannot be run, or there is no terminal.
    pub fn start_in_terminal(mut command: Command) -> Self {
        let (shown, screen) = terminal().expect("there is a terminal");
        let for_errors = screen.try_clone().expect("a terminal can be cloned");
        let child = command
            .stdout(screen)
            .stderr(for_errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
        // As long as anybody holds the screen, what is shown does not end.
        drop(command);
        let output = Arc::new(Output::default());
        output.lock().open = 1;
        collect(shown, &output);
        Self { child, output }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far, line by line.
    pub fn lines(&self) -> Vec<String> {
        self.output.lock().lines.clone()
    }

    /// Waits until `find` finds something in the output.
    ///
    /// # Panics
    ///
    /// When the output ends first, or the patience does.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn(&[String]) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut collected = self.output.lock();
        loop {
            if let Some(found) = find(&collected.lines) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && collected.open > 0,
                "waited in vain for {what}; the output is:\n{}",
                collected.lines.join("\n")
            );
            collected = self.output.wait(collected, left);
        }
    }

    /// Sends a signal.
    ///
    /// # Panics
    ///
    /// When the process is not there any more.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).expect("the process runs");
    }

    /// Closes its standard input, if that was piped.
    pub fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for the end of the process and of its output.
    ///
    /// # Panics
    ///
    /// When it takes longer than `within`.
    pub fn wait_for_end(&mut self, within: Duration) -> ExitStatus {
        assert!(
            self.is_silent_within(within),
            "still running after {within:?}; the output is:\n{}",
            self.lines().join("\n")
        );
        self.child.wait().expect("it is our child")
    }

    fn id(&self) -> Pid {
        let pid = i32::try_from(self.child.id()).ok();
        pid.and_then(Pid::from_raw).expect("a pid is positive")
    }

    /// Whether the output ends in time: the last process that writes there closes it with its end.
    pub fn is_silent_within(&self, within: Duration) -> bool {
        let end = Instant::now() + within;
        let mut collected = self.output.lock();
        while collected.open > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            collected = self.output.wait(collected, left);
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.stdin.is_some() {
            self.close_stdin();
            self.is_silent_within(PATIENCE);
        }
        // One that has ended already is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, Collected> {
        // Each change is one step.
        self.collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        held: MutexGuard<'a, Collected>,
        left: Duration,
    ) -> MutexGuard<'a, Collected> {
        let (held, _) = self
            .news
            .wait_timeout(held, left)
            .unwrap_or_else(PoisonError::into_inner);
        held
    }
}

/// A terminal: what is shown there, and what it is shown on.
fn terminal() -> std::io::Result<(File, File)> {
    let shown = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&shown)?;
    unlockpt(&shown)?;
    let path = ptsname(&shown, Vec::new())?;
    let path = path.to_str().map_err(std::io::Error::other)?;
    let screen = File::options().read(true).write(true).open(path)?;
    Ok((shown.into(), screen))
}

fn collect(stream: impl Read + Send + 'static, output: &Arc<Output>) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(stream.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
            output.lock().lines.push(text);
            output.news.notify_all();
            line.clear();
        }
        output.lock().open -= 1;
        output.news.notify_all();
    });
}

//! The task that owns the process.

use super::{Handler, Order, State};
use crate::app::App;
use crate::log::{Log, Severity};
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;

/// Errors closer together than this count together, and the third ends the host.
const ERROR_WINDOW: Duration = Duration::from_secs(30 * 60);
const MAX_ERRORS: usize = 3;
const READY_INTERVAL: Duration = Duration::from_millis(25);
/// A handler that asks to be started again, without that counting as an error.
const RESTART_CODE: i32 = 200;

/// Why the handler will not be started again.
#[derive(Debug)]
pub(crate) enum Ending {
    /// devhost was told to stop.
    Ordered,
    /// Three errors within half an hour.
    TooManyErrors,
    /// The program could not be run at all.
    CannotRun(io::Error),
}

/// How one process came to its end.
enum Run {
    Exited(ExitStatus),
    NeverReady,
    Restarted,
    Stopped,
}

pub(super) async fn supervise(
    handler: Arc<Handler>,
    app: Arc<App>,
    log: Log,
    mut orders: UnboundedReceiver<Order>,
) -> Ending {
    let mut errors: Vec<Instant> = Vec::new();
    loop {
        let mut child = match spawn(&app, handler.client.port()) {
            Ok(child) => child,
            Err(error) => {
                handler.state.send_replace(State::Over);
                return Ending::CannotRun(error);
            }
        };
        let lines = copy_lines(&mut child, log);
        let run = watch(&handler, &app, &mut child, &mut orders).await;
        handler.state.send_replace(State::Starting);
        kill(&mut child).await;
        for task in lines {
            task.abort();
        }
        let problem = match run {
            Run::Stopped => {
                handler.state.send_replace(State::Over);
                return Ending::Ordered;
            }
            Run::Restarted => continue,
            Run::NeverReady => format!(
                "The handler did not answer on 127.0.0.1:{} within {:?}. It has to listen on the port in FUNCTIONS_CUSTOMHANDLER_PORT, on 127.0.0.1.",
                handler.client.port(),
                app.host.initialization_timeout
            ),
            Run::Exited(status) => match status.code() {
                Some(0) => {
                    handler.state.send_replace(State::Stopped);
                    log.warn("The handler exited with code 0. The host never starts such a handler again, so every invocation fails from now on. Restart devhost.");
                    wait_for_stop(&mut orders).await;
                    return Ending::Ordered;
                }
                Some(RESTART_CODE) => {
                    log.info("The handler exited with code 200: started again.");
                    continue;
                }
                _ => format!("The handler ended: {status}."),
            },
        };
        errors.retain(|error| error.elapsed() < ERROR_WINDOW);
        errors.push(Instant::now());
        log.error(&format!(
            "{problem} (error {} of {MAX_ERRORS})",
            errors.len()
        ));
        if errors.len() >= MAX_ERRORS {
            handler.state.send_replace(State::Over);
            return Ending::TooManyErrors;
        }
    }
}

fn spawn(app: &App, port: u16) -> io::Result<Child> {
    let description = &app.host.description;
    let id = uuid::Uuid::new_v4().to_string();
    Command::new(description.program(&app.root))
        .args(&description.arguments)
        .current_dir(description.directory(&app.root))
        .env_clear()
        .envs(app.settings.iter())
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string())
        .env("FUNCTIONS_HTTPWORKER_PORT", port.to_string())
        .env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", &id)
        .env("FUNCTIONS_HTTPWORKER_ID", &id)
        .env("FUNCTIONS_APP_ROOT_PATH", &app.root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: Ctrl-C in a terminal is for devhost, and a kill takes the handler's
        // children along.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Follows one process until it ends or has to.
async fn watch(
    handler: &Handler,
    app: &App,
    child: &mut Child,
    orders: &mut UnboundedReceiver<Order>,
) -> Run {
    let limit = tokio::time::sleep(app.host.initialization_timeout);
    tokio::pin!(limit);
    let become_ready = async {
        while !handler.answers().await {
            tokio::time::sleep(READY_INTERVAL).await;
        }
    };
    tokio::pin!(become_ready);
    let mut is_ready = false;
    loop {
        tokio::select! {
            exit = child.wait() => return exit.map_or(Run::NeverReady, Run::Exited),
            order = orders.recv() => match order {
                // Meant for the process before this one.
                Some(Order::Restart) if !is_ready => {}
                Some(Order::Restart) => return Run::Restarted,
                Some(Order::Stop) | None => return Run::Stopped,
            },
            () = &mut become_ready, if !is_ready => {
                is_ready = true;
                handler.state.send_replace(State::Ready);
            }
            () = &mut limit, if !is_ready => return Run::NeverReady,
        }
    }
}

/// SIGKILL for the whole group, as the host does it to its process.
async fn kill(child: &mut Child) {
    let group = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // Nothing to kill is what was wanted.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait().await;
}

async fn wait_for_stop(orders: &mut UnboundedReceiver<Order>) {
    while let Some(Order::Restart) = orders.recv().await {}
}

fn copy_lines(child: &mut Child, log: Log) -> Vec<tokio::task::JoinHandle<()>> {
    let mut tasks = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        tasks.push(tokio::spawn(each_line(stdout, move |line| {
            log.handler(Severity::Information, line);
        })));
    }
    if let Some(stderr) = child.stderr.take() {
        tasks.push(tokio::spawn(each_line(stderr, move |line| {
            log.handler(Severity::of_stderr(line), line);
        })));
    }
    tasks
}

async fn each_line(stream: impl AsyncRead + Unpin, mut show: impl FnMut(&str)) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while matches!(stream.read_until(b'\n', &mut line).await, Ok(1..)) {
        show(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
        line.clear();
    }
}

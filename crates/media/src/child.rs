//! A decoder in a child process that can do little and cannot outlive us.
//!
//! The decision that shapes it: whatever parses foreign bytes in C runs behind resource limits
//! (address space, processor time, file size, open files, no core), with an empty environment, no
//! input but what we write to it, no new privileges, in its own process group, and dies with the
//! thread that started it. A watchdog ends it when it says nothing for too long *while we are
//! waiting for it* (time in which the readers of frames are busy does not count) or when its wall
//! time is up. Its standard error is read to the end and kept in bounded size.
//!
//! The parent-death signal fires when the *thread* that forked ends, not the process; so every
//! function here is to be called by the thread that waits for the child, which [`LimitedChild`]
//! makes natural by not being `Send`.
//!
//! It does not confine the file system or the network (the decoders' own whitelists do, see
//! `crate::video::command`).
#![expect(unsafe_code, reason = "resource limits, process groups and inherited descriptors exist only as C calls")]
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{Limits, MediaError};

/// How much of each end of the child's standard error is kept.
const KEPT_BYTES: usize = 2048;
/// Descriptors that a decoder may have open; ffmpeg needs a dozen.
const OPEN_FILES: u64 = 64;

/// What to run and how much it may cost.
pub struct Job<'a> {
    /// Name in messages, with the Debian package that has it.
    pub name: &'static str,
    /// Program; looked up on `PATH` unless it is a path.
    pub program: OsString,
    /// Arguments.
    pub args: Vec<OsString>,
    /// Limits.
    pub limits: &'a Limits,
    /// Largest file that the child may write, in bytes. Pipes are not files.
    pub file_bytes: u64,
    /// Descriptors that the child keeps under the same number.
    pub inherited: Vec<RawFd>,
    /// True when the child's standard input is a pipe that we write to ([`LimitedChild::stdin`]);
    /// otherwise it is empty.
    pub piped_input: bool,
}

/// Why the watchdog ended the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Silent,
    TooLong,
}

struct Watched {
    started: Instant,
    /// Since when somebody waits for output; `None` while nobody does.
    waiting: Option<Instant>,
    /// When anything last came from the child on any watched pipe.
    heard: Instant,
    /// False once the process may have been reaped, when its number could belong to another.
    killable: bool,
    ended: Option<Ended>,
}

struct Watch {
    group: i32,
    silence: Duration,
    wall: Duration,
    state: Mutex<Watched>,
    wake: Condvar,
}

impl Watch {
    fn state(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kill(&self, state: &Watched) {
        if state.killable {
            // SAFETY: kill(2) touches no memory of ours; the group is our child's, which is not
            // reaped while `killable` holds.
            unsafe { libc::kill(-self.group, libc::SIGKILL) };
        }
    }

    fn run(&self) {
        let tick = (self.silence.min(self.wall) / 8).clamp(Duration::from_millis(10), Duration::from_millis(250));
        let mut state = self.state();
        while state.killable && state.ended.is_none() {
            let silent = state.waiting.is_some_and(|since| since.max(state.heard).elapsed() > self.silence);
            let late = state.started.elapsed() > self.wall;
            if silent || late {
                state.ended = Some(if silent { Ended::Silent } else { Ended::TooLong });
                self.kill(&state);
            } else {
                state = self.wake.wait_timeout(state, tick).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

/// The two ends of what the child wrote to its standard error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complaints {
    /// True when there was anything at all.
    pub any: bool,
    head: Vec<u8>,
}

impl Complaints {
    fn read(mut from: impl Read) -> Self {
        let mut all = Self::default();
        let mut buffer = [0u8; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let part = buffer.get(..count).unwrap_or_default();
            all.any = true;
            let room = KEPT_BYTES.saturating_sub(all.head.len()).min(part.len());
            all.head.extend_from_slice(part.get(..room).unwrap_or_default());
        }
        all
    }

    /// The first lines, without addresses, paths and control characters.
    pub fn first_lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.head).lines().map(clean).filter(|line| !line.is_empty()).take(8).collect()
    }
}

/// Takes out what differs from run to run (`[mov @ 0x5581...]`, our descriptor path) and what could
/// act on a terminal.
fn clean(line: &str) -> String {
    let mut rest = line;
    let mut origin = "";
    while let Some((inside, after)) = rest.strip_prefix('[').and_then(|r| r.split_once("] ")) {
        origin = inside.split(" @ ").next().unwrap_or_default();
        rest = after;
    }
    let rest = match rest.strip_prefix("file:/proc/self/fd/") {
        Some(after) => after.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches([':', ' ']),
        None => rest,
    };
    let text: String = rest.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    let text = text.trim();
    if origin.is_empty() || text.is_empty() { text.to_owned() } else { format!("{origin}: {text}") }
}

/// A running decoder.
pub struct LimitedChild {
    name: &'static str,
    child: Child,
    watch: Arc<Watch>,
    watchdog: Option<JoinHandle<()>>,
    complaints: Option<JoinHandle<Complaints>>,
    silence: Duration,
    wall: Duration,
    reaped: bool,
    /// Keeps the value in the thread whose end would kill the child.
    stays: PhantomData<*const ()>,
}

/// How a child ended, when it was not ended by us.
pub struct Exit {
    /// Exit status.
    pub status: ExitStatus,
    /// Its standard error.
    pub complaints: Complaints,
}

impl LimitedChild {
    /// Starts the decoder.
    ///
    /// # Errors
    /// [`MediaError::MissingProgram`] when there is no such program, [`MediaError::Decoder`] when
    /// it cannot be started.
    pub fn spawn(job: &Job) -> Result<Self, MediaError> {
        let mut command = Command::new(&job.program);
        command.args(&job.args).env_clear().env("LANG", "C").env("LC_ALL", "C");
        command.env("PATH", std::env::var_os("PATH").as_deref().unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin")));
        command.stdin(if job.piped_input { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).current_dir("/");
        let bounds = [
            (libc::RLIMIT_AS, job.limits.child_address_space),
            (libc::RLIMIT_CPU, job.limits.child_cpu.as_secs().max(1)),
            (libc::RLIMIT_CORE, 0),
            (libc::RLIMIT_NOFILE, OPEN_FILES),
            (libc::RLIMIT_FSIZE, job.file_bytes),
        ];
        let parent = std::process::id();
        let inherited = job.inherited.clone();
        // SAFETY: between fork and exec the closure makes only async-signal-safe system calls on
        // values copied before the fork; it neither allocates nor locks.
        unsafe {
            command.pre_exec(move || {
                check(libc::setsid())?;
                check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
                // The parent may have died before the signal was armed.
                if libc::getppid() as u32 != parent {
                    libc::_exit(127);
                }
                check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
                // Whatever else is open here without the close-on-exec flag; an old kernel without
                // this call leaves it.
                let first: libc::c_uint = 3;
                libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
                for fd in &inherited {
                    check(libc::fcntl(*fd, libc::F_SETFD, 0))?;
                }
                for (resource, most) in bounds {
                    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                    check(libc::getrlimit(resource, &raw mut limit))?;
                    limit.rlim_max = limit.rlim_max.min(most);
                    limit.rlim_cur = limit.rlim_max;
                    check(libc::setrlimit(resource, &raw const limit))?;
                }
                Ok(())
            });
        }
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MediaError::MissingProgram(job.name),
            _ => MediaError::Decoder(format!("{} cannot be started ({error})", short(job.name))),
        })?;
        let watch = Arc::new(Watch {
            group: child.id() as i32,
            silence: job.limits.child_silence,
            wall: job.limits.child_wall,
            state: Mutex::new(Watched {
                started: Instant::now(),
                waiting: None,
                heard: Instant::now(),
                killable: true,
                ended: None,
            }),
            wake: Condvar::new(),
        });
        let watching = Arc::clone(&watch);
        let stderr = child.stderr.take();
        Ok(Self {
            name: short(job.name),
            child,
            watchdog: Some(std::thread::spawn(move || watching.run())),
            complaints: stderr.map(|pipe| std::thread::spawn(move || Complaints::read(pipe))),
            watch,
            silence: job.limits.child_silence,
            wall: job.limits.child_wall,
            reaped: false,
            stays: PhantomData,
        })
    }

    /// The child's standard output; `None` the second time.
    pub fn stdout(&mut self) -> Option<Watching<ChildStdout>> {
        let pipe = self.child.stdout.take()?;
        // SAFETY: F_SETPIPE_SZ on a descriptor we own; a refusal leaves the pipe at its usual size.
        unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 1 << 20) };
        Some(Watching { pipe, watch: Arc::clone(&self.watch) })
    }

    /// The child's standard input, where the job asked for a pipe; `None` the second time. Dropping
    /// it is the end of the input.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Another pipe from the child. What comes there is a sign of life, but waiting there is not
    /// waiting for the child.
    pub fn listen<R: Read>(&self, pipe: R) -> Listening<R> {
        Listening { pipe, watch: Arc::clone(&self.watch) }
    }

    /// For threads that wait for the child in another way than by reading.
    pub fn patience(&self) -> Patience {
        Patience { watch: Arc::clone(&self.watch) }
    }

    /// Ends the child and everything in its group.
    pub fn kill(&self) {
        let state = self.watch.state();
        self.watch.kill(&state);
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// [`MediaError::Decoder`] when the watchdog had to end it.
    pub fn finish(mut self) -> Result<Exit, MediaError> {
        // Waiting for the end is waiting for output, too: a child that closed its pipes and hangs
        // must go.
        self.watch.state().waiting.get_or_insert_with(Instant::now);
        let (status, complaints) = self.reap();
        let ended = self.watch.state().ended;
        match ended {
            Some(Ended::Silent) => {
                let secs = self.silence.as_secs_f64();
                Err(MediaError::Decoder(format!("{} gave no output for {secs} s and was ended", self.name)))
            }
            Some(Ended::TooLong) => {
                let secs = self.wall.as_secs_f64();
                Err(MediaError::Decoder(format!("{} was not done after {secs} s and was ended", self.name)))
            }
            None => Ok(Exit { status: status?, complaints }),
        }
    }

    fn reap(&mut self) -> (io::Result<ExitStatus>, Complaints) {
        self.reaped = true;
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        loop {
            // SAFETY: waitid writes one siginfo_t to the given place. WNOWAIT leaves the child
            // unreaped, so that its number is still its own.
            let done =
                unsafe { libc::waitid(libc::P_PID, self.child.id(), info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT) };
            if done == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                break;
            }
        }
        {
            let mut state = self.watch.state();
            // Grandchildren hold the pipes open and would outlive the decoder.
            self.watch.kill(&state);
            state.killable = false;
            self.watch.wake.notify_all();
        }
        let status = self.child.wait();
        if let Some(thread) = self.watchdog.take() {
            let _ = thread.join();
        }
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        (status, complaints)
    }
}

impl Drop for LimitedChild {
    fn drop(&mut self) {
        if !self.reaped {
            self.kill();
            let _ = self.reap();
        }
    }
}

/// A pipe from the child; time spent waiting in `read` is what the watchdog measures.
pub struct Watching<R> {
    pipe: R,
    watch: Arc<Watch>,
}

impl<R: Read> Read for Watching<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch.state().waiting = Some(Instant::now());
        let result = self.pipe.read(buffer);
        let mut state = self.watch.state();
        state.waiting = None;
        state.heard = Instant::now();
        result
    }
}

/// A further pipe from the child; see [`LimitedChild::listen`].
pub struct Listening<R> {
    pipe: R,
    watch: Arc<Watch>,
}

impl<R: Read> Read for Listening<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.pipe.read(buffer);
        self.watch.state().heard = Instant::now();
        result
    }
}

/// Lets the watchdog know that somebody waits.
pub struct Patience {
    watch: Arc<Watch>,
}

impl Patience {
    /// Runs something that can only go on when the child does.
    pub fn wait<T>(&self, until: impl FnOnce() -> T) -> T {
        self.watch.state().waiting = Some(Instant::now());
        let result = until();
        self.watch.state().waiting = None;
        result
    }
}

/// A pipe whose write end a child can inherit: `(read end, write end)`.
///
/// # Errors
/// Those of pipe2(2).
pub fn pipe() -> io::Result<(File, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: pipe2 fills the two descriptors, which nobody else owns.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both descriptors are open and ours since pipe2 succeeded.
    unsafe { Ok((File::from(OwnedFd::from_raw_fd(ends[0])), OwnedFd::from_raw_fd(ends[1]))) }
}

/// Runs to the end and gives what was written to standard output, at most `most` bytes.
///
/// # Errors
/// [`MediaError::OverLimit`] beyond `most` bytes, otherwise those of [`LimitedChild`].
pub fn output(job: &Job, most: usize) -> Result<(Vec<u8>, Exit), MediaError> {
    let name = short(job.name);
    let mut child = LimitedChild::spawn(job)?;
    let mut bytes = Vec::new();
    if let Some(pipe) = child.stdout() {
        let read = pipe.take(most as u64 + 1).read_to_end(&mut bytes);
        if bytes.len() > most {
            return Err(MediaError::OverLimit(format!("{name} wrote more than {most} bytes")));
        }
        read?;
    }
    Ok((bytes, child.finish()?))
}

/// The program's name without the hint of where to get it.
fn short(name: &'static str) -> &'static str {
    name.split(' ').next().unwrap_or(name)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

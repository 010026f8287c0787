//! Threads that share the work of one operation.
//!
//! ```text
//!   caller:  publish (pieces, 0) ── claim, work, claim, work … ── wait until all pieces are done
//!   worker:        claim, work, claim, work … ── none left: spin, then yield, then sleep
//! ```
//!
//! # Invariants
//!
//! - **Nobody waits for a thread that has not begun.** Pieces are claimed one by one, so a worker that
//!   the system does not run (more threads than cores) costs nothing but its help.
//! - **No queue.** A caller that finds the workers taken does its work alone, and who kept them from
//!   another lets go of them next time: two callers share them by turns.
//! - **Waiting is bounded.** An idle worker spins for some microseconds, which bridges the gap from one
//!   operation of a pass to the next, and then sleeps.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::{fmt, hint, io, ptr, thread};

/// Pauses of an idle worker before it begins to yield: about as long as waking it would take.
const PAUSES: u32 = 400;

/// Yields after that, before it sleeps: the time between two tokens of a small model.
const YIELDS: u32 = 100;

/// The state in which there is nothing to claim.
const EXHAUSTED: u64 = 0;

/// A fixed number of threads, the caller of [`Pool::run`] among them.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// What a caller asks of the workers; lives on the caller's stack until every piece is done.
struct Job<'a> {
    work: &'a (dyn Fn(usize) + Sync),
    /// What the first piece that panicked said.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

#[derive(Default)]
struct Shared {
    /// `pieces << 32 | next piece`; written by the caller that holds `taken`.
    state: AtomicU64,
    /// Valid from before `state` is published until `done` reaches the number of pieces.
    job: AtomicPtr<Job<'static>>,
    done: AtomicU32,
    taken: AtomicBool,
    /// Who had the workers last, and whether another caller had to do without them meanwhile.
    last: AtomicUsize,
    passed_over: AtomicBool,
    sleepers: AtomicUsize,
    sleep: Mutex<Stop>,
    wake: Condvar,
}

#[derive(Default)]
struct Stop(bool);

impl Pool {
    /// A pool of `threads` threads: the caller's own and `threads - 1` workers.
    ///
    /// # Errors
    ///
    /// Where the system gives no more threads.
    ///
    /// # Panics
    ///
    /// Where `threads` is zero.
    pub fn new(threads: usize) -> io::Result<Self> {
        assert_ne!(threads, 0, "the caller is a thread of the pool");
        let mut pool = Self { shared: Arc::default(), workers: Vec::new() };
        for index in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let worker = thread::Builder::new().name(format!("kernels-{index}"));
            pool.workers.push(worker.spawn(move || shared.serve())?);
        }
        Ok(pool)
    }

    /// Threads that work on one operation, at most.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work(0)` to `work(pieces - 1)`, each once, on whichever thread comes first, and returns
    /// when all of them are done.
    ///
    /// # Panics
    ///
    /// With the first panic of `work`, after all pieces ended.
    pub fn run(&self, pieces: usize, work: &(dyn Fn(usize) + Sync)) {
        let Ok(count @ 2..) = u32::try_from(pieces) else {
            return (0..pieces).for_each(work);
        };
        if self.workers.is_empty() || !self.shared.take() {
            return (0..pieces).for_each(work);
        }
        let job = Job { work, panic: Mutex::default() };
        self.shared.publish(&job, count);
        self.shared.claim_all();
        self.shared.wait(count);
        self.shared.taken.store(false, Ordering::Release);
        let panic = job.panic.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().0 = true;
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its pieces, so it has none of its own to report.
            let _ = worker.join();
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} threads)", self.threads())
    }
}

impl Shared {
    /// Takes the workers for one job, if they are free and it is this caller's turn.
    fn take(&self) -> bool {
        let caller = caller();
        let own = self.last.load(Ordering::Relaxed) == caller;
        if own && self.passed_over.swap(false, Ordering::Relaxed) {
            return false;
        }
        if self.taken.swap(true, Ordering::Acquire) {
            self.passed_over.store(true, Ordering::Relaxed);
            return false;
        }
        self.last.store(caller, Ordering::Relaxed);
        true
    }

    /// Offers the pieces of `job`; the caller returns from [`Self::wait`] before it drops the job.
    fn publish(&self, job: &Job<'_>, pieces: u32) {
        self.done.store(0, Ordering::Relaxed);
        self.job.store(ptr::from_ref(job).cast_mut().cast(), Ordering::Relaxed);
        // Before the look at the sleepers in one order that all threads see: a worker counts itself
        // among them before it looks at the state for the last time.
        self.state.store(u64::from(pieces) << 32, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(self.lock());
            self.wake.notify_all();
        }
    }

    /// Works until no piece is left to claim.
    fn claim_all(&self) {
        while self.has_pieces() {
            let state = self.state.fetch_add(1, Ordering::AcqRel);
            let Some(piece) = unclaimed(state) else { return };
            let job = self.job.load(Ordering::Relaxed);
            // SAFETY: this piece is claimed and not done, so the caller of `run` still waits and its
            // job is alive; the claim, which acquires what `publish` released, made the pointer visible.
            let job = unsafe { &*job };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (job.work)(piece))) {
                let mut first = job.panic.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(panic);
            }
            // The last touch: after it, the caller may return.
            self.done.fetch_add(1, Ordering::Release);
        }
    }

    /// Waits until `pieces` pieces are done, none of which is left to claim.
    fn wait(&self, pieces: u32) {
        let mut turns = 0_u32;
        while self.done.load(Ordering::Acquire) != pieces {
            turns = turns.saturating_add(1);
            // A piece takes microseconds, unless its thread lost its core: then it needs ours.
            if turns > PAUSES { thread::yield_now() } else { hint::spin_loop() }
        }
        self.state.store(EXHAUSTED, Ordering::Relaxed);
    }

    /// A worker's life.
    fn serve(&self) {
        loop {
            self.claim_all();
            let mut turns = 0;
            while !self.has_pieces() {
                turns += 1;
                if turns < PAUSES {
                    hint::spin_loop();
                } else if turns < PAUSES + YIELDS {
                    thread::yield_now();
                } else if self.sleep_for_work() {
                    break;
                } else {
                    return;
                }
            }
        }
    }

    /// Sleeps until there is work, or `false` when the pool is dropped.
    fn sleep_for_work(&self) -> bool {
        let mut stop = self.lock();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while !stop.0 && unclaimed(self.state.load(Ordering::SeqCst)).is_none() {
            stop = self.wake.wait(stop).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        !stop.0
    }

    fn has_pieces(&self) -> bool {
        unclaimed(self.state.load(Ordering::Relaxed)).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stop> {
        self.sleep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next piece of `state`, if one is left.
fn unclaimed(state: u64) -> Option<usize> {
    let (pieces, next) = (state >> 32, state & u64::from(u32::MAX));
    (next < pieces).then(|| usize::try_from(next).expect("it has 32 bits"))
}

/// A number for the calling thread, different from that of every other that is alive.
fn caller() -> usize {
    thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|mark| ptr::from_ref(mark).addr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn every_piece_runs_once_whatever_the_threads() {
        for threads in [1, 2, 3, 8] {
            let pool = Pool::new(threads).unwrap();
            for pieces in [0, 1, 2, 3, 7, 64, 1000] {
                let counts: Vec<_> = (0..pieces).map(|_| AtomicUsize::new(0)).collect();
                pool.run(pieces, &|piece| {
                    counts[piece].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
            }
        }
    }

    #[test]
    fn sleeping_workers_wake_for_the_next_job() {
        let pool = Pool::new(3).unwrap();
        let sum = AtomicUsize::new(0);
        for _ in 0..50 {
            while pool.shared.sleepers.load(Ordering::SeqCst) < 2 {
                thread::yield_now();
            }
            // Each piece waits for the other two: only three awake threads can finish the job.
            let here = AtomicUsize::new(0);
            pool.run(3, &|piece| {
                here.fetch_add(1, Ordering::SeqCst);
                while here.load(Ordering::SeqCst) < 3 {
                    thread::yield_now();
                }
                sum.fetch_add(piece, Ordering::Relaxed);
            });
        }
        assert_eq!(sum.into_inner(), 50 * 3);
    }

    #[test]
    fn many_callers_and_jobs_within_jobs_all_finish() {
        let pool = Pool::new(3).unwrap();
        let sum = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        pool.run(4, &|_| {
                            pool.run(3, &|_| {
                                sum.fetch_add(1, Ordering::Relaxed);
                            });
                        });
                    }
                });
            }
        });
        assert_eq!(sum.into_inner(), 4 * 200 * 4 * 3);
    }

    #[test]
    fn who_kept_the_workers_from_another_lets_go_of_them() {
        let shared = Shared::default();
        let other = || thread::scope(|scope| scope.spawn(|| shared.take()).join().unwrap());
        assert!(shared.take(), "nobody has the workers");
        assert!(!other(), "they are taken");
        shared.taken.store(false, Ordering::Release);
        assert!(!shared.take(), "the other was passed over");
        assert!(other(), "its turn");
        shared.taken.store(false, Ordering::Release);
        assert!(shared.take(), "nobody was passed over since");
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(2).unwrap();
        for _ in 0..20 {
            let done = AtomicUsize::new(0);
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool.run(16, &|piece| {
                    assert_ne!(piece, 5, "on purpose");
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }));
            assert!(result.is_err());
            assert_eq!(done.into_inner(), 15, "the others still ran");
        }
    }
}

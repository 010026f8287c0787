//! The worker, stepped by hand: what becomes of jobs whose receivers go while they run.

use super::*;
use crate::engine::tests::{job, stage, tokens};
use crate::engine::{Job, Sequence};
use runtime::KvOptions;
use std::sync::Arc;
use tokio::sync::oneshot;

type Answer = oneshot::Receiver<Result<Done, EngineError>>;

/// A worker whose sequences this test opens itself.
struct Bench {
    worker: Worker,
    closes: mpsc::UnboundedSender<SequenceKey>,
}

impl Bench {
    fn new() -> Self {
        let (_, jobs) = mpsc::channel(1);
        let (closes, closed) = mpsc::unbounded_channel();
        let (stage, options) = (stage(), EngineOptions::default());
        let pool = stage.new_pool(1024).unwrap();
        Self { worker: Worker::new(stage, pool, options, Arc::default(), jobs, closed), closes }
    }

    fn open(&self, key: SequenceKey) -> Arc<Sequence> {
        Arc::new(Sequence { key, options: KvOptions::default(), closes: self.closes.clone() })
    }

    fn queue(&mut self, job: Job) -> Answer {
        let (answer, done) = oneshot::channel();
        self.worker.queue(Submitted { job, answer });
        done
    }

    /// The next batch, of which `gone` are no longer waited for when it begins.
    async fn pass(&mut self, gone: Vec<Answer>) {
        let batch = self.worker.batcher.next_batch().unwrap();
        assert!(batch.slices.iter().all(|slice| self.worker.seat(slice.sequence)));
        drop(gone);
        self.worker.pass(batch.run, &batch.slices).await;
    }

    fn held(&self, sequence: &Sequence) -> usize {
        self.worker.pool.len(self.worker.open[&sequence.key])
    }
}

/// Goal: nothing is run for nobody, nothing of it is left, and the sequence's next job is none the
/// worse. Method: both jobs of a pass are left just before its first layer.
#[tokio::test]
async fn a_pass_that_all_have_left_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let [one, other] = [1, 2].map(|key| bench.open(key));
    let (begun, rest) = (tokens(1, 7), tokens(2, 9));
    let mut alone = bench.queue(job(&other, 0, &[&begun[..], &rest].concat()));
    bench.pass(Vec::new()).await;
    let expected = alone.try_recv().unwrap().unwrap().chosen.split_off(begun.len());
    let mut first = bench.queue(job(&one, 0, &begun));
    bench.pass(Vec::new()).await;
    first.try_recv().unwrap().unwrap();

    let run = bench.worker.pool.counts().run;
    let gone = vec![bench.queue(job(&one, 7, &rest)), bench.queue(job(&other, 16, &rest))];
    bench.pass(gone).await;
    assert_eq!(bench.worker.pool.counts().run, run);
    assert_eq!([bench.held(&one), bench.held(&other)], [7, 16]);
    assert!(bench.worker.batcher.is_empty());

    let mut next = bench.queue(job(&one, 7, &rest));
    bench.worker.step().await;
    assert_eq!(next.try_recv().unwrap().unwrap().chosen, expected);
}

#[tokio::test]
async fn a_pass_that_one_has_left_answers_the_other() {
    let mut bench = Bench::new();
    let [one, other] = [1, 2].map(|key| bench.open(key));
    let gone = vec![bench.queue(job(&one, 0, &tokens(1, 7)))];
    let mut stays = bench.queue(job(&other, 0, &tokens(2, 9)));
    bench.pass(gone).await;
    assert_eq!(stays.try_recv().unwrap().unwrap().chosen.len(), 9);
    assert!(bench.worker.batcher.is_empty());
}

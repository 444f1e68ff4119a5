//! A write on its way: queued, run, and answered when its fate is known.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::StoreError;
use super::writer::Writer;

/// How much work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It shares a transaction with others.
    Light,
    /// It has one for itself: over a thousand member rows, whole files.
    Heavy,
}

/// What is to become of what a job wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Keep what it wrote.
    Keep,
    /// Undo what it wrote.
    Undo,
}

/// An error of a job, that may be the store's own.
pub trait Failure: From<StoreError> {
    /// What the store had to say, if it is that.
    fn store_error(&self) -> Option<&StoreError>;
}

impl Failure for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

pub(super) trait Job: Send {
    fn weight(&self) -> Weight;
    /// It can be run once more, with the same outcome.
    fn repeats(&self) -> bool;
    fn run(&mut self, writer: &mut Writer<'_>) -> Verdict;
    /// What the store refused it, if it did.
    fn error(&self) -> Option<StoreError>;
    /// `None`: the transaction is on disk. Some: all of it is lost, refusals too, since a refusal may rest on a
    /// neighbour's row that is lost with it.
    fn answer(self: Box<Self>, lost: Option<&StoreError>);
}

/// What a job does.
enum Work<O, R> {
    Once(Option<O>),
    Again(R),
}

struct Write<O, R, T, E> {
    weight: Weight,
    work: Work<O, R>,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

/// A job that runs once.
pub(super) fn job<T, E, F>(weight: Weight, write: F) -> (Box<dyn Job>, Pending<T, E>)
where
    F: FnOnce(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Failure + Send + 'static,
{
    queued::<T, E, F, fn(&mut Writer<'_>) -> Result<T, E>>(weight, Work::Once(Some(write)))
}

/// A job that can be run again.
pub(super) fn repeatable<T, E, F>(weight: Weight, write: F) -> (Box<dyn Job>, Pending<T, E>)
where
    F: Fn(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Failure + Send + 'static,
{
    queued::<T, E, fn(&mut Writer<'_>) -> Result<T, E>, F>(weight, Work::Again(write))
}

fn queued<T, E, O, R>(weight: Weight, work: Work<O, R>) -> (Box<dyn Job>, Pending<T, E>)
where
    O: FnOnce(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    R: Fn(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Failure + Send + 'static,
{
    let (answer, pending) = Pending::new();
    (Box::new(Write { weight, work, result: None, answer }), pending)
}

impl<T, E, O, R> Job for Write<O, R, T, E>
where
    O: FnOnce(&mut Writer<'_>) -> Result<T, E> + Send,
    R: Fn(&mut Writer<'_>) -> Result<T, E> + Send,
    T: Send,
    E: Failure + Send,
{
    fn weight(&self) -> Weight {
        self.weight
    }

    fn repeats(&self) -> bool {
        matches!(self.work, Work::Again(_))
    }

    fn run(&mut self, writer: &mut Writer<'_>) -> Verdict {
        let ran = catch_unwind(AssertUnwindSafe(|| match &mut self.work {
            Work::Once(write) => write.take().map(|write| write(writer)),
            Work::Again(write) => Some(write(writer)),
        }));
        let result = match ran {
            Ok(Some(result)) => result,
            // It has run, and cannot run again.
            Ok(None) => return Verdict::Undo,
            Err(_) => Err(StoreError::Panicked.into()),
        };
        let verdict = if result.is_ok() { Verdict::Keep } else { Verdict::Undo };
        self.result = Some(result);
        verdict
    }

    fn error(&self) -> Option<StoreError> {
        self.result.as_ref()?.as_ref().err()?.store_error().cloned()
    }

    fn answer(self: Box<Self>, lost: Option<&StoreError>) {
        let Write { work, result, answer, .. } = *self;
        // With it goes what the request still held, such as its share of the memory for bodies: whoever has the answer may
        // ask again at once.
        drop(work);
        let result = match (lost, result) {
            (None, Some(result)) => result,
            (Some(error), _) => Err(error.clone().into()),
            (None, None) => Err(StoreError::Panicked.into()),
        };
        // A client that has gone does not need its answer; its write stands.
        let _ = answer.send(result);
    }
}

/// The answer to come.
#[must_use]
pub struct Pending<T, E>(State<T, E>);

enum State<T, E> {
    Waiting(oneshot::Receiver<Result<T, E>>),
    Failed(Option<StoreError>),
}

impl<T, E: From<StoreError>> Pending<T, E> {
    pub(super) fn new() -> (oneshot::Sender<Result<T, E>>, Pending<T, E>) {
        let (answer, receiver) = oneshot::channel();
        (answer, Pending(State::Waiting(receiver)))
    }

    pub(super) fn failed(error: StoreError) -> Pending<T, E> {
        Pending(State::Failed(Some(error)))
    }

    /// Waits for it on a thread that may block: commands, not the server.
    pub fn wait(self) -> Result<T, E> {
        match self.0 {
            State::Waiting(receiver) => receiver.blocking_recv().unwrap_or_else(|_| Err(StoreError::Closed.into())),
            State::Failed(error) => Err(error.unwrap_or(StoreError::Closed).into()),
        }
    }
}

impl<T, E: From<StoreError>> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        match &mut self.0 {
            State::Waiting(receiver) => {
                Pin::new(receiver).poll(cx).map(|r| r.unwrap_or_else(|_| Err(StoreError::Closed.into())))
            }
            State::Failed(error) => Poll::Ready(Err(error.take().unwrap_or(StoreError::Closed).into())),
        }
    }
}
